//! `cargo xtask verify`: one gate for everything that can be checked without running the code. It changes
//! nothing.

mod arrows;
mod documented;
mod licences;
mod map;
mod members;
mod size;
mod tree;
mod unused;
mod versions;
mod words;

use std::process::ExitCode;

use crate::console::step;
use crate::deadline::Stopwatch;
use crate::options::VerifyOptions;
use crate::process;
use crate::setup;
use crate::workspace::Workspace;
use members::Member;
use tree::Source;

/// What a check found: one sentence for each violation.
type Findings = Vec<String>;

/// What the checks look at.
struct Subject<'a> {
    workspace: &'a Workspace,
    /// The output of `cargo metadata`.
    metadata: serde_json::Value,
    members: Vec<Member>,
    sources: Vec<Source>,
}

/// A check's name and what it does. An error means that it could not be done.
type Check = (&'static str, fn(&Subject<'_>) -> anyhow::Result<Findings>);

const CHECKS: &[Check] = &[
    ("formatting", formatting),
    ("dependency arrows", arrows::check),
    ("purity of bireme-core", arrows::check_core),
    ("unused dependencies", unused::check),
    ("unexplained dependencies", documented::check),
    ("licences of dependencies", licences::check),
    ("the map", map::check),
    ("size budget", size::check),
    ("banned words", words::check),
    ("lints", lints),
    ("documentation", documentation),
];

/// Runs all checks, whatever the first ones find, so that one run tells everything.
pub fn command(workspace: &Workspace, options: &VerifyOptions) -> anyhow::Result<ExitCode> {
    let metadata = workspace.metadata()?;
    let members = members::read(&metadata)?;
    let sources = tree::sources(&members)?;
    let subject = Subject { workspace, metadata, members, sources };
    let versions: &[Check] =
        if options.versions { &[("Kubernetes API versions", versions::check)] } else { &[] };
    let mut failed = Vec::new();
    let filter = options.filter.as_deref().unwrap_or_default();
    for (name, check) in CHECKS.iter().chain(versions).filter(|(name, _)| name.contains(filter)) {
        let watch = Stopwatch::start();
        let findings = check(&subject).unwrap_or_else(|error| vec![format!("{error:#}")]);
        process::check_interrupted()?;
        let outcome = if findings.is_empty() { "ok" } else { "FAILED" };
        step(format_args!("{name}: {outcome}, {:.1} s", watch.elapsed().as_secs_f64()));
        for finding in &findings {
            println!("{finding}");
        }
        if !findings.is_empty() {
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        println!("verified");
        return Ok(ExitCode::SUCCESS);
    }
    println!("not verified: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn formatting(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    process::run(subject.workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Findings::new())
}

fn lints(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let mut cargo = subject.workspace.cargo();
    cargo.args(["clippy", "--quiet"]).args(setup::buildable());
    process::run(cargo.args(["--all-targets", "--", "-D", "warnings"]))?;
    Ok(Findings::new())
}

fn documentation(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let mut cargo = subject.workspace.cargo();
    cargo.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--quiet"]).args(setup::buildable());
    process::run(cargo.arg("--no-deps"))?;
    Ok(Findings::new())
}
