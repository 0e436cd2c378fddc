//! Docker's daemon: found running, or started.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal};

use super::{apt, is_root};
use crate::console::{note, step};
use crate::docker::Docker;
use crate::workspace::Workspace;
use crate::{deadline, process};

/// How long the daemon may take to answer.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Lines of the log that tell why the daemon ended.
const QUOTED_LINES: usize = 3;

/// A daemon that was started here and is stopped when this is dropped.
pub struct Dockerd {
    child: Option<Child>,
    log: PathBuf,
}

/// An engine that answers, and the daemon if it had to be started as a program. One that systemd starts
/// stays, as everything that systemd was asked to run.
pub fn ensure(workspace: &Workspace) -> anyhow::Result<(Docker, Option<Dockerd>)> {
    let docker = Docker::from_environment()?;
    let problem = match docker.version() {
        Ok(_) => return Ok((docker, None)),
        Err(problem) => problem,
    };
    if !is_root() || process::find("dockerd").is_none() {
        return Err(problem.context(format!(
            "Docker Engine: nothing answers on {}; start it (`sudo systemctl start docker`) and let this user \
             use it (`sudo usermod -aG docker $USER`)",
            docker.socket().display()
        )));
    }
    if Path::new("/run/systemd/system").is_dir() {
        step("starting Docker Engine with systemctl");
        process::output(Command::new("systemctl").args(["start", "docker"]))?;
        wait_until_it_answers(&docker, || Ok(()))?;
        return Ok((docker, None));
    }
    mount_control_groups()?;
    let mut daemon = Dockerd::start(workspace)?;
    wait_until_it_answers(&docker, || daemon.check_alive())?;
    Ok((docker, Some(daemon)))
}

/// Engines limit containers by control groups, which a machine without systemd may not have mounted. Debian
/// has a program that does; what it mounts stays.
pub(super) fn mount_control_groups() -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("/proc/self/mounts")?;
    if mounts.lines().any(|mount| mount.split(' ').nth(2).is_some_and(|kind| kind.starts_with("cgroup"))) {
        return Ok(());
    }
    if process::find("cgroupfs-mount").is_none() {
        apt::install(&["cgroupfs-mount"])?;
    }
    step("mounting the control groups on /sys/fs/cgroup");
    process::output(&mut Command::new("cgroupfs-mount")).map(drop)
}

fn wait_until_it_answers(
    docker: &Docker,
    mut alive: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let answered = deadline::wait_for(START_LIMIT, || {
        process::check_interrupted()?;
        alive()?;
        Ok(docker.version().ok())
    })?;
    answered.map(drop).with_context(|| format!("Docker Engine did not answer within {START_LIMIT:?}"))
}

impl Dockerd {
    fn start(workspace: &Workspace) -> anyhow::Result<Dockerd> {
        let log = workspace.state("log")?.join("dockerd.log");
        step(format_args!("starting Docker Engine; its output goes to {}", log.display()));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let program = process::find("dockerd").context("dockerd is gone")?;
        let child = Command::new(program)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .context("cannot start dockerd")?;
        Ok(Dockerd { child: Some(child), log })
    }

    fn check_alive(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            bail!("dockerd ended at once ({status}); it said:\n{}", process::last_lines(&log, QUOTED_LINES));
        }
        Ok(())
    }

    /// Leaves the daemon running.
    pub fn release(mut self) {
        if let Some(child) = self.child.take() {
            note(format_args!("Docker Engine stays, as process {}; stop it with `kill {0}`", child.id()));
        }
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        step("stopping Docker Engine, which was started here");
        process::send(Pid::from_child(&child), Signal::TERM);
        if let Err(error) = child.wait() {
            note(format_args!("could not wait for dockerd: {error}"));
        }
    }
}
