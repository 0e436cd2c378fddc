//! Situations, built fluently.

use std::time::Duration;

use bireme_core::object::ObjectKey;
use bireme_core::runtime::{
    ContainerId, ContainerState, ContainerStatus, Exit, PodIdentity, SandboxId, SandboxState, SandboxStatus,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::pod::backoff::BackOff;
use crate::pod::memory::{Memory, Volumes};
use crate::pod::observed::Observed;
use crate::pod::plan::{NodeFacts, Plan, Situation, plan};

pub(super) const IMAGE: &str = "server:1";

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A pod, what the engine holds of it and what the worker remembers, at second 1000.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) pod: Pod,
    pub(super) sandboxes: Vec<SandboxStatus>,
    pub(super) containers: Vec<ContainerStatus>,
    pub(super) memory: Memory,
    pub(super) node: NodeFacts,
    pub(super) now: Timestamp,
}

pub(super) fn identity() -> PodIdentity {
    PodIdentity { key: ObjectKey::namespaced("default", "web"), uid: "u1".to_owned() }
}

/// A pod with one container, of which nothing exists.
pub(super) fn fresh() -> Setting {
    of(json!({"containers": [{"name": "main", "image": IMAGE}]}))
}

/// A pod with this specification, of which nothing exists.
pub(super) fn of(spec: Value) -> Setting {
    let pod = json!({"metadata": {"name": "web", "namespace": "default", "uid": "u1", "generation": 1}, "spec": spec});
    let backoff = BackOff { initial: Duration::from_secs(10), max: Duration::from_secs(300) };
    Setting {
        pod: serde_json::from_value(pod).unwrap(),
        sandboxes: Vec::new(),
        containers: Vec::new(),
        memory: Memory::default(),
        node: NodeFacts {
            runtime: "sim".to_owned(),
            addresses: vec!["192.168.0.1".parse().unwrap()],
            crash: backoff,
            crash_reset: Duration::from_secs(600),
        },
        now: at(1000),
    }
}

pub(super) fn sandbox_id(attempt: u32) -> SandboxId {
    SandboxId(format!("s{attempt}").into())
}

pub(super) fn container_id(name: &str, attempt: u32) -> ContainerId {
    ContainerId(format!("{name}{attempt}").into())
}

/// A container that ran from second 900 to second 990.
pub(super) fn exited(code: i32) -> ContainerState {
    ContainerState::Exited(Exit {
        code,
        oom_killed: false,
        started_at: Some(at(900)),
        finished_at: at(990),
        message: None,
    })
}

pub(super) fn running() -> ContainerState {
    ContainerState::Running { started_at: at(900) }
}

impl Setting {
    pub(super) fn policy(mut self, policy: &str) -> Self {
        self.pod.spec.as_mut().unwrap().restart_policy = Some(policy.to_owned());
        self
    }

    pub(super) fn sandbox(mut self, attempt: u32, state: SandboxState) -> Self {
        self.sandboxes.push(SandboxStatus {
            id: sandbox_id(attempt),
            pod: identity(),
            attempt,
            state,
            created_at: at(800),
            netns: (state == SandboxState::Ready).then(|| "/netns".into()),
        });
        self
    }

    /// A connected sandbox and volumes: all that containers need.
    pub(super) fn prepared(self) -> Self {
        let mut this = self.sandbox(0, SandboxState::Ready);
        this.memory.address = Some((sandbox_id(0), "10.244.1.5".parse().unwrap()));
        this.memory.volumes = Volumes::Ready;
        this
    }

    pub(super) fn container(self, name: &str, attempt: u32, state: ContainerState) -> Self {
        self.container_in(0, name, attempt, state)
    }

    pub(super) fn container_in(
        mut self,
        sandbox: u32,
        name: &str,
        attempt: u32,
        state: ContainerState,
    ) -> Self {
        self.containers.push(ContainerStatus {
            id: container_id(name, attempt),
            sandbox: sandbox_id(sandbox),
            pod: identity(),
            name: name.to_owned(),
            attempt,
            image: IMAGE.to_owned(),
            image_id: "sha256:1".to_owned(),
            created_at: at(850),
            state,
            labels: Default::default(),
        });
        self
    }

    /// The image of a container is known to be present.
    pub(super) fn image(mut self, name: &str) -> Self {
        self.memory.images.insert(name.to_owned());
        self
    }

    pub(super) fn deleted(mut self, grace: i64) -> Self {
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(1000 + grace));
        self.pod.metadata.deletion_timestamp = Some(time);
        self.pod.metadata.deletion_grace_period_seconds = Some(grace);
        self.memory.ending_since = Some(at(1000));
        self
    }

    pub(super) fn at(mut self, second: i64) -> Self {
        self.now = at(second);
        self
    }

    pub(super) fn remember(mut self, change: impl FnOnce(&mut Memory)) -> Self {
        change(&mut self.memory);
        self
    }

    pub(super) fn observed(&self) -> Observed {
        Observed::new(self.sandboxes.clone(), self.containers.clone())
    }

    pub(super) fn plan(&self) -> Plan {
        let observed = self.observed();
        plan(&Situation {
            pod: &self.pod,
            observed: &observed,
            memory: &self.memory,
            node: &self.node,
            now: self.now,
        })
    }

    /// The planned actions, in short.
    pub(super) fn actions(&self) -> Vec<String> {
        self.plan().actions.iter().map(super::table::short).collect()
    }

    /// When the plan wants to be made again, in seconds.
    pub(super) fn wake(&self) -> Option<i64> {
        self.plan().wake.map(|wake| wake.as_second())
    }
}
