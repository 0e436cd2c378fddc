//! Set-up: finding what a command needs on this machine, installing what is missing, starting what is not
//! running, and saying each time what is done.

mod apt;
pub mod containerd;
mod dockerd;
mod etcd;
pub mod kubectl;
mod package;
mod python;
mod sources;
mod tools;

pub use tools::is_static;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};

use crate::console::note;
use crate::docker::Docker;
use crate::options::SetupOptions;
use crate::workspace::Workspace;
use containerd::Containerd;
use dockerd::Dockerd;
use tools::{OPTIONAL_ADAPTERS, Tool};

/// A machine made ready, as far as that was possible.
pub struct Ready {
    /// The kubectl to drive clusters with.
    pub kubectl: Option<PathBuf>,
    /// The Docker Engine to run containers with.
    pub docker: Option<Docker>,
    /// What is still missing, one sentence each with how to get it.
    pub missing: Vec<String>,
    /// Docker's daemon when it was started here. Dropping it stops the daemon.
    daemon: Option<Dockerd>,
    /// A containerd that was started here. Dropping it stops it.
    pub containerd: Option<Containerd>,
}

impl Ready {
    /// An error that lists what is missing, if anything is.
    pub fn complete(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        bail!("this machine lacks what the command needs:\n  - {}", self.missing.join("\n  - "))
    }

    /// Leaves the engine's daemon running after the command, for containers that are to be kept.
    pub fn keep_engine_running(&mut self) {
        if let Some(containerd) = self.containerd.take() {
            containerd.release();
        }
        if let Some(daemon) = self.daemon.take() {
            daemon.release();
        }
    }
}

/// Makes ready what clusters of simulated nodes need.
pub fn for_simulation(workspace: &Workspace) -> Ready {
    let mut missing = Vec::new();
    let kubectl = keep_reason(kubectl::current(workspace), &mut missing);
    Ready { kubectl, docker: None, missing, daemon: None, containerd: None }
}

/// Makes ready what clusters of real containers need.
pub fn for_containers(workspace: &Workspace) -> Ready {
    let mut missing = install(tools::FOR_CONTAINERS);
    require_root(&mut missing);
    let (docker, daemon) = keep_reason(dockerd::ensure(workspace), &mut missing).unzip();
    let kubectl = keep_reason(kubectl::current(workspace), &mut missing);
    Ready { kubectl, docker, missing, daemon: daemon.flatten(), containerd: None }
}

/// Makes ready what clusters of real containers on containerd need.
pub fn for_containerd(workspace: &Workspace) -> Ready {
    let without_docker = |tool: &&Tool| tool.package != "docker.io";
    let mut missing = install(tools::FOR_CONTAINERS.iter().filter(without_docker));
    missing.extend(install(tools::FOR_BUILDING_ADAPTERS));
    missing.extend(install(tools::FOR_CONTAINERD));
    require_root(&mut missing);
    let started = match missing.is_empty() {
        true => Containerd::start(workspace, "cluster", None).context("containerd"),
        false => Err(anyhow!("containerd needs what is named above")),
    };
    let containerd = keep_reason(started, &mut missing);
    let kubectl = keep_reason(kubectl::current(workspace), &mut missing);
    Ready { kubectl, docker: None, missing, daemon: None, containerd }
}

fn require_root(missing: &mut Vec<String>) {
    if !is_root() {
        missing.push(
            "root: pod networks and service rules belong to the kernel; run this as root, \
             or start simulated nodes with `cargo xtask cluster --runtime sim`"
                .to_owned(),
        );
    }
}

/// Makes ready what the adapters outside the default build need; returns a sentence for each thing still missing.
pub fn for_optional_adapters() -> Vec<String> {
    let mut missing = install(tools::FOR_BUILDING_ADAPTERS);
    missing.extend(install(tools::FOR_ETCD));
    missing.extend(install(tools::FOR_CONTAINERD));
    missing
}

/// What is tested with beside what bireme itself uses.
#[derive(Default)]
pub struct Peers {
    /// A Python that has the client of Kubernetes.
    pub python: Option<PathBuf>,
    /// The oldest kubectl.
    pub oldest_kubectl: Option<PathBuf>,
    /// The folders of a newer etcd's programs.
    pub newer_etcd: Option<[PathBuf; 2]>,
    /// The folder of a newer containerd's programs.
    pub newer_containerd: Option<PathBuf>,
    /// What is still missing, one sentence each.
    pub missing: Vec<String>,
}

/// Makes the peers ready.
pub fn peers(workspace: &Workspace) -> Peers {
    let mut missing = install(tools::FOR_CLIENTS);
    let python = match missing.is_empty() {
        true => python::ensure(workspace).context("the Python client of Kubernetes (package kubernetes)"),
        false => Err(anyhow!("the Python client of Kubernetes needs what is named above")),
    };
    Peers {
        python: keep_reason(python, &mut missing),
        oldest_kubectl: keep_reason(kubectl::oldest(workspace), &mut missing),
        newer_etcd: keep_reason(etcd::newer(workspace), &mut missing),
        newer_containerd: keep_reason(containerd::newer(workspace), &mut missing),
        missing,
    }
}

/// The members of the workspace that can be built here, and the features that programs have with all of them, as
/// arguments of cargo's.
pub fn buildable() -> Vec<&'static str> {
    let mut arguments = members();
    if missing_adapters().is_empty() {
        arguments.extend(["--features", "bireme-cli/etcd,bireme-cli/containerd"]);
    }
    arguments
}

/// The members of the workspace that can be built here, as arguments of cargo's: all of them, without the optional
/// adapters where their tools are missing.
pub fn members() -> Vec<&'static str> {
    let mut arguments = vec!["--workspace"];
    for adapter in missing_adapters() {
        arguments.extend(["--exclude", adapter]);
    }
    arguments
}

/// The adapters that cannot be built here; says why.
fn missing_adapters() -> &'static [&'static str] {
    let absent: Vec<_> = tools::FOR_BUILDING_ADAPTERS.iter().filter(|tool| !tool.is_present()).collect();
    for tool in &absent {
        let adapters = OPTIONAL_ADAPTERS.join(", ");
        note(format_args!("{adapters} are left out; missing: {}", tool.how_to_install()));
    }
    if absent.is_empty() { &[] } else { OPTIONAL_ADAPTERS }
}

/// `cargo xtask setup`: installs, and says what is there.
pub fn command(workspace: &Workspace, options: &SetupOptions) -> anyhow::Result<ExitCode> {
    let mut ready = for_containers(workspace);
    if options.all {
        ready.missing.extend(for_optional_adapters());
        ready.missing.extend(peers(workspace).missing);
    }
    let all = [
        tools::FOR_CONTAINERS,
        tools::FOR_BUILDING_ADAPTERS,
        tools::FOR_ETCD,
        tools::FOR_CONTAINERD,
        tools::FOR_CLIENTS,
    ];
    for tool in all.into_iter().flatten() {
        let state = if tool.is_present() { "present" } else { "missing" };
        println!("{:<22} {state:<8} {}", tool.package, tool.why);
    }
    if let Some(docker) = &ready.docker {
        println!("{:<22} {:<8} answers on {}", "Docker Engine", docker.version()?, docker.socket().display());
    }
    if let Some(kubectl) = &ready.kubectl {
        println!("{:<22} {:<8} {}", "kubectl", kubectl::minor(kubectl)?, kubectl.display());
    }
    ready.keep_engine_running();
    ready.complete()?;
    Ok(ExitCode::SUCCESS)
}

/// Installs those of `tools` that are not there; returns a sentence for each that could not be.
fn install<'a>(tools: impl IntoIterator<Item = &'a Tool>) -> Vec<String> {
    let absent: Vec<&Tool> = tools.into_iter().filter(|tool| !tool.is_present()).collect();
    if absent.is_empty() {
        return Vec::new();
    }
    let packages: Vec<&str> = absent.iter().map(|tool| tool.package).collect();
    if apt::is_usable() {
        for tool in &absent {
            note(format_args!("{} is missing: {}", tool.package, tool.why));
        }
        if let Err(error) = apt::install(&packages) {
            note(format_args!("{error:#}"));
        }
    }
    absent.iter().filter(|tool| !tool.is_present()).map(|tool| tool.how_to_install()).collect()
}

/// Turns a failure into a sentence for the list of what is missing.
fn keep_reason<T>(result: anyhow::Result<T>, missing: &mut Vec<String>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            missing.push(format!("{error:#}"));
            None
        }
    }
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
