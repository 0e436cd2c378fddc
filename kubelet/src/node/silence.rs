//! What the control plane says of a node that it has not heard of for too long, and that lives.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::Node;
use tokio::sync::watch;

use crate::source::Configs;

/// The node's `Ready` condition: `True`, `False` or `Unknown`.
pub(super) fn readiness(node: &Node) -> Option<&str> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|ready| ready.status.as_str())
}

/// Follows the kubelet's own node for the word that nothing is heard of it.
pub(super) struct Silence {
    configs: Arc<dyn Configs>,
    node: ObjectKey,
    changed: watch::Receiver<()>,
    said: bool,
    _following: Box<dyn std::any::Any + Send + Sync>,
}

impl Silence {
    pub(super) fn follow(configs: Arc<dyn Configs>, node: ObjectKey) -> Self {
        let (change, changed) = watch::channel(());
        let notice = Arc::new(move || {
            change.send_replace(());
        });
        let _following = configs.follow(Kind::of::<Node>(), &node, notice);
        Self { configs, node, changed, said: false, _following }
    }

    /// Whether the node is said to be silent since it has last been [broken](Self::is_broken). Reads the node only
    /// when it has changed; one that cannot be read is taken to be silent.
    pub(super) async fn is_said(&mut self) -> bool {
        if self.changed.has_changed().unwrap_or(false) {
            self.changed.mark_unchanged();
            self.said |= self.is_unknown().await.unwrap_or(true);
        }
        self.said
    }

    /// The node has been heard of.
    pub(super) fn is_broken(&mut self) {
        self.said = false;
    }

    /// Waits for a change of the node, but at least for `pause` and at most for `limit`.
    pub(super) async fn wait(&self, env: &Environment, pause: Duration, limit: Duration) {
        let mut changed = self.changed.clone();
        let change = async {
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            env.sleep(pause).await;
        };
        tokio::select! {
            biased;
            () = env.sleep(limit) => {}
            () = change => {}
        }
    }

    async fn is_unknown(&self) -> Result<bool, ApiError> {
        let object = self.configs.fetch(Kind::of::<Node>(), &self.node).await?;
        let node = object.map(|object| object.typed::<Node>()).transpose()?;
        Ok(node.is_some_and(|node| readiness(&node) == Some("Unknown")))
    }
}
