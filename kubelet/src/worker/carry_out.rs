//! From an action to the future that does it.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::events::Severity;
use bireme_core::runtime::ContainerId;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::outcome::Outcome;
use super::{PodWorker, container, hooks, image, probes, report, sandbox};
use crate::pod::action::{Action, remaining};
use crate::pod::backoff::Crash;
use crate::pod::declared;
use crate::pod::memory::KillReason;
use crate::pod::observed::exit;
use crate::pod::probe::ProbeKind;
use crate::volumes::pod_folder;

/// What a container gets at least between the signal and its end.
const LEAST_GRACE: Duration = Duration::from_secs(2);

impl PodWorker {
    /// Sets an action going.
    pub(super) fn carry_out(&mut self, action: &Action) {
        let slot = action.slot();
        if matches!(action, Action::AbandonImage { .. }) {
            self.flights.abort(&slot);
            self.memory.busy.remove(&slot);
            return;
        }
        self.remember(action);
        let future = self.future(action);
        self.memory.busy.insert(slot.clone(), action.until());
        self.flights.launch(slot, future);
    }

    /// What is to be known of an action from its beginning on.
    fn remember(&mut self, action: &Action) {
        match action {
            Action::Create { container, .. } => {
                // Each start looks at the image anew, as its pull policy may ask.
                self.memory.images.remove(container);
                self.count_crash(container);
            }
            Action::PreStop { container, id, why, .. } | Action::Stop { container, id, why, .. }
                if !self.memory.kills.contains_key(id) =>
            {
                self.note_kill(container, *why);
                self.memory.kills.insert(id.clone(), (self.agent.env.now(), *why));
            }
            _ => {}
        }
    }

    fn count_crash(&mut self, container: &str) {
        let Some(old) = self.observed.container(container) else { return };
        let Some(exit) = exit(old) else { return };
        let known = self.memory.crashes.get(container).copied();
        let crash = known.unwrap_or_else(|| Crash::of_attempt(old.attempt));
        let crash = crash.restarted(exit, self.agent.config.timings.crash_reset);
        self.memory.crashes.insert(container.to_owned(), crash);
    }

    fn note_kill(&self, container: &str, why: KillReason) {
        let message = match why {
            KillReason::Liveness => format!("Container {container} failed liveness probe, will be restarted"),
            KillReason::Startup => format!("Container {container} failed startup probe, will be restarted"),
            KillReason::PostStart => "FailedPostStartHook".to_owned(),
            KillReason::Changed => {
                format!("Container {container} definition changed, will be restarted")
            }
            KillReason::SidecarDone | KillReason::PodEnding => format!("Stopping container {container}"),
        };
        self.agent.note(&self.object, Some(container), Severity::Normal, "Killing", message);
    }

    fn future(&self, action: &Action) -> BoxFuture<'static, Outcome> {
        let (agent, pod, object) = (self.agent.clone(), self.pod.clone(), self.object.clone());
        let uid = self.uid.clone();
        match action.clone() {
            Action::PrepareVolumes => self.prepare_volumes(),
            Action::RemoveVolumes => async move {
                Outcome::VolumesRemoved(agent.config.host.files.remove(&pod_folder(&uid)).await)
            }
            .boxed(),
            Action::RunSandbox { attempt } => {
                async move { Outcome::Sandbox(sandbox::run(&agent, &object, &pod, attempt).await) }.boxed()
            }
            Action::Attach { sandbox } => self.attach(sandbox),
            Action::CloseSandbox { sandbox } => {
                async move { Outcome::Closed(sandbox.clone(), sandbox::close(&agent, &sandbox).await) }
                    .boxed()
            }
            Action::RemoveSandbox { sandbox } => async move {
                let removed = agent.runtime.remove_sandbox(&sandbox).await;
                Outcome::SandboxRemoved(sandbox, removed)
            }
            .boxed(),
            Action::EnsureImage { container } | Action::AbandonImage { container } => async move {
                let ensured = image::ensure(&agent, &object, &pod, &container).await;
                Outcome::Image(container, ensured)
            }
            .boxed(),
            Action::Create { container, attempt, sandbox } => {
                let address = self.memory.address_of(&sandbox);
                async move {
                    let place = container::Place { uid: &uid, sandbox: &sandbox, address };
                    let created = container::create(&agent, &pod, &container, attempt, &place).await;
                    Outcome::Created(container, created)
                }
                .boxed()
            }
            Action::Start { container, id } => async move {
                let started = agent.runtime.start_container(&id).await;
                Outcome::Started(container, id, started)
            }
            .boxed(),
            Action::PostStart { container, id } => self.post_start(container, id),
            Action::PreStop { container, id, until, .. } => {
                self.pre_stop(container, id, remaining(self.agent.env.now(), until))
            }
            Action::Stop { id, until, .. } => {
                let grace = remaining(self.agent.env.now(), until).max(LEAST_GRACE);
                async move {
                    let stopped = agent.runtime.stop_container(&id, grace).await;
                    Outcome::Stopped(id, stopped)
                }
                .boxed()
            }
            Action::Probe { container, id, kind } => self.probe(container, id, kind),
            Action::Remove { id } => async move {
                let removed = agent.runtime.remove_container(&id).await;
                Outcome::Removed(id, removed)
            }
            .boxed(),
            Action::Delete => async move { Outcome::Deleted(report::delete(&agent, &object).await) }.boxed(),
        }
    }

    fn prepare_volumes(&self) -> BoxFuture<'static, Outcome> {
        let (agent, pod, uid) = (self.agent.clone(), self.pod.clone(), self.uid.clone());
        async move { Outcome::Volumes(container::prepare_volumes(&agent, &pod, &uid).await) }.boxed()
    }

    fn attach(&self, sandbox: bireme_core::runtime::SandboxId) -> BoxFuture<'static, Outcome> {
        let agent = self.agent.clone();
        let request = self.observed.ready_sandbox().map(|ready| sandbox::attach_request(ready, &self.pod));
        async move {
            let attached = match request {
                Some(request) => agent.network.attach(&request).await,
                None => Err(sandbox::gone(&sandbox)),
            };
            Outcome::Attached(sandbox, attached)
        }
        .boxed()
    }

    fn target(&self, container: &str, id: &ContainerId) -> hooks::Target {
        let sandbox = self.observed.ready_sandbox();
        let own = sandbox.and_then(|sandbox| self.memory.address_of(&sandbox.id));
        let node = self.agent.config.addresses.first().copied();
        let address = if declared::uses_host_network(&self.pod) { node } else { own };
        let spec =
            declared::by_name(declared::spec(&self.pod), container).map(|declared| declared.spec.clone());
        hooks::Target { id: id.clone(), address, container: Arc::new(spec.unwrap_or_default()) }
    }

    fn post_start(&self, container: String, id: ContainerId) -> BoxFuture<'static, Outcome> {
        let (agent, target) = (self.agent.clone(), self.target(&container, &id));
        async move {
            let hook = target.container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.clone());
            let ran = hooks::run(&agent, &target, hook.as_ref()).await;
            Outcome::PostStart(container, id, ran)
        }
        .boxed()
    }

    fn pre_stop(&self, container: String, id: ContainerId, limit: Duration) -> BoxFuture<'static, Outcome> {
        let (agent, target) = (self.agent.clone(), self.target(&container, &id));
        async move {
            let hook = target.container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.clone());
            let run = hooks::run(&agent, &target, hook.as_ref());
            let ran = agent.env.timeout(limit, run).await;
            let ran = ran.unwrap_or_else(|elapsed| Err(elapsed.to_string()));
            Outcome::PreStop(container, id, ran)
        }
        .boxed()
    }

    fn probe(&self, container: String, id: ContainerId, kind: ProbeKind) -> BoxFuture<'static, Outcome> {
        let (agent, target) = (self.agent.clone(), self.target(&container, &id));
        async move {
            let begun = agent.env.now();
            let finding = probes::run(&agent, &target, kind).await;
            Outcome::Probed { container, id, kind, begun, finding }
        }
        .boxed()
    }
}
