//! The libraries build against the earliest and the latest version of the Kubernetes API that an embedder
//! may choose.

use crate::process;
use crate::setup;

use super::{Findings, Subject};

/// The ends of the range of versions that k8s-openapi offers.
const VERSIONS: [&str; 2] = ["1.33", "1.37"];
/// The members that enable a version of their own, being no libraries.
const PROGRAMS: [&str; 4] = ["bireme-cli", "bireme-examples", "bireme-benches", "xtask"];

/// Checks every library with each of [`VERSIONS`], in a build folder of its own.
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    for version in VERSIONS {
        let mut cargo = subject.workspace.cargo();
        cargo
            .env("K8S_OPENAPI_ENABLED_VERSION", version)
            .env("CARGO_TARGET_DIR", subject.workspace.target.join(format!("api-{version}")))
            .args(["check", "--quiet", "--lib"])
            .args(setup::members());
        for program in PROGRAMS.iter().filter(|name| subject.members.iter().any(|each| each.name == **name)) {
            cargo.args(["--exclude", program]);
        }
        process::run(&mut cargo)?;
    }
    Ok(Findings::new())
}
