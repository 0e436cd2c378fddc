//! `cargo xtask bench`: builds the measurements as shipped and runs one of them.

use std::process::ExitCode;

use anyhow::Context;

use crate::console::{note, step};
use crate::options::BenchOptions;
use crate::process::{self, Foreground};
use crate::setup::containerd::Containerd;
use crate::setup::{self, Ready};
use crate::workspace::Workspace;

/// The measurement of real containers.
const ON_ENGINES: &str = "pods";

/// Has the engines run that containers are measured on, until what is returned is dropped.
fn engines(
    workspace: &Workspace,
    with_containerd: bool,
    bench: &mut std::process::Command,
) -> anyhow::Result<(Ready, Option<Containerd>)> {
    let ready = setup::for_containers(workspace);
    ready.complete()?;
    let containerd = with_containerd.then(|| Containerd::start(workspace, "bench", None)).transpose()?;
    if let Some(containerd) = &containerd {
        bench.env("BIREME_BENCH_CONTAINERD", containerd.socket());
    }
    Ok((ready, containerd))
}

/// Runs the measurement that `options` names; which there are, the benches know themselves.
pub fn command(workspace: &Workspace, options: &BenchOptions) -> anyhow::Result<ExitCode> {
    let missing = setup::for_optional_adapters();
    missing
        .iter()
        .for_each(|missing| note(format_args!("etcd and containerd are not measured; missing: {missing}")));
    step("building the benches and the binary in release");
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "bireme-benches", "--package", "bireme-cli"]);
    if missing.is_empty() {
        build.args(["--features", "bireme-benches/etcd,bireme-cli/etcd,bireme-cli/containerd"]);
    }
    process::run(&mut build)?;
    let release = workspace.target.join("release");
    let mut bench = std::process::Command::new(release.join("bireme-benches"));
    bench.arg(&options.name).env("BIREME_BINARY", release.join("bireme"));
    // Real containers, of which only this measurement is made.
    let engines = match options.name == ON_ENGINES {
        true => Some(engines(workspace, missing.is_empty(), &mut bench)?),
        false => None,
    };
    if options.quick {
        bench.arg("--quick");
    }
    if let Some(path) = &options.json {
        bench.arg("--json").arg(std::path::absolute(path).context("--json")?);
    }
    if let Some(path) = &options.plot {
        bench.arg("--plot").arg(std::path::absolute(path).context("--plot")?);
    }
    let status = Foreground::start(&mut bench)?.wait()?;
    drop(engines);
    Ok(ExitCode::from(process::exit_code(status)))
}
