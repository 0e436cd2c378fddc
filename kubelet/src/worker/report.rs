//! Telling the API: the status when it has changed, and the end.

use bireme_core::client::{Client, DeleteOptions, Deletion, Part, WriteOptions};
use bireme_core::error::ApiError;
use bireme_core::events::Severity;
use bireme_core::object::{Kind, Object};
use futures::FutureExt;
use k8s_openapi::api::core::v1::{Pod, PodStatus};

use super::PodWorker;
use super::outcome::{Outcome, Told};
use crate::agent::Agent;
use crate::pod::declared;
use crate::pod::memory::Slot;

/// The field manager of the agent's writes.
pub(crate) const MANAGER: &str = "kubelet";

impl PodWorker {
    /// Writes the status, unless the API has it already or is just being told.
    pub(super) fn report(&mut self, status: &PodStatus) {
        let now = self.agent.env.now();
        let waits = self.memory.api_failure.as_ref().is_some_and(|failure| now < failure.retry_at);
        let told = declared::status(&self.pod) == status || self.memory.told.as_ref() == Some(status);
        if told || waits || self.memory.gone || self.memory.deleted || self.memory.is_busy(&Slot::Api) {
            return;
        }
        self.note_back_off(status);
        let (agent, pod, status) = (self.agent.clone(), self.pod.clone(), status.clone());
        let write = async move {
            let written = write(agent.client.as_ref(), &pod, &status).await;
            Outcome::Told(Box::new(status), written)
        };
        self.memory.busy.insert(Slot::Api, None);
        self.flights.launch(Slot::Api, write.boxed());
    }

    /// Containers that begin to wait after failures are an event of the pod.
    fn note_back_off(&self, status: &PodStatus) {
        for container in status.init_container_statuses.iter().chain(&status.container_statuses).flatten() {
            let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
            let Some(waiting) = waiting else { continue };
            let before = declared::reported(&self.pod, &container.name);
            let before = before.and_then(|before| before.state.as_ref()?.waiting.as_ref());
            let reason = waiting.reason.as_deref().unwrap_or_default();
            if before == Some(waiting) || !matches!(reason, "CrashLoopBackOff" | "ImagePullBackOff") {
                continue;
            }
            let message = match reason {
                "ImagePullBackOff" => format!("Back-off pulling image \"{}\"", container.image),
                _ => format!(
                    "Back-off restarting failed container {} in pod {}({})",
                    container.name, self.key, self.uid
                ),
            };
            self.agent.note(&self.object, Some(&container.name), Severity::Warning, "BackOff", message);
        }
    }
}

/// Writes a status on top of the state that it was planned from. When somebody changed the pod meanwhile, its
/// present state is the answer, for a new plan.
async fn write(client: &dyn Client, pod: &Pod, status: &PodStatus) -> Result<Told, ApiError> {
    let pod = Pod { status: Some(status.clone()), ..pod.clone() };
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let object = Object::from_typed(pod)?;
    match client.update(&object, Part::Status, &WriteOptions::manager(MANAGER)).await {
        Err(error) if error.is_conflict() => match client.get(Kind::of::<Pod>(), object.key()).await {
            Ok(present) if present.uid() == uid => Ok(Told::Changed(present)),
            Ok(_) => Ok(Told::Gone),
            Err(error) if error.is_not_found() => Ok(Told::Gone),
            Err(error) => Err(error),
        },
        Err(error) if error.is_not_found() => Ok(Told::Gone),
        written => written.map(Told::Written),
    }
}

/// Deletes the pod, of which nothing is left on the node: just this incarnation of it, and at once. `None` when it
/// is gone already.
pub(super) async fn delete(agent: &Agent, object: &Object) -> Result<Option<Deletion>, ApiError> {
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::of_uid(object.uid()) };
    match agent.client.delete(Kind::of::<Pod>(), object.key(), &options).await {
        // Another pod has the name.
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(None),
        deleted => deleted.map(Some),
    }
}
