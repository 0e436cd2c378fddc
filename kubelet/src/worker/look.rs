//! Looking at what the engine holds of the pod.

use std::time::Duration;

use bireme_core::runtime::{RuntimeError, SandboxId};
use tracing::warn;

use super::{PodWorker, Unseen, last_word};
use crate::pod::backoff::later;
use crate::pod::declared;
use crate::pod::observed::{Observed, exit};

impl Unseen {
    pub(super) fn is_empty(&self) -> bool {
        !self.everything && self.sandboxes.is_empty() && self.containers.is_empty()
    }
}

impl PodWorker {
    /// Looks at what may have changed. While the engine cannot be asked, what was known last stands.
    pub(super) async fn look(&mut self) {
        let now = self.agent.env.now();
        if self.unseen.is_empty() || self.unseen.retry_at.is_some_and(|at| now < at) {
            return;
        }
        match self.read_engine().await {
            Ok(()) => self.unseen = Unseen::default(),
            Err(error) => {
                self.unseen.failures += 1;
                let wait: Duration = self.agent.config.timings.step.after(self.unseen.failures);
                self.unseen.retry_at = Some(later(now, wait));
                warn!(pod = %self.key, %error, "the container engine cannot be asked");
            }
        }
        self.own_sandboxes();
        self.forget_the_gone();
        self.read_last_words().await;
    }

    async fn read_engine(&mut self) -> Result<(), RuntimeError> {
        let runtime = self.agent.runtime.clone();
        if self.unseen.everything {
            let own = |uid: &str| uid == self.uid;
            let sandboxes = runtime.sandboxes().await?.into_iter().filter(|found| own(&found.pod.uid));
            let containers = runtime.containers().await?.into_iter().filter(|found| own(&found.pod.uid));
            self.observed = Observed::new(sandboxes, containers);
            return Ok(());
        }
        while let Some(id) = self.unseen.sandboxes.first().cloned() {
            match runtime.sandbox(&id).await? {
                Some(sandbox) => self.observed.put_sandbox(sandbox),
                None => self.observed.remove_sandbox(&id),
            }
            self.unseen.sandboxes.remove(&id);
        }
        while let Some(id) = self.unseen.containers.first().cloned() {
            match runtime.container(&id).await? {
                Some(container) => self.observed.put(container),
                None => self.observed.remove(&id),
            }
            self.unseen.containers.remove(&id);
        }
        Ok(())
    }

    /// A sandbox, and what is in it, is to be looked at.
    pub(super) fn look_into(&mut self, sandbox: &SandboxId) {
        let inside = self.observed.containers().filter(|container| container.sandbox == *sandbox);
        self.unseen.containers.extend(inside.map(|container| container.id.clone()));
        self.unseen.sandboxes.insert(sandbox.clone());
    }

    /// Has the events of the pod's sandboxes come here.
    pub(super) fn own_sandboxes(&self) {
        for sandbox in self.observed.sandboxes() {
            self.agent.table.own_sandbox(&sandbox.id, &self.uid);
        }
        let address = self.observed.ready_sandbox().and_then(|sandbox| {
            let node = self.agent.config.addresses.first().copied();
            let on_node = declared::uses_host_network(&self.pod);
            if on_node { node } else { self.memory.address_of(&sandbox.id) }
        });
        self.agent.table.put_pod(&self.key, &self.uid, address);
    }

    /// Forgets what was remembered of containers that do not exist any more.
    fn forget_the_gone(&mut self) {
        let exists = |id: &_| self.observed.by_id(id).is_some();
        self.memory.probes.retain(exists);
        self.memory.post_start.retain(|id, _| exists(id));
        self.memory.pre_stop_done.retain(exists);
        self.memory.kills.retain(|id, _| exists(id));
        self.memory.messages.retain(|id, _| exists(id));
    }

    /// Reads what containers that have ended left as their last word.
    async fn read_last_words(&mut self) {
        let unread = self.observed.containers().filter(|container| {
            exit(container).is_some() && !self.memory.messages.contains_key(&container.id)
        });
        let unread: Vec<_> = unread.cloned().collect();
        for container in unread {
            let word = last_word::read(&self.agent, &self.uid, &self.pod, &container).await;
            self.memory.messages.insert(container.id, word);
        }
    }
}
