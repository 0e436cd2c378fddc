//! `cargo xtask bench`: builds the measurements as shipped and runs one of them.

use std::process::ExitCode;

use anyhow::Context;

use crate::console::{note, step};
use crate::options::BenchOptions;
use crate::process::{self, Foreground};
use crate::setup;
use crate::workspace::Workspace;

/// Runs the measurement that `options` names; which there are, the benches know themselves.
pub fn command(workspace: &Workspace, options: &BenchOptions) -> anyhow::Result<ExitCode> {
    let missing = setup::for_optional_adapters();
    missing.iter().for_each(|missing| note(format_args!("etcd is not measured; missing: {missing}")));
    step("building the benches and the binary in release");
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "bireme-benches", "--package", "bireme-cli"]);
    if missing.is_empty() {
        build.args(["--features", "bireme-benches/etcd,bireme-cli/etcd"]);
    }
    process::run(&mut build)?;
    let release = workspace.target.join("release");
    let mut bench = std::process::Command::new(release.join("bireme-benches"));
    bench.arg(&options.name).env("BIREME_BINARY", release.join("bireme"));
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
    Ok(ExitCode::from(process::exit_code(status)))
}
