//! What the tests need of the machine.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the kernel gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What is missing of etcd's programs.
pub fn missing() -> Option<String> {
    let packages = [("etcd", "etcd-server"), ("etcdctl", "etcd-client")];
    let missing: Vec<_> = packages
        .into_iter()
        .filter(|(program, _)| !is_on_path(program))
        .map(|(program, package)| format!("{program} (Debian's {package})"))
        .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Whether a test can run; says on the real standard error, which is not captured, why it cannot.
pub fn is_ready() -> bool {
    let missing = missing();
    if let Some(missing) = &missing {
        let test = std::thread::current();
        let name = test.name().unwrap_or("a test");
        writeln!(io::stderr(), "{name} is not run; missing: {missing}").expect("standard error is open");
    }
    missing.is_none()
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).is_file())
}

/// A port of the loopback device that nobody listens on, and that no other test gets.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Somewhere else for every run of the tests, so that two at a time do not meet.
    let begin = std::process::id() as usize * 97;
    loop {
        let next = begin + usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + (next % PORTS.len()) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// What etcdctl prints; it must work.
pub fn etcdctl(endpoint: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("etcdctl");
    command.env("ETCDCTL_API", "3").args(["--endpoints", endpoint]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
