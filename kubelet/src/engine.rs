//! What an agent finds on its node when it starts, and what happens there from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::object::{DecodeError, Object};
use bireme_core::runtime::{ContainerStatus, PodIdentity, RuntimeEvents, SandboxId, SandboxStatus};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tracing::warn;

use crate::agent::Agent;
use crate::pod::observed::Observed;
use crate::volumes::pod_folder;

/// The engine's events; waits until it gives them.
pub(crate) async fn events(agent: &Agent) -> RuntimeEvents {
    insist(agent, "the engine's events", || agent.runtime.events()).await
}

/// Tries until it works.
async fn insist<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    agent: &Agent,
    what: &'static str,
    attempt: impl Fn() -> F,
) -> T {
    let mut failures = 0;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => {
                failures += 1;
                warn!(node = %agent.config.node, %error, what, "not to be had yet");
                agent.env.sleep(agent.config.timings.step.after(failures)).await;
            }
        }
    }
}

/// A pod of which the engine holds something.
#[derive(Clone)]
pub(crate) struct Found(PodIdentity);

impl Found {
    pub(crate) fn key(&self) -> &bireme_core::object::ObjectKey {
        &self.0.key
    }

    /// A pod object with nothing but the identity.
    pub(crate) fn into_object(self) -> Result<(Arc<Object>, Arc<Pod>), DecodeError> {
        let metadata = ObjectMeta {
            name: Some(self.0.key.name().to_owned()),
            namespace: self.0.key.namespace().map(str::to_owned),
            uid: Some(self.0.uid),
            ..ObjectMeta::default()
        };
        let object = Object::from_typed(Pod { metadata, spec: Some(PodSpec::default()), status: None })?;
        let pod = object.typed::<Pod>()?;
        Ok((Arc::new(object), pod))
    }
}

/// What the engine and the network hold, by pod.
pub(crate) struct Listing {
    /// By uid.
    pub(crate) pods: BTreeMap<String, PodIdentity>,
    sandboxes: Vec<SandboxStatus>,
    containers: Vec<ContainerStatus>,
    addresses: BTreeMap<String, IpAddr>,
    /// The sandboxes that there are, whether taken or not.
    existing: BTreeSet<String>,
}

/// Lists the engine and the network; waits until both answer.
pub(crate) async fn list(agent: &Agent) -> Listing {
    let sandboxes = insist(agent, "the engine's sandboxes", || agent.runtime.sandboxes()).await;
    let containers = insist(agent, "the engine's containers", || agent.runtime.containers()).await;
    let attachments = insist(agent, "the network's attachments", || agent.network.attachments()).await;
    let identities = sandboxes.iter().map(|sandbox| &sandbox.pod).chain(containers.iter().map(|it| &it.pod));
    Listing {
        pods: identities.map(|pod| (pod.uid.clone(), pod.clone())).collect(),
        existing: sandboxes.iter().map(|sandbox| sandbox.id.to_string()).collect(),
        addresses: attachments.into_iter().map(|attached| (attached.sandbox, attached.address)).collect(),
        sandboxes,
        containers,
    }
}

impl Listing {
    /// What there is of a pod, and the address of its newest sandbox.
    pub(crate) fn take(&mut self, uid: &str) -> (Observed, Option<(SandboxId, IpAddr)>) {
        let sandboxes = self.sandboxes.extract_if(.., |sandbox| sandbox.pod.uid == uid);
        let containers = self.containers.extract_if(.., |container| container.pod.uid == uid);
        let observed = Observed::new(sandboxes, containers);
        let newest = observed.sandbox().map(|sandbox| sandbox.id.clone());
        let address = newest.and_then(|id| self.addresses.get(&*id.0).map(|address| (id.clone(), *address)));
        (observed, address)
    }

    /// The pods that the API does not know.
    pub(crate) fn orphans(&self, known: &BTreeSet<String>) -> Vec<(String, Found)> {
        let orphan = |(uid, _): &(&String, &PodIdentity)| !known.contains(*uid);
        self.pods.iter().filter(orphan).map(|(uid, pod)| (uid.clone(), Found(pod.clone()))).collect()
    }
}

/// Removes what belongs to no pod of the API and no sandbox of the engine: addresses and files.
pub(crate) async fn remove_strays(agent: &Agent, listing: &Listing, known: &BTreeSet<String>) {
    for sandbox in listing.addresses.keys().filter(|sandbox| !listing.existing.contains(*sandbox)) {
        if let Err(error) = agent.network.detach(sandbox).await {
            warn!(sandbox, %error, "a left-over address cannot be freed");
        }
    }
    let files = &agent.config.host.files;
    let folders = match files.list(std::path::Path::new("pods")).await {
        Ok(folders) => folders,
        Err(error) => return warn!(%error, "the pods' folder cannot be read"),
    };
    for uid in folders.iter().filter(|uid| !known.contains(*uid) && !listing.pods.contains_key(*uid)) {
        if let Err(error) = files.remove(&pod_folder(uid)).await {
            warn!(uid, %error, "left-over files cannot be removed");
        }
    }
}
