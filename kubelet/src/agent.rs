//! What the workers of a node share.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bireme_core::Environment;
use bireme_core::client::Client;
use bireme_core::events::{Note, Recorder, Severity};
use bireme_core::network::PodNetwork;
use bireme_core::object::{Object, ObjectKey};
use bireme_core::quantity::Quantity;
use bireme_core::runtime::{Runtime, SandboxId};
use tokio::sync::Semaphore;

use crate::config::KubeletConfig;
use crate::pod::plan::NodeFacts;
use crate::source::Sources;

/// The node that the workers work for.
pub(crate) struct Agent {
    pub(crate) env: Environment,
    pub(crate) client: Arc<dyn Client>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) network: Arc<dyn PodNetwork>,
    pub(crate) recorder: Recorder,
    pub(crate) sources: Sources,
    pub(crate) config: KubeletConfig,
    pub(crate) facts: NodeFacts,
    /// What the node can promise, by resource.
    pub(crate) allocatable: BTreeMap<String, Quantity>,
    /// The machine's memory, in bytes.
    pub(crate) memory: u64,
    /// How many more images may be pulled at once.
    pub(crate) pulls: Semaphore,
    pub(crate) table: Arc<PodTable>,
}

/// Who has which sandbox and address: how events find workers, and requests find pods.
#[derive(Default)]
pub(crate) struct PodTable(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    sandboxes: BTreeMap<SandboxId, String>,
    pods: BTreeMap<ObjectKey, KnownPod>,
}

/// A pod of the node.
#[derive(Clone)]
pub(crate) struct KnownPod {
    pub(crate) uid: String,
    pub(crate) address: Option<IpAddr>,
}

impl PodTable {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing between two changes of the maps can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn own_sandbox(&self, sandbox: &SandboxId, uid: &str) {
        self.lock().sandboxes.insert(sandbox.clone(), uid.to_owned());
    }

    pub(crate) fn disown_sandbox(&self, sandbox: &SandboxId) {
        self.lock().sandboxes.remove(sandbox);
    }

    /// The uid of the pod that a sandbox belongs to.
    pub(crate) fn owner(&self, sandbox: &SandboxId) -> Option<String> {
        self.lock().sandboxes.get(sandbox).cloned()
    }

    pub(crate) fn put_pod(&self, key: &ObjectKey, uid: &str, address: Option<IpAddr>) {
        self.lock().pods.insert(key.clone(), KnownPod { uid: uid.to_owned(), address });
    }

    /// Forgets a pod, unless another one of that name has taken its place.
    pub(crate) fn remove_pod(&self, key: &ObjectKey, uid: &str) {
        let mut tables = self.lock();
        if tables.pods.get(key).is_some_and(|known| known.uid == uid) {
            tables.pods.remove(key);
        }
        tables.sandboxes.retain(|_, owner| owner != uid);
    }

    pub(crate) fn pod(&self, key: &ObjectKey) -> Option<KnownPod> {
        self.lock().pods.get(key).cloned()
    }
}

impl Agent {
    /// Records an event about a pod, or about one of its containers.
    pub(crate) fn note(
        &self,
        pod: &Object,
        container: Option<&str>,
        severity: Severity,
        reason: &str,
        message: impl Into<String>,
    ) {
        let note = Note::new(pod, severity, reason, message);
        self.recorder.record(match container {
            Some(container) => note.at(format!("spec.containers{{{container}}}")),
            None => note,
        });
    }
}
