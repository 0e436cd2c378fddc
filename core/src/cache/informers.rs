//! The informers that a process shares.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reflector::Reflector;
use super::{Informer, Stopped};
use crate::Environment;
use crate::client::Client;
use crate::object::{Kind, Resource};
use crate::selector::{FieldSelector, LabelSelector};

/// Which objects of a kind an informer follows; all, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only objects with such labels.
    pub labels: LabelSelector,
    /// Only objects with such fields.
    pub fields: FieldSelector,
}

impl Selection {
    /// The objects that have this value in this field, such as the pods with `spec.nodeName`.
    pub fn field(field: &str, value: &str) -> Self {
        Self { fields: FieldSelector::equals(field, value), ..Self::default() }
    }

    fn id(&self) -> [String; 3] {
        [self.namespace.clone().unwrap_or_default(), self.labels.to_string(), self.fields.to_string()]
    }
}

type ByKind = BTreeMap<(Kind, [String; 3]), Arc<Informer>>;

/// The informers over one client, each kind (and selection of it) followed once. Cheap to clone.
///
/// They run until [`stop`](Informers::stop), or until the last clone is dropped.
#[derive(Clone)]
pub struct Informers(Arc<Shared>);

struct Shared {
    env: Environment,
    client: Arc<dyn Client>,
    stop: CancellationToken,
    tasks: TaskTracker,
    informers: Mutex<ByKind>,
}

impl Informers {
    /// No informer yet; each starts when it is first asked for.
    pub fn new(env: Environment, client: Arc<dyn Client>) -> Self {
        Self(Arc::new(Shared {
            env,
            client,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            informers: Mutex::default(),
        }))
    }

    /// The informer of all objects of a `k8s_openapi` type.
    pub fn of<K: Resource>(&self) -> Arc<Informer> {
        self.of_kind(Kind::of::<K>())
    }

    /// The informer of all objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> Arc<Informer> {
        self.selected(kind, Selection::default())
    }

    /// The informer of the objects of a kind that are selected. Equal selections share one.
    pub fn selected(&self, kind: Kind, selection: Selection) -> Arc<Informer> {
        let start = || {
            let informer = Arc::new(Informer::new(kind, selection.clone()));
            let shared = &self.0;
            let (env, client, stop) = (shared.env.clone(), shared.client.clone(), shared.stop.clone());
            let reflector = Reflector::new(env, client, informer.clone(), stop);
            // The handle is not needed: the tracker knows when the task has ended.
            drop(shared.env.spawn(shared.tasks.track_future(reflector.run())));
            informer
        };
        self.lock().entry((kind, selection.id())).or_insert_with(start).clone()
    }

    /// Waits for the first whole state of every informer started so far. Cancel-safe.
    ///
    /// # Errors
    ///
    /// When they were stopped before.
    pub async fn synced(&self) -> Result<(), Stopped> {
        let informers: Vec<_> = self.lock().values().cloned().collect();
        for informer in informers {
            informer.synced().await?;
        }
        Ok(())
    }

    /// Stops following, and waits for the end of all tasks. What the caches hold stays readable.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, ByKind> {
        // The map has no state between two entries that a panic could leave broken.
        self.0.informers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
