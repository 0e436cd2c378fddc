//! Single objects, by name: ConfigMaps, Secrets, and the node itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::cache::{Delta, Informer, Subscription};
use bireme_core::client::{ApiEvent, Client, WatchFrom, WatchOptions};
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::selector::FieldSelector;
use futures::StreamExt;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

/// An object by kind and key.
pub(crate) type Reference = (Kind, ObjectKey);

/// Told that an object has changed, appeared or gone.
pub type Notice = Arc<dyn Fn() + Send + Sync>;

/// Where ConfigMaps, Secrets and the kubelet's own Node are read.
#[async_trait]
pub trait Configs: Send + Sync + 'static {
    /// The object as it is now; `None` when there is none.
    async fn fetch(&self, kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError>;

    /// Calls `notice` whenever the object changes, until what is returned is dropped. It must be quick.
    fn follow(&self, kind: Kind, key: &ObjectKey, notice: Notice) -> Box<dyn std::any::Any + Send + Sync>;
}

/// Who is to be told of what.
#[derive(Default)]
struct Followers {
    next: u64,
    by_object: BTreeMap<Reference, BTreeMap<u64, Notice>>,
}

type SharedFollowers = Arc<Mutex<Followers>>;

fn lock(followers: &Mutex<Followers>) -> MutexGuard<'_, Followers> {
    // A map whose insertion panicked is still a map.
    followers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a follower when dropped.
struct Following {
    followers: Weak<Mutex<Followers>>,
    object: Reference,
    id: u64,
}

impl Drop for Following {
    fn drop(&mut self) {
        let Some(followers) = self.followers.upgrade() else { return };
        let mut followers = lock(&followers);
        if let Some(of_object) = followers.by_object.get_mut(&self.object) {
            of_object.remove(&self.id);
            if of_object.is_empty() {
                followers.by_object.remove(&self.object);
            }
        }
    }
}

/// Single objects from informers that the process shares.
pub struct SharedConfigs {
    informers: BTreeMap<Kind, Arc<Informer>>,
    followers: SharedFollowers,
    _subscriptions: Vec<Subscription>,
}

impl SharedConfigs {
    /// Reads from informers of all objects of a kind: ConfigMaps, Secrets and Nodes.
    pub fn new(informers: impl IntoIterator<Item = Arc<Informer>>) -> Self {
        let followers = SharedFollowers::default();
        let subscribe = |informer: &Arc<Informer>| {
            let followers = followers.clone();
            informer.subscribe(Arc::new(move |delta: &Delta| {
                let object = (delta.kind(), delta.key().clone());
                let notices: Vec<Notice> = lock(&followers)
                    .by_object
                    .get(&object)
                    .into_iter()
                    .flatten()
                    .map(|(_, it)| it.clone())
                    .collect();
                notices.iter().for_each(|notice| notice());
            }))
        };
        let informers: BTreeMap<_, _> =
            informers.into_iter().map(|informer| (informer.kind(), informer)).collect();
        let _subscriptions = informers.values().map(subscribe).collect();
        Self { informers, followers, _subscriptions }
    }
}

#[async_trait]
impl Configs for SharedConfigs {
    async fn fetch(&self, kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        let unknown = || ApiError::new(Reason::InternalError, format!("nobody here follows {kind}"));
        let informer = self.informers.get(&kind).ok_or_else(unknown)?;
        let stopped =
            |error| ApiError::new(Reason::ServiceUnavailable, "the informer has stopped").caused_by(error);
        informer.synced().await.map_err(stopped)?;
        Ok(informer.cache().get(key))
    }

    fn follow(&self, kind: Kind, key: &ObjectKey, notice: Notice) -> Box<dyn std::any::Any + Send + Sync> {
        let object = (kind, key.clone());
        let mut followers = lock(&self.followers);
        let id = followers.next;
        followers.next += 1;
        followers.by_object.entry(object.clone()).or_default().insert(id, notice);
        Box::new(Following { followers: Arc::downgrade(&self.followers), object, id })
    }
}

/// Single objects read one by one: what a kubelet on another machine may see is its node and what its pods name.
pub struct WatchedConfigs {
    env: Environment,
    client: Arc<dyn Client>,
}

/// How long to wait before a watch that broke is begun again.
const AGAIN: Duration = Duration::from_secs(5);

impl WatchedConfigs {
    /// Reads through the client.
    pub fn new(env: Environment, client: Arc<dyn Client>) -> Self {
        Self { env, client }
    }
}

#[async_trait]
impl Configs for WatchedConfigs {
    async fn fetch(&self, kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        match self.client.get(kind, key).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn follow(&self, kind: Kind, key: &ObjectKey, notice: Notice) -> Box<dyn std::any::Any + Send + Sync> {
        let stop = CancellationToken::new();
        let watch = watch(self.env.clone(), self.client.clone(), kind, key.clone(), notice);
        let stopped = stop.clone();
        // The task ends with the guard that is returned.
        drop(self.env.spawn(async move {
            stopped.run_until_cancelled(watch).await;
        }));
        let guard: DropGuard = stop.drop_guard();
        Box::new(guard)
    }
}

/// Follows one object for ever. A broken watch begins anew with the present state, which is a notice too.
async fn watch(env: Environment, client: Arc<dyn Client>, kind: Kind, key: ObjectKey, notice: Notice) {
    let options = WatchOptions {
        namespace: key.namespace().map(str::to_owned),
        fields: FieldSelector::equals("metadata.name", key.name()),
        from: WatchFrom::Now,
        ..WatchOptions::default()
    };
    loop {
        match client.watch(kind, &options).await {
            Ok(mut events) => {
                while let Some(Ok(event)) = events.next().await {
                    if !matches!(event, ApiEvent::Bookmark { .. }) {
                        notice();
                    }
                }
            }
            Err(error) => debug!(%error, %kind, %key, "cannot watch"),
        }
        env.sleep(AGAIN).await;
    }
}
