//! A containerd of bireme's own, beside whatever runs on the machine: started as a program, and ended with all that
//! runs in it.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal};

use super::package::Package;
use crate::console::{note, step};
use crate::workspace::Workspace;
use crate::{deadline, process};

/// The newer containerd, which the runtime is tested with beside the machine's.
const NEWER: Package = Package { name: "containerd", version: "1.7", suite: "trixie" };
/// How long the daemon may take to answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Lines of the log that tell why the daemon ended.
const QUOTED_LINES: usize = 3;
/// Where the sockets are: their paths may have 107 bytes, which those in a workspace can exceed.
const RUN: &str = "/run/bireme";

/// A daemon that was started here. Dropping it stops it, and every container of its.
pub struct Containerd {
    child: Option<Child>,
    log: PathBuf,
    state: PathBuf,
}

/// Whether the machine has containerd, and what it starts containers with.
pub fn is_installed() -> bool {
    super::tools::FOR_CONTAINERD.iter().all(super::Tool::is_present)
}

/// The folder of a newer containerd's programs, fetched if they are not here.
pub fn newer(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = NEWER.unpacked(workspace).map(|folder| folder.join("usr/bin"));
    folder.context("containerd 1.7, which the runtime is tested with beside the machine's own")
}

impl Containerd {
    /// Starts a daemon with the programs of a folder, or with those of the machine. Its name tells its files from
    /// those of others.
    pub fn start(workspace: &Workspace, name: &str, programs: Option<&Path>) -> anyhow::Result<Containerd> {
        super::dockerd::mount_control_groups()?;
        let program = match programs {
            Some(folder) => folder.join("containerd"),
            None => process::find("containerd").context("containerd is not installed")?,
        };
        let state = Path::new(RUN).join(name);
        fs::create_dir_all(&state).with_context(|| state.display().to_string())?;
        let root = workspace.state(&format!("containerd/{name}"))?;
        let log = workspace.state("log")?.join(format!("{name}.log"));
        let mut daemon = Containerd { child: None, log, state };
        if UnixStream::connect(daemon.socket()).is_ok() {
            step(format_args!("containerd ({name}) runs already, with what was kept in it"));
            return Ok(daemon);
        }
        // What an earlier one left, whose end was not seen.
        daemon.end_containers();
        let config = root.join("config.toml");
        let text = format!(
            "version = 2\nroot = {root:?}\nstate = {state:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {socket:?}\n",
            state = daemon.state,
            socket = daemon.socket(),
        );
        fs::write(&config, text).with_context(|| config.display().to_string())?;
        step(format_args!("starting containerd ({name}); its output goes to {}", daemon.log.display()));
        let file = File::create(&daemon.log).with_context(|| daemon.log.display().to_string())?;
        let mut command = Command::new(program);
        command.arg("--config").arg(&config);
        if let Some(folder) = programs {
            // The shim is found by the PATH.
            let present = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&present));
            command.env("PATH", std::env::join_paths(folders)?);
        }
        let child =
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0).spawn();
        daemon.child = Some(child.context("cannot start containerd")?);
        let answered = deadline::wait_for(START_LIMIT, || {
            process::check_interrupted()?;
            daemon.check_alive()?;
            Ok(UnixStream::connect(daemon.socket()).ok())
        })?;
        answered.map(drop).with_context(|| format!("containerd did not answer within {START_LIMIT:?}"))?;
        Ok(daemon)
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.state.join("containerd.sock")
    }

    fn check_alive(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            bail!(
                "containerd ended at once ({status}); it said:\n{}",
                process::last_lines(&log, QUOTED_LINES)
            );
        }
        Ok(())
    }

    /// Leaves the daemon and its containers running.
    pub fn release(mut self) {
        if let Some(child) = self.child.take() {
            note(format_args!("containerd stays, as process {}; stop it with `kill {0}`", child.id()));
        }
    }

    /// Kills what runs in it: each container's first process, which takes the others along, and its shim.
    fn end_containers(&self) {
        let tasks = self.state.join("io.containerd.runtime.v2.task");
        for bundle in entries(&tasks).iter().flat_map(|namespace| entries(namespace)) {
            let first =
                fs::read_to_string(bundle.join("init.pid")).ok().and_then(|id| id.trim().parse().ok());
            if let Some(first) = first.and_then(Pid::from_raw) {
                kill(first);
            }
            // Where nothing is mounted there is nothing to unmount.
            let (Ok(()) | Err(_)) = unmount(bundle.join("rootfs"), UnmountFlags::DETACH);
            if let Err(error) = fs::remove_dir_all(&bundle) {
                note(format_args!("{} stays: {error}", bundle.display()));
            }
        }
        let socket = self.socket().display().to_string();
        for process in entries(Path::new("/proc")) {
            let command = fs::read(process.join("cmdline")).unwrap_or_default();
            let words: Vec<_> = command.split(|&byte| byte == 0).collect();
            let is_shim = words.first().is_some_and(|program| program.ends_with(b"containerd-shim-runc-v2"));
            let id = process.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
            if let (true, Some(id)) = (is_shim && words.contains(&socket.as_bytes()), id) {
                kill(id);
            }
        }
    }
}

/// Kills a process, if it is there still.
fn kill(process: Pid) {
    if let Err(error) = rustix::process::kill_process(process, Signal::KILL)
        && error != rustix::io::Errno::SRCH
    {
        note(format_args!("process {process} could not be ended: {error}"));
    }
}

/// What a folder holds; nothing when there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        self.end_containers();
        step("stopping containerd, which was started here");
        process::send(Pid::from_child(&child), Signal::TERM);
        if let Err(error) = child.wait() {
            note(format_args!("could not wait for containerd: {error}"));
        }
    }
}
