//! What the worker remembers of an action that has ended.

use bireme_core::client::Deletion;
use bireme_core::error::ApiError;
use bireme_core::events::Severity;
use bireme_core::runtime::{ContainerId, RuntimeError};
use k8s_openapi::api::core::v1::PodStatus;
use tracing::{debug, warn};

use super::PodWorker;
use super::outcome::{Outcome, StepError, Told};
use super::probes::Finding;
use crate::pod::backoff::{BackOff, Failure};
use crate::pod::declared;
use crate::pod::memory::{Hook, Slot, Volumes};
use crate::pod::probe::ProbeKind;

impl PodWorker {
    /// Frees the slot and takes in what became of the action.
    pub(super) fn settle(&mut self, slot: Slot, outcome: Outcome) {
        self.memory.busy.remove(&slot);
        match outcome {
            Outcome::Volumes(result) => self.volumes_settled(result),
            Outcome::VolumesRemoved(result) => self.volumes_removed(result),
            Outcome::Sandbox(result) => {
                match &result {
                    Ok(sandbox) => _ = self.unseen.sandboxes.insert(sandbox.clone()),
                    Err(_) => self.unseen.everything = true,
                }
                self.sandbox_step(
                    "FailedCreatePodSandBox",
                    result.map(drop).map_err(|error| error.to_string()),
                );
            }
            Outcome::Attached(sandbox, result) => {
                if result.is_err() {
                    self.unseen.sandboxes.insert(sandbox.clone());
                }
                let result = result.map(|address| self.memory.address = Some((sandbox, address)));
                self.own_sandboxes();
                let result = result.map_err(|error| {
                    let message = format!("Failed to set up the pod's network: {error}");
                    self.agent.note(&self.object, None, Severity::Warning, "FailedCreatePodSandBox", message);
                    error.to_string()
                });
                self.sandbox_step("NetworkNotReady", result);
            }
            Outcome::Closed(sandbox, result) => {
                self.look_into(&sandbox);
                if result.is_ok() {
                    self.memory.address =
                        self.memory.address.take().filter(|(connected, _)| *connected != sandbox);
                    self.memory.closed.insert(sandbox);
                }
                self.teardown_step(result.map_err(|error| error.to_string()));
            }
            Outcome::SandboxRemoved(sandbox, result) => {
                self.look_into(&sandbox);
                if result.is_ok() {
                    self.agent.table.disown_sandbox(&sandbox);
                }
                self.teardown_step(result.map_err(|error| error.to_string()));
            }
            Outcome::Image(container, result) => self.image_settled(container, result),
            Outcome::Created(container, result) => self.created(container, result),
            Outcome::Started(container, id, result) => self.started(container, id, result),
            Outcome::PostStart(container, id, result) => self.post_start_settled(container, id, result),
            Outcome::PreStop(container, id, result) => self.pre_stop_settled(container, id, result),
            Outcome::Stopped(id, result) | Outcome::Removed(id, result) => {
                self.unseen.containers.insert(id);
                self.teardown_step(result.map_err(|error| error.to_string()));
            }
            Outcome::Probed { container, id, kind, begun, finding } => {
                self.probed(&container, &id, kind, begun, finding);
            }
            Outcome::Told(status, result) => self.told(*status, result),
            Outcome::Deleted(result) => self.deleted(result),
        }
    }

    fn failure(
        &self,
        previous: Option<&Failure>,
        reason: &'static str,
        message: String,
        backoff: BackOff,
    ) -> Failure {
        Failure::after(previous, reason, message, &backoff, self.agent.env.now())
    }

    fn volumes_settled(&mut self, result: Result<(), String>) {
        let outdated = std::mem::take(&mut self.volumes_outdated);
        self.memory.volumes = match result {
            Ok(()) if outdated => Volumes::Stale,
            Ok(()) => Volumes::Ready,
            Err(message) => {
                self.agent.note(&self.object, None, Severity::Warning, "FailedMount", &message);
                let previous = match &self.memory.volumes {
                    Volumes::Failed(failure) => Some(failure),
                    _ => None,
                };
                Volumes::Failed(self.failure(
                    previous,
                    "FailedMount",
                    message,
                    self.agent.config.timings.step,
                ))
            }
        };
    }

    fn volumes_removed(&mut self, result: Result<(), std::io::Error>) {
        match &result {
            Ok(()) => self.memory.volumes = Volumes::Removed,
            Err(error) => {
                let message = format!("the pod's files cannot be removed: {error}");
                self.agent.note(&self.object, None, Severity::Warning, "FailedUnmount", message);
            }
        }
        self.teardown_step(result.map_err(|error| error.to_string()));
    }

    fn sandbox_step(&mut self, reason: &'static str, result: Result<(), String>) {
        let backoff = self.agent.config.timings.step;
        self.memory.sandbox_failure = match result {
            Ok(()) => None,
            Err(message) => {
                warn!(pod = %self.key, reason, message, "the sandbox is not ready");
                let previous = self.memory.sandbox_failure.as_ref();
                Some(self.failure(previous, reason, message, backoff))
            }
        };
    }

    fn teardown_step(&mut self, result: Result<(), String>) {
        let backoff = self.agent.config.timings.step;
        self.memory.teardown_failure = match result {
            Ok(()) => None,
            Err(message) => {
                warn!(pod = %self.key, message, "a step of the pod's end failed");
                let previous = self.memory.teardown_failure.as_ref();
                Some(self.failure(previous, "FailedKillPod", message, backoff))
            }
        };
    }

    fn image_settled(&mut self, container: String, result: Result<(), StepError>) {
        match result {
            Ok(()) => {
                self.memory.image_failures.remove(&container);
                self.memory.images.insert(container);
            }
            Err(error) => {
                let previous = self.memory.image_failures.get(&container);
                let failure =
                    self.failure(previous, error.reason, error.message, self.agent.config.timings.image);
                self.memory.image_failures.insert(container, failure);
            }
        }
    }

    fn created(&mut self, container: String, result: Result<ContainerId, StepError>) {
        match result {
            Ok(id) => {
                self.note(&container, Severity::Normal, "Created", format!("Created container: {container}"));
                self.memory.failures.remove(&container);
                self.unseen.containers.insert(id);
            }
            Err(error) => {
                // The sandbox may have gone while the container was being made.
                self.unseen.sandboxes.extend(self.observed.sandbox().map(|newest| newest.id.clone()));
                if !error.image_missing {
                    self.memory.images.insert(container.clone());
                }
                self.step_failed(container, error.reason, error.message);
            }
        }
    }

    fn step_failed(&mut self, container: String, reason: &'static str, message: String) {
        self.note(&container, Severity::Warning, "Failed", format!("Error: {message}"));
        let previous = self.memory.failures.get(&container);
        let failure = self.failure(previous, reason, message, self.agent.config.timings.crash);
        self.memory.failures.insert(container, failure);
    }

    fn started(&mut self, container: String, id: ContainerId, result: Result<(), RuntimeError>) {
        self.unseen.containers.insert(id.clone());
        match result {
            Ok(()) => {
                self.note(&container, Severity::Normal, "Started", format!("Started container {container}"));
                self.memory.failures.remove(&container);
                let spec = declared::by_name(declared::spec(&self.pod), &container);
                let hook = spec.and_then(|declared| declared.spec.lifecycle.as_ref()?.post_start.as_ref());
                self.memory.post_start.insert(id, if hook.is_some() { Hook::Due } else { Hook::Done });
            }
            // The container has ended without having run: its end is what counts.
            Err(error @ RuntimeError::Start { .. }) => {
                self.note(&container, Severity::Warning, "Failed", format!("Error: {error}"));
            }
            Err(error) => {
                self.unseen.everything = true;
                self.step_failed(container, "RunContainerError", error.to_string());
            }
        }
    }

    fn post_start_settled(&mut self, container: String, id: ContainerId, result: Result<(), String>) {
        let hook = match result {
            Ok(()) => Hook::Done,
            Err(message) => {
                let message = format!("PostStartHook failed: {message}");
                self.note(&container, Severity::Warning, "FailedPostStartHook", message);
                Hook::Failed
            }
        };
        self.memory.post_start.insert(id, hook);
    }

    fn pre_stop_settled(&mut self, container: String, id: ContainerId, result: Result<(), String>) {
        if let Err(message) = result {
            let message = format!("PreStopHook failed: {message}");
            self.note(&container, Severity::Warning, "FailedPreStopHook", message);
        }
        self.memory.pre_stop_done.insert(id);
    }

    fn probed(
        &mut self,
        container: &str,
        id: &ContainerId,
        kind: ProbeKind,
        begun: jiff::Timestamp,
        finding: Finding,
    ) {
        let Some(declared) = declared::by_name(declared::spec(&self.pod), container) else { return };
        // A container that has been replaced or is being ended is not judged any more.
        let current = self.observed.container(container).is_some_and(|found| found.id == *id);
        let Some(probe) = kind.of(declared.spec).filter(|_| current) else { return };
        match &finding {
            Finding::Success => self.memory.probes.record(container, kind, id, probe, true, begun),
            Finding::Failure(_) => self.memory.probes.record(container, kind, id, probe, false, begun),
            Finding::Nothing(_) => self.memory.probes.postpone(container, kind, id, probe, begun),
        }
        if let Finding::Failure(message) = finding {
            let message = format!("{} probe failed: {message}", kind.name());
            self.note(container, Severity::Warning, "Unhealthy", message);
        } else if let Finding::Nothing(message) = finding {
            let message = format!("{} probe errored: {message}", kind.name());
            self.note(container, Severity::Warning, "Unhealthy", message);
        }
    }

    fn told(&mut self, status: PodStatus, result: Result<Told, ApiError>) {
        match result {
            Ok(Told::Written(object)) => {
                self.memory.api_failure = None;
                self.adopt(object);
                // A server that keeps a status in other words than it was told is not told again and again.
                self.memory.told = Some(status);
            }
            Ok(Told::Changed(object)) => {
                self.memory.told = None;
                self.adopt(object);
            }
            Ok(Told::Gone) => self.memory.gone = true,
            Err(error) => self.api_failed("the pod's status cannot be written", error),
        }
    }

    fn deleted(&mut self, result: Result<Option<Deletion>, ApiError>) {
        match result {
            Ok(Some(Deletion::Marked(_))) => self.memory.deleted = true,
            Ok(Some(Deletion::Gone { .. }) | None) => self.memory.gone = true,
            Err(error) => self.api_failed("the pod cannot be deleted", error),
        }
    }

    fn api_failed(&mut self, what: &'static str, error: ApiError) {
        debug!(pod = %self.key, %error, what);
        let previous = self.memory.api_failure.as_ref();
        let failure = self.failure(previous, "ApiFailure", error.to_string(), self.agent.config.timings.step);
        self.memory.api_failure = Some(failure);
    }

    fn note(&self, container: &str, severity: Severity, reason: &str, message: String) {
        self.agent.note(&self.object, Some(container), severity, reason, message);
    }
}
