//! The contract, with the fault in it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, future, stream};

use super::Broken;
use super::Fault::*;
use crate::runtime::{
    ContainerId, ContainerSpec, ContainerState, ContainerStats, ContainerStatus, ExecSession, ExecSpec,
    Image, ImageImport, LogOptions, LogStream, RegistryAuth, Runtime, RuntimeError, RuntimeEvent,
    RuntimeEvents, RuntimeVersion, SandboxId, SandboxSpec, SandboxStatus, Stdio,
};

impl Broken {
    fn next(&self) -> u32 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    fn refusal(&self) -> RuntimeError {
        RuntimeError::State { operation: "doing it again", detail: "it is so".to_owned() }
    }

    fn seen(&self, mut status: ContainerStatus) -> ContainerStatus {
        if let ContainerState::Exited(exit) = &mut status.state {
            match self.fault {
                Some(ForgetsExitCodes) => exit.code = 0,
                Some(ForgetsStarts) => exit.started_at = None,
                Some(InventsStarts) => exit.started_at = Some(exit.finished_at),
                _ => {}
            }
        }
        match self.fault {
            Some(LosesLabels) => status.labels.clear(),
            Some(LosesImages) => status.image_id.clear(),
            _ => {}
        }
        status
    }

    async fn has_exited(&self, id: &ContainerId) -> bool {
        let status = self.inner.container(id).await.ok().flatten();
        status.is_some_and(|status| matches!(status.state, ContainerState::Exited(_)))
    }
}

#[async_trait]
impl Runtime for Broken {
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError> {
        self.inner.version().await
    }

    async fn run_sandbox(&self, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError> {
        let attempt = match self.fault {
            Some(MakesASecondSandbox) => self.next(),
            Some(IgnoresTheSandboxesAttempt) => 0,
            _ => spec.attempt,
        };
        self.inner.run_sandbox(&SandboxSpec { attempt, ..spec.clone() }).await
    }

    async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        match self.fault {
            Some(DoesNotStopSandboxes) => Ok(()),
            Some(ForgetsStoppedSandboxes) => self.inner.remove_sandbox(id).await,
            _ => self.inner.stop_sandbox(id).await,
        }
    }

    async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        match self.fault {
            Some(DoesNotRemoveSandboxes) => self.inner.stop_sandbox(id).await,
            _ => self.inner.remove_sandbox(id).await,
        }
    }

    async fn sandboxes(&self) -> Result<Vec<SandboxStatus>, RuntimeError> {
        let mut all = self.inner.sandboxes().await?;
        if self.fault == Some(HidesTheNetwork) {
            all.iter_mut().for_each(|status| status.netns = None);
        }
        Ok(all)
    }

    async fn create_container(
        &self,
        sandbox: &SandboxId,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, RuntimeError> {
        let attempt = match self.fault {
            Some(MakesASecondContainer) => self.next(),
            Some(IgnoresTheContainersAttempt) => 0,
            _ => spec.attempt,
        };
        if self.fault == Some(MakesContainersOfAbsentImages) {
            self.inner.pull_image(&spec.image, None).await?;
        }
        let id = self.inner.create_container(sandbox, &ContainerSpec { attempt, ..spec.clone() }).await?;
        if self.fault == Some(StartsWhatItMakes) {
            self.inner.start_container(&id).await?;
        }
        Ok(id)
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        match self.fault {
            Some(DoesNotStart) => return Ok(()),
            Some(RefusesASecondStart) => {
                let status = self.inner.container(id).await?;
                if status.is_some_and(|status| status.state != ContainerState::Created) {
                    return Err(self.refusal());
                }
            }
            _ => {}
        }
        match (self.inner.start_container(id).await, self.fault) {
            (Err(RuntimeError::Start { .. }), Some(SwallowsStartErrors)) => Ok(()),
            (started, _) => started,
        }
    }

    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), RuntimeError> {
        match self.fault {
            Some(DoesNotKill) => Ok(()),
            Some(KillsAtOnce) => self.inner.stop_container(id, Duration::ZERO).await,
            Some(RefusesASecondStop) if self.has_exited(id).await => Err(self.refusal()),
            _ => self.inner.stop_container(id, grace).await,
        }
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        if self.fault == Some(RefusesASecondRemoval) && self.inner.container(id).await?.is_none() {
            return Err(self.refusal());
        }
        self.inner.remove_container(id).await
    }

    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError> {
        Ok(self.inner.containers().await?.into_iter().map(|status| self.seen(status)).collect())
    }

    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError> {
        Ok(self.inner.container(id).await?.map(|status| self.seen(status)))
    }

    async fn events(&self) -> Result<RuntimeEvents, RuntimeError> {
        let events = self.inner.events().await?;
        Ok(match self.fault {
            Some(TellsNothing) => stream::pending().boxed(),
            Some(TellsStartsOnly) => {
                let runtime = self.inner.clone();
                let told = stream::unfold((events, runtime), |(mut events, runtime)| async move {
                    loop {
                        let event = events.next().await?;
                        let RuntimeEvent::Container { id, .. } = &event else {
                            return Some((event, (events, runtime)));
                        };
                        let status = runtime.container(id).await.ok()??;
                        if !matches!(status.state, ContainerState::Exited(_)) {
                            return Some((event, (events, runtime)));
                        }
                    }
                });
                told.chain(stream::pending()).boxed()
            }
            Some(TellsNoSandboxes) => {
                events.filter(|event| future::ready(!matches!(event, RuntimeEvent::Sandbox(_)))).boxed()
            }
            _ => events,
        })
    }

    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        let options = match self.fault {
            Some(IgnoresTheTail) => LogOptions { tail: None, ..*options },
            Some(IgnoresTheTime) => LogOptions { since: None, ..*options },
            _ => *options,
        };
        let log = match (self.inner.logs(id, &options).await, self.fault) {
            (Err(RuntimeError::NotFound { .. }), Some(FindsLogsOfNothing)) => stream::empty().boxed(),
            (log, _) => log?,
        };
        Ok(match self.fault {
            Some(LosesLogs) => stream::empty().boxed(),
            Some(LosesTheLastLine) if !options.follow => {
                let mut lines: Vec<_> = log.collect().await;
                lines.pop();
                stream::iter(lines).boxed()
            }
            Some(DoesNotEndFollowedLogs) if options.follow => log.chain(stream::pending()).boxed(),
            _ => log,
        })
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        let mut session = match (self.inner.exec(id, spec).await, self.fault) {
            (Err(RuntimeError::State { .. }), Some(RunsCommandsInTheEnded)) => ExecSession {
                stdin: None,
                output: stream::empty().boxed(),
                resize: None,
                exit: Box::pin(async { Ok(0) }),
            },
            (session, _) => session?,
        };
        match self.fault {
            Some(AnswersWithZero) => session.exit = Box::pin(async { Ok(0) }),
            Some(LosesInput) => session.output = stream::empty().boxed(),
            _ => {}
        }
        Ok(session)
    }

    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError> {
        let mut session = self.inner.attach(id, stdio).await?;
        if self.fault == Some(HasOneAttacher) && self.next() > 0 {
            session.output = stream::pending().boxed();
        }
        Ok(session)
    }

    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError> {
        match self.fault {
            Some(MeasuresTheEnded) => {
                Ok(Some(ContainerStats { memory_working_set: 1, ..ContainerStats::default() }))
            }
            _ => self.inner.stats(id).await,
        }
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        match (self.inner.image(reference).await?, self.fault) {
            (None, Some(KnowsEveryImage)) => Ok(Some(self.inner.pull_image(reference, None).await?)),
            (image, _) => Ok(image),
        }
    }

    async fn images(&self) -> Result<Vec<Image>, RuntimeError> {
        self.inner.images().await
    }

    async fn pull_image(&self, reference: &str, auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError> {
        self.inner.pull_image(reference, auth).await
    }

    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        let mut import = import.clone();
        if self.fault == Some(ImportsAnew) {
            import.env.push(("COUNT".to_owned(), self.next().to_string()));
        }
        self.inner.import_image(&import).await
    }

    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError> {
        match (self.inner.remove_image(id).await, self.fault) {
            (Err(RuntimeError::InUse(_)), Some(RemovesUsedImages)) => Ok(()),
            (_, Some(KeepsImages)) => Ok(()),
            (removed, _) => removed,
        }
    }
}
