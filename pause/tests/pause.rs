//! Runs the program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// Written before any process starts, because a file that a forked child holds open for writing cannot run.
static PROGRAM: LazyLock<(TempDir, String)> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pause");
    std::fs::write(&path, bireme_pause::PAUSE).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
});

fn program() -> &'static str {
    &PROGRAM.1
}

/// Looks until `found`; what is waited for happens in another process, which tells nobody.
fn wait_until(what: &str, mut found: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if found() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} did not come about within ten seconds");
}

/// The kernel shows what a process waits in by the system call's number.
fn wait_until_it_waits_for_signals(pid: u32) {
    let number = if cfg!(target_arch = "x86_64") { "128 " } else { "137 " };
    wait_until("waiting for signals", || {
        std::fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|call| call.starts_with(number))
    });
}

fn children(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A started program, killed when a test fails before its end.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    fn close_input(&mut self) {
        drop(self.0.stdin.take());
    }

    fn expect_clean_exit(mut self) {
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.0.kill().expect("an own child can be killed");
        }
    }
}

#[test]
fn is_a_static_executable_below_four_kibibytes() {
    let elf = bireme_pause::PAUSE;
    assert!(elf.len() < 4096, "{} bytes", elf.len());
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01", "64-bit little-endian");
    assert_eq!(elf[16], 2, "an executable at fixed addresses");
    let table = usize::try_from(u64::from_le_bytes(elf[32..40].try_into().unwrap())).unwrap();
    let count = usize::from(u16::from_le_bytes(elf[56..58].try_into().unwrap()));
    const INTERPRETER: [u8; 4] = 3u32.to_le_bytes();
    assert!(elf[table..].chunks(56).take(count).all(|segment| segment[..4] != INTERPRETER));
}

#[test]
fn exits_with_zero_on_each_signal_to_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let child = Running::start(&mut Command::new(program()));
        wait_until_it_waits_for_signals(child.id());
        assert_eq!(children(child.id()), []);
        send(child.id(), signal);
        child.expect_clean_exit();
    }
}

#[test]
fn reaps_its_children_and_goes_on() {
    // `cat` ends with its input, and is by then a child of the program that the shell became.
    let script = format!("exec 3<&0; cat <&3 & exec {}", program());
    let mut child = Running::start(Command::new("sh").args(["-c", &script]));
    wait_until_it_waits_for_signals(child.id());
    assert_eq!(children(child.id()).len(), 1);
    child.close_input();
    wait_until("reaping", || children(child.id()).is_empty());
    assert!(child.0.try_wait().unwrap().is_none());
    send(child.id(), Signal::TERM);
    child.expect_clean_exit();
}

#[test]
fn reaps_orphans_and_stops_when_asked_as_the_first_process_of_a_namespace() {
    if !geteuid().is_root() {
        println!("NOT RUN: a new PID namespace needs root");
        return;
    }
    // The subshell leaves its `cat` to PID 1.
    let script = format!("exec 3<&0; (cat <&3 &) ; exec {}", program());
    let arguments = ["--pid", "--fork", "--kill-child", "sh", "-c", &script];
    let mut outer = Running::start(Command::new("unshare").args(arguments));
    wait_until("the first process", || children(outer.id()).len() == 1);
    let first = children(outer.id())[0];
    wait_until_it_waits_for_signals(first);
    wait_until("the orphan", || children(first).len() == 1);
    outer.close_input();
    wait_until("reaping the orphan", || children(first).is_empty());
    send(first, Signal::TERM);
    outer.expect_clean_exit();
}

#[test]
fn the_layer_unpacks_to_the_program() {
    let folder = TempDir::new().unwrap();
    let archive = folder.path().join("layer.tar");
    std::fs::write(&archive, bireme_pause::layer()).unwrap();
    let mut tar = Command::new("tar");
    assert!(tar.arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status().unwrap().success());
    let unpacked = folder.path().join(Path::new(bireme_pause::PATH).strip_prefix("/").unwrap());
    assert_eq!(std::fs::read(&unpacked).unwrap(), bireme_pause::PAUSE);
    assert_eq!(unpacked.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
}
