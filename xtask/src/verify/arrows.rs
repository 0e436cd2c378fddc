//! Dependency arrows point one way, and `bireme-core` stays light.

use crate::process;

use super::{Findings, Subject};

/// Which siblings each member may depend on, outside its tests. A new member needs a line.
const ARROWS: &[(&str, &[&str])] = &[
    ("bireme-core", &[]),
    ("bireme-pause", &[]),
    ("bireme-registry", &["bireme-core"]),
    ("bireme-apiserver", &["bireme-core", "bireme-registry"]),
    ("bireme-scheduler", &["bireme-core"]),
    ("bireme-controllers", &["bireme-core"]),
    ("bireme-kubelet", &["bireme-core"]),
    ("bireme-network", &["bireme-core"]),
    ("bireme-proxy", &["bireme-core"]),
    ("bireme-client", &["bireme-core"]),
    ("bireme-store-sled", &["bireme-core"]),
    ("bireme-store-etcd", &["bireme-core"]),
    ("bireme-runtime-docker", &["bireme-core", "bireme-pause"]),
    ("bireme-runtime-containerd", &["bireme-core", "bireme-pause"]),
    ("bireme", EVERYTHING),
    ("bireme-cli", EVERYTHING),
    ("bireme-examples", EVERYTHING),
    ("bireme-benches", EVERYTHING),
    ("xtask", &[]),
];

/// Stands for all siblings.
const EVERYTHING: &[&str] = &["*"];

/// What must be nowhere below `bireme-core`: servers, TLS, stores, engines, and what reaches the system.
const FOREIGN_TO_CORE: &[&str] = &[
    "axum",
    "bollard",
    "containerd-client",
    "etcd-client",
    "h2",
    "hickory-server",
    "hyper",
    "http",
    "kube",
    "kube-client",
    "mio",
    "native-tls",
    "nftables",
    "nix",
    "openssl",
    "prost",
    "redb",
    "reqwest",
    "rtnetlink",
    "rustls",
    "rustix",
    "sled",
    "socket2",
    "tempfile",
    "tonic",
    "tower",
];

/// Every dependency on a sibling must be in [`ARROWS`].
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    let is_member = |name: &str| subject.members.iter().any(|member| member.name == name);
    for member in &subject.members {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
            findings.push(format!("{} has no line in xtask/src/verify/arrows.rs", member.name));
            continue;
        };
        let siblings = member.dependencies.iter().filter(|dependency| !dependency.for_tests);
        for sibling in siblings.map(|dependency| dependency.package.as_str()).filter(|name| is_member(name)) {
            if *allowed != EVERYTHING && !allowed.contains(&sibling) {
                findings.push(format!("{} must not depend on {sibling}", member.name));
            }
        }
    }
    Ok(findings)
}

/// Nothing in [`FOREIGN_TO_CORE`] may be among what `bireme-core` is built from.
pub fn check_core(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let tree = process::output(subject.workspace.cargo().args([
        "tree",
        "--package",
        "bireme-core",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    Ok(foreign_in(&tree))
}

fn foreign_in(tree: &str) -> Findings {
    let mut names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    let foreign = names.into_iter().filter(|name| FOREIGN_TO_CORE.contains(name));
    foreign.map(|name| format!("bireme-core is built from {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_below_core_is_found_once() {
        let tree =
            "bireme-core v0.1.0 (/w/core)\nhttp-types v1.0.0\nhyper v1.0.0\nbytes v1\nhyper v1.0.0 (*)\n";
        assert_eq!(foreign_in(tree), ["bireme-core is built from hyper"]);
    }
}
