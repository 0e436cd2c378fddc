//! The control plane: controllers and schedulers, run always or for as long as this process leads.

use std::pin::pin;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client, Identity};
use bireme_core::election::Candidate;
use bireme_core::reconciler::{Controller, Reconciler};
use bireme_core::scheduler::Scheduler;
use bireme_registry::{DirectClient, Registry};
use bireme_scheduler::{SchedulerConfig, SchedulerLoop};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::tasks::Tasks;

/// What decides, before it runs.
pub(crate) struct ControlPlane {
    pub(crate) env: Environment,
    pub(crate) registry: Arc<Registry>,
    pub(crate) informers: Informers,
    pub(crate) reconcilers: Vec<Arc<dyn Reconciler>>,
    pub(crate) schedulers: Vec<(SchedulerConfig, Box<dyn Scheduler>)>,
}

impl ControlPlane {
    /// Starts everything among `tasks`.
    pub(crate) fn start(self, tasks: &mut Tasks) {
        let client = self.client("kube-controller-manager");
        let controller = Controller::new(self.env.clone(), client, self.informers.clone());
        let scheduling = self.client("kube-scheduler");
        for reconciler in self.reconcilers {
            let controller = controller.clone();
            tasks.start("controller", |stop| async move { controller.run(reconciler, stop).await });
        }
        for (config, scheduler) in self.schedulers {
            let (env, client) = (self.env.clone(), scheduling.clone());
            let scheduling = SchedulerLoop::new(config, env, client, self.informers.clone(), scheduler);
            tasks.start("scheduler", |stop| scheduling.run(stop));
        }
    }

    /// Starts everything once `candidate` is elected. When the lead is lost everything stops, and `lost` says so.
    ///
    /// There is no second term: what was known and under way belongs to the first. As upstream, the program is to
    /// begin anew.
    pub(crate) async fn lead(
        self,
        mut candidate: Candidate,
        stop: CancellationToken,
        lost: CancellationToken,
    ) {
        if stop.run_until_cancelled(candidate.elected()).await.is_some() {
            let mut tasks = Tasks::new(&self.env);
            self.start(&mut tasks);
            if stop.run_until_cancelled(candidate.keep()).await.is_some() {
                tasks.stop().await;
                lost.cancel();
                return;
            }
            let mut stopping = pin!(tasks.stop());
            tokio::select! {
                biased;
                () = &mut stopping => {}
                // Until they have ended nobody else may begin.
                () = candidate.keep() => stopping.await,
            }
        }
        if let Err(error) = candidate.resign().await {
            warn!(%error, "the lead was not given up, and ends with the lease");
        }
    }

    fn client(&self, component: &str) -> Arc<dyn Client> {
        Arc::new(DirectClient::new(self.registry.clone(), Identity::component(component)))
    }
}
