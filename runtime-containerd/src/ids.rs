//! The ids of what bireme makes. They are made from what a thing is for, so that a repeated create meets the first
//! one, and so that a container's id tells its sandbox: `<node>-<sandbox>` and `<node>-<sandbox>-<container>`.

use bireme_core::runtime::{Marks, Role, SandboxId, Scope};
use sha2::{Digest as _, Sha256};

/// containerd takes ids of up to 76 characters.
const NODE_DIGITS: usize = 12;
const DIGITS: usize = 24;

fn digest(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}

/// What the ids of a node's things begin with.
pub(crate) fn of_node(scope: &Scope) -> String {
    digest(&[&scope.cluster, &scope.node], NODE_DIGITS)
}

/// The id of what carries these marks.
pub(crate) fn id(scope: &Scope, marks: &Marks) -> String {
    let attempt = marks.attempt.to_string();
    match marks.role {
        Role::Sandbox => format!("{}-{}", of_node(scope), digest(&[&marks.pod.uid, &attempt], DIGITS)),
        Role::Container => format!("{}-{}", marks.sandbox, digest(&[&marks.name, &attempt], DIGITS)),
    }
}

/// What an id of this node's belongs to: the sandbox, and whether it is a container of it.
pub(crate) fn sandbox_of(id: &str, node: &str) -> Option<(SandboxId, bool)> {
    let mut parts = id.split('-');
    let (first, pod) = (parts.next()?, parts.next()?);
    (first == node).then(|| (SandboxId(format!("{first}-{pod}").into()), parts.next().is_some()))
}

#[cfg(test)]
mod tests {
    use bireme_core::object::ObjectKey;
    use bireme_core::runtime::{PodIdentity, Processes};

    use super::*;

    #[test]
    fn an_id_tells_its_sandbox_and_differs_with_all_that_it_is_made_from() {
        let scope = Scope { cluster: "c".into(), node: "n".into() };
        let sandbox = Marks {
            role: Role::Sandbox,
            pod: PodIdentity { key: ObjectKey::namespaced("default", "web"), uid: "u".into() },
            attempt: 0,
            name: String::new(),
            sandbox: String::new(),
            processes: Processes::Own,
        };
        let of_sandbox = id(&scope, &sandbox);
        let container = Marks {
            role: Role::Container,
            name: "web".into(),
            sandbox: of_sandbox.clone(),
            ..sandbox.clone()
        };
        let of_container = id(&scope, &container);
        assert!(of_container.len() <= 76, "{of_container}");
        let node = of_node(&scope);
        assert_eq!(sandbox_of(&of_container, &node), Some((SandboxId(of_sandbox.as_str().into()), true)));
        assert_eq!(sandbox_of(&of_sandbox, &node), Some((SandboxId(of_sandbox.as_str().into()), false)));
        let elsewhere = Scope { node: "m".into(), ..scope.clone() };
        assert_eq!(sandbox_of(&of_sandbox, &of_node(&elsewhere)), None);
        assert_ne!(id(&scope, &Marks { attempt: 1, ..sandbox }), of_sandbox);
        assert_ne!(id(&scope, &Marks { attempt: 1, ..container.clone() }), of_container);
        assert_ne!(id(&scope, &Marks { name: "api".into(), ..container }), of_container);
    }
}
