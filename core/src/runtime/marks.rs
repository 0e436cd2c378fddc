//! The marks on what bireme makes in a container engine: whose it is, and what it is for.
//!
//! They are labels, which every engine keeps. All that an adapter knows after a crash, it reads back from them.

use std::collections::{BTreeMap, HashMap};

use super::{ContainerSpec, PodIdentity, SandboxId, SandboxSpec};
use crate::object::ObjectKey;

const CLUSTER: &str = "bireme.dev/cluster";
const NODE: &str = "bireme.dev/node";
const ROLE: &str = "bireme.dev/role";
const ATTEMPT: &str = "bireme.dev/attempt";
const SANDBOX: &str = "bireme.dev/sandbox";
const PROCESSES: &str = "bireme.dev/processes";
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const POD_NAME: &str = "io.kubernetes.pod.name";
const POD_UID: &str = "io.kubernetes.pod.uid";
const CONTAINER_NAME: &str = "io.kubernetes.container.name";
const OWN: &[&str] =
    &[CLUSTER, NODE, ROLE, ATTEMPT, SANDBOX, PROCESSES, POD_NAMESPACE, POD_NAME, POD_UID, CONTAINER_NAME];

/// Whose a container is: a node's of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Tells the clusters on one engine apart; any text.
    pub cluster: String,
    /// The node's name.
    pub node: String,
}

/// What a container of the engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It holds a pod's namespaces.
    Sandbox,
    /// It is one of a pod's containers.
    Container,
}

/// Which processes a sandbox's containers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// Each container its own.
    Own,
    /// Those of the pod.
    Pod,
    /// Those of the node.
    Node,
}

/// The marks of one container of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// What it is for.
    pub role: Role,
    /// The pod.
    pub pod: PodIdentity,
    /// How many of its kind and name the pod had before.
    pub attempt: u32,
    /// The container's name in its pod; empty for a sandbox.
    pub name: String,
    /// The sandbox that a container belongs to; empty for a sandbox.
    pub sandbox: String,
    /// Which processes the sandbox's containers see.
    pub processes: Processes,
}

impl Role {
    const fn text(self) -> &'static str {
        match self {
            Role::Sandbox => "sandbox",
            Role::Container => "container",
        }
    }
}

impl Processes {
    const fn text(self) -> &'static str {
        match self {
            Processes::Own => "own",
            Processes::Pod => "pod",
            Processes::Node => "node",
        }
    }
}

impl Scope {
    /// The labels of everything of the cluster.
    pub fn of_cluster(&self) -> Vec<(&'static str, String)> {
        vec![(CLUSTER, self.cluster.clone())]
    }

    /// The labels of everything of this node, or of what of it plays a role.
    pub fn of_node(&self, role: Option<Role>) -> Vec<(&'static str, String)> {
        let mut labels = self.of_cluster();
        labels.push((NODE, self.node.clone()));
        labels.extend(role.map(|role| (ROLE, role.text().to_owned())));
        labels
    }

    /// The labels of a sandbox's containers.
    pub fn of_sandbox(&self, sandbox: &str) -> Vec<(&'static str, String)> {
        let mut labels = self.of_node(Some(Role::Container));
        labels.push((SANDBOX, sandbox.to_owned()));
        labels
    }

    /// Whether these labels are of this node.
    pub fn owns(&self, labels: &HashMap<String, String>) -> bool {
        labels.get(CLUSTER) == Some(&self.cluster) && labels.get(NODE) == Some(&self.node)
    }

    /// All labels of a container: its marks over what its specification asks for.
    pub fn mark(&self, marks: &Marks, asked: &BTreeMap<String, String>) -> HashMap<String, String> {
        let pod = &marks.pod;
        let own = [
            (CLUSTER, self.cluster.as_str()),
            (NODE, &self.node),
            (ROLE, marks.role.text()),
            (SANDBOX, &marks.sandbox),
            (PROCESSES, marks.processes.text()),
            (POD_NAMESPACE, pod.key.namespace().unwrap_or_default()),
            (POD_NAME, pod.key.name()),
            (POD_UID, &pod.uid),
            (CONTAINER_NAME, &marks.name),
        ];
        let mut labels: HashMap<_, _> =
            asked.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
        labels.insert(ATTEMPT.to_owned(), marks.attempt.to_string());
        labels
    }
}

impl Marks {
    /// The marks of a pod's sandbox.
    pub fn of_sandbox(spec: &SandboxSpec) -> Marks {
        Marks {
            role: Role::Sandbox,
            pod: spec.pod.clone(),
            attempt: spec.attempt,
            name: String::new(),
            sandbox: String::new(),
            processes: match spec {
                SandboxSpec { host_pid: true, .. } => Processes::Node,
                SandboxSpec { share_process_namespace: true, .. } => Processes::Pod,
                _ => Processes::Own,
            },
        }
    }

    /// The marks of a container in the sandbox of this id, which has these marks.
    pub fn of_container(self, sandbox: &SandboxId, spec: &ContainerSpec) -> Marks {
        Marks {
            role: Role::Container,
            attempt: spec.attempt,
            name: spec.name.clone(),
            sandbox: sandbox.to_string(),
            ..self
        }
    }

    /// The marks that labels carry; `None` when they are not bireme's.
    pub fn read(labels: &HashMap<String, String>) -> Option<Marks> {
        let text = |key: &str| labels.get(key).cloned();
        Some(Marks {
            role: [Role::Sandbox, Role::Container]
                .into_iter()
                .find(|role| text(ROLE).as_deref() == Some(role.text()))?,
            pod: PodIdentity {
                key: ObjectKey::namespaced(&text(POD_NAMESPACE)?, &text(POD_NAME)?),
                uid: text(POD_UID)?,
            },
            attempt: text(ATTEMPT)?.parse().ok()?,
            // An engine may keep no label that is empty, as those of a sandbox are.
            name: text(CONTAINER_NAME).unwrap_or_default(),
            sandbox: text(SANDBOX).unwrap_or_default(),
            processes: [Processes::Own, Processes::Pod, Processes::Node]
                .into_iter()
                .find(|processes| text(PROCESSES).as_deref() == Some(processes.text()))?,
        })
    }
}

/// What a container's specification asked for, without the marks.
pub fn asked_for(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            role: Role::Container,
            pod: PodIdentity { key: ObjectKey::namespaced("shop", "web-0"), uid: "u-1".into() },
            attempt: 3,
            name: "web".into(),
            sandbox: "abc".into(),
            processes: Processes::Pod,
        }
    }

    #[test]
    fn marks_are_read_back_as_they_were_written() {
        let scope = Scope { cluster: "c".into(), node: "n".into() };
        let asked =
            BTreeMap::from([("tier".to_owned(), "front".to_owned()), (NODE.to_owned(), "forged".to_owned())]);
        let labels = scope.mark(&marks(), &asked);
        assert!(scope.owns(&labels), "a specification cannot forge the marks");
        assert!(!Scope { node: "other".into(), ..scope }.owns(&labels));
        assert_eq!(Marks::read(&labels), Some(marks()));
        assert_eq!(asked_for(labels), BTreeMap::from([("tier".to_owned(), "front".to_owned())]));
    }

    #[test]
    fn foreign_labels_are_no_marks() {
        assert_eq!(Marks::read(&HashMap::from([(CLUSTER.to_owned(), "c".to_owned())])), None);
    }
}
