//! What the container engine holds of one pod.

use std::collections::BTreeMap;

use bireme_core::runtime::{
    ContainerId, ContainerState, ContainerStatus, Exit, SandboxId, SandboxState, SandboxStatus,
};

/// A pod's sandboxes and containers, as last read from the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// By attempt.
    sandboxes: BTreeMap<u32, SandboxStatus>,
    /// By name and attempt.
    containers: BTreeMap<(String, u32), ContainerStatus>,
}

impl Observed {
    pub(crate) fn new(
        sandboxes: impl IntoIterator<Item = SandboxStatus>,
        containers: impl IntoIterator<Item = ContainerStatus>,
    ) -> Self {
        let mut observed = Self::default();
        observed.sandboxes.extend(sandboxes.into_iter().map(|sandbox| (sandbox.attempt, sandbox)));
        containers.into_iter().for_each(|container| observed.put(container));
        observed
    }

    /// A container is new or has changed.
    pub(crate) fn put(&mut self, container: ContainerStatus) {
        self.containers.insert((container.name.clone(), container.attempt), container);
    }

    /// A sandbox is new or has changed.
    pub(crate) fn put_sandbox(&mut self, sandbox: SandboxStatus) {
        self.sandboxes.insert(sandbox.attempt, sandbox);
    }

    /// A sandbox is gone.
    pub(crate) fn remove_sandbox(&mut self, id: &SandboxId) {
        self.sandboxes.retain(|_, sandbox| sandbox.id != *id);
    }

    /// A container is gone.
    pub(crate) fn remove(&mut self, id: &ContainerId) {
        self.containers.retain(|_, container| container.id != *id);
    }

    /// All sandboxes, oldest first.
    pub(crate) fn sandboxes(&self) -> impl DoubleEndedIterator<Item = &SandboxStatus> {
        self.sandboxes.values()
    }

    /// The newest sandbox.
    pub(crate) fn sandbox(&self) -> Option<&SandboxStatus> {
        self.sandboxes.values().next_back()
    }

    /// The newest sandbox, if it holds its namespaces.
    pub(crate) fn ready_sandbox(&self) -> Option<&SandboxStatus> {
        self.sandbox().filter(|sandbox| sandbox.state == SandboxState::Ready)
    }

    /// All containers, by name and attempt.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.containers.values()
    }

    /// The containers of a name, newest first.
    pub(crate) fn attempts(&self, name: &str) -> impl Iterator<Item = &ContainerStatus> {
        self.containers
            .range((name.to_owned(), 0)..=(name.to_owned(), u32::MAX))
            .rev()
            .map(|(_, found)| found)
    }

    /// The newest container of a name.
    pub(crate) fn container(&self, name: &str) -> Option<&ContainerStatus> {
        self.attempts(name).next()
    }

    /// The newest container of a name, if it belongs to the sandbox.
    pub(crate) fn container_in(&self, name: &str, sandbox: &SandboxId) -> Option<&ContainerStatus> {
        self.container(name).filter(|container| container.sandbox == *sandbox)
    }

    pub(crate) fn by_id(&self, id: &ContainerId) -> Option<&ContainerStatus> {
        self.containers.values().find(|container| container.id == *id)
    }

    /// Whether any container runs.
    pub(crate) fn is_running(&self) -> bool {
        self.containers.values().any(is_running)
    }

    /// Whether the engine holds nothing of the pod.
    pub(crate) fn is_empty(&self) -> bool {
        self.sandboxes.is_empty() && self.containers.is_empty()
    }
}

pub(crate) fn is_running(container: &ContainerStatus) -> bool {
    matches!(container.state, ContainerState::Running { .. })
}

pub(crate) fn exit(container: &ContainerStatus) -> Option<&Exit> {
    match &container.state {
        ContainerState::Exited(exit) => Some(exit),
        ContainerState::Created | ContainerState::Running { .. } => None,
    }
}
