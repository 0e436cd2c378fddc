//! The node in the API: registered, described and kept alive.

mod describe;
mod lease;
mod resources;
mod silence;
mod thresholds;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::client::{Client, ClientExt, Part, WriteOptions};
use bireme_core::environment::Instant;
use bireme_core::error::ApiError;
use bireme_core::events::{Note, Recorder, Severity};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::quantity::Quantity;
use bireme_core::runtime::{Image, Runtime, RuntimeVersion};
use k8s_openapi::api::core::v1::{Node, NodeStatus};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::KubeletConfig;
use crate::host::MachineInfo;
use crate::source::Configs;
pub(crate) use resources::{allocatable, capacity};
use silence::Silence;
use thresholds::Shortages;
pub use thresholds::{Threshold, ThresholdError, Thresholds};

/// The field manager of the node's writes.
const MANAGER: &str = "kubelet";

/// Keeps the node's object and its Lease.
pub(crate) struct Registration {
    pub(crate) env: Environment,
    pub(crate) client: Arc<dyn Client>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) configs: Arc<dyn Configs>,
    pub(crate) config: KubeletConfig,
    pub(crate) machine: MachineInfo,
    pub(crate) capacity: BTreeMap<String, Quantity>,
    pub(crate) allocatable: BTreeMap<String, Quantity>,
    pub(crate) recorder: Recorder,
}

/// What the status says beyond what never changes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Health {
    engine: Option<RuntimeVersion>,
    engine_error: Option<String>,
    short_of: Shortages,
    images: Vec<Image>,
}

impl Registration {
    /// Registers the node, and keeps its Lease and its status up to date until `stop`.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let node = self.register().await;
            info!(node = %self.config.node, "the node is registered");
            let renew = lease::keep(&self.env, self.client.as_ref(), &self.config, &node);
            futures::future::join(renew, self.keep_status(node.clone())).await;
        })
        .await;
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::cluster(&self.config.node)
    }

    /// Tries until the node is there: as a new object, or as the one that has the name, which keeps its taints,
    /// its further labels and whether it is schedulable.
    async fn register(&self) -> Arc<Node> {
        let mut failures = 0;
        loop {
            match self.create_or_adopt().await {
                Ok(node) => return node,
                Err(error) => {
                    failures += 1;
                    warn!(node = %self.config.node, %error, "the node cannot be registered");
                    self.env.sleep(self.config.timings.step.after(failures)).await;
                }
            }
        }
    }

    async fn create_or_adopt(&self) -> Result<Arc<Node>, ApiError> {
        let options = WriteOptions::manager(MANAGER);
        match self.client.create_typed(describe::new_node(&self.config), &options).await {
            Err(error) if error.is_already_exists() => {}
            created => return created,
        }
        let known = self.client.fetch::<Node>(&self.key()).await?;
        let spec = known.spec.clone().unwrap_or_default();
        let mut patch = json!({"metadata": {"labels": describe::labels(&self.config)}});
        // A range is given once; one that was given before stays.
        if let (None, Some(cidr)) = (spec.pod_cidr, &self.config.pod_cidr) {
            patch["spec"] = json!({"podCIDR": cidr.to_string(), "podCIDRs": [cidr.to_string()]});
        }
        self.client.merge::<Node>(&self.key(), Part::Main, &patch, &options).await
    }

    /// Writes the status when it has changed, from time to time when it has not, and soon when the control plane
    /// says that it has not heard of the node.
    async fn keep_status(&self, mut node: Arc<Node>) {
        let timings = self.config.timings;
        let mut health = Health::default();
        let mut written: Option<Instant> = None;
        let mut failures = 0;
        let mut silence = Silence::follow(self.configs.clone(), self.key());
        loop {
            let now = self.env.instant();
            let report_due = silence.is_said().await
                || written.is_none_or(|written| now.since(written) >= timings.status_report);
            let found = self.examine(&health, report_due).await;
            if report_due || found != health {
                match self.write_status(&node, &found).await {
                    Ok(current) => {
                        self.note_changes(&node, &current);
                        (node, health, written, failures) = (current, found, Some(now), 0);
                        silence.is_broken();
                    }
                    Err(error) => {
                        failures += 1;
                        warn!(node = %self.config.node, %error, "the node's status cannot be written");
                    }
                }
            }
            let wait = if failures > 0 { timings.step.after(failures) } else { timings.status_check };
            // Whom the control plane does not believe, for a clock that is wrong, does not report without end.
            let pause = written.map_or(Duration::ZERO, |written| {
                timings.status_check.saturating_sub(self.env.instant().since(written))
            });
            silence.wait(&self.env, pause, wait).await;
        }
    }

    /// Looks at the engine and the machine. The images are listed only for a report: they are many.
    async fn examine(&self, before: &Health, report: bool) -> Health {
        let limit = self.config.timings.status_check.max(Duration::from_secs(1));
        let version = self.env.timeout(limit, self.runtime.version()).await;
        let (engine, engine_error) = match version {
            Ok(Ok(version)) => (Some(version), None),
            Ok(Err(error)) => (before.engine.clone(), Some(error.to_string())),
            Err(elapsed) => {
                (before.engine.clone(), Some(format!("the container engine does not answer: {elapsed}")))
            }
        };
        let short_of = match self.config.host.machine.headroom().await {
            Ok(headroom) => Shortages::of(&headroom, &self.machine, &self.config.thresholds),
            Err(error) => {
                warn!(node = %self.config.node, %error, "the machine cannot be measured");
                before.short_of
            }
        };
        if short_of != before.short_of {
            warn!(node = %self.config.node, %short_of, "what the node is short of has changed");
        }
        let images = match report {
            // Images that cannot be listed now are told next time.
            true => self.runtime.images().await.unwrap_or_else(|_| before.images.clone()),
            false => before.images.clone(),
        };
        Health { engine, engine_error, short_of, images }
    }

    /// Writes the status onto the newest state of the node; the conditions of others stay.
    async fn write_status(&self, known: &Node, health: &Health) -> Result<Arc<Node>, ApiError> {
        let options = WriteOptions::manager(MANAGER);
        let mut base = known.clone();
        loop {
            let status = self.status(base.status.as_ref(), health);
            let object = Object::from_typed(Node { status: Some(status), ..base })?;
            match self.client.update(&object, Part::Status, &options).await {
                // Somebody else changed the node meanwhile; each turn of the loop is one such change.
                Err(error) if error.is_conflict() => {
                    base = Node::clone(&*self.client.fetch(&self.key()).await?)
                }
                Err(error) if error.is_not_found() => {
                    base = Node::clone(&*self.create_or_adopt().await?);
                }
                written => return Ok(written?.typed()?),
            }
        }
    }

    fn status(&self, before: Option<&NodeStatus>, health: &Health) -> NodeStatus {
        let facts = describe::Facts {
            config: &self.config,
            machine: &self.machine,
            capacity: &self.capacity,
            allocatable: &self.allocatable,
        };
        describe::status(&facts, before, health, self.env.now())
    }

    fn note_changes(&self, before: &Node, after: &Node) {
        let (was, is) = (silence::readiness(before), silence::readiness(after));
        if was == is {
            return;
        }
        let reason = if is == Some("True") { "NodeReady" } else { "NodeNotReady" };
        let message = format!("Node {} status is now: {reason}", self.config.node);
        self.recorder.record(Note::about(after, Severity::Normal, reason, message));
    }
}
