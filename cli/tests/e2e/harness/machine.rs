//! What the tests need of the machine, and saying exactly what of it is missing.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::docker::Docker;

/// The images that manifests name, and the files of their layers.
const IMAGES: [(&str, &str); 3] = [
    ("bireme.dev/shop:1", "shop-1.tar"),
    ("bireme.dev/shop:2", "shop-2.tar"),
    ("bireme.dev/busybox:1", "busybox-1.tar"),
];

/// A machine on which the tests can run.
pub struct Machine {
    /// The kubectl to drive clusters with.
    pub kubectl: PathBuf,
    /// The images as `--import` takes them; none without a container engine.
    pub images: Vec<String>,
    /// The container engine.
    pub docker: Docker,
    /// Locked while these tests run: two runs at a time would have the same addresses.
    _alone: File,
}

/// The machine, if real containers can run on it. Says what is missing otherwise.
pub fn for_containers() -> Option<&'static Machine> {
    static MACHINE: OnceLock<Result<Machine, String>> = OnceLock::new();
    ready(MACHINE.get_or_init(|| {
        let mut missing = Vec::new();
        let kubectl = keep(kubectl(), &mut missing);
        let docker = keep(Docker::reach(), &mut missing);
        let images = keep(images(), &mut missing);
        if !rustix::process::geteuid().is_root() {
            missing.push("root, for pod networks and service rules".to_owned());
        }
        if find("nft").is_none() {
            missing.push("nft (package nftables)".to_owned());
        }
        match (kubectl, docker, images, missing.is_empty()) {
            (Some(kubectl), Some(docker), Some(images), true) => {
                Ok(Machine { kubectl, images, docker, _alone: alone() })
            }
            _ => Err(missing.join("; ")),
        }
    }))
}

/// The kubectl, for clusters of simulated nodes. Says that it is missing otherwise.
pub fn for_simulation() -> Option<&'static Path> {
    static KUBECTL: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    ready(KUBECTL.get_or_init(kubectl)).map(PathBuf::as_path)
}

/// The socket of a containerd, for clusters on it. Says that it is missing otherwise.
#[cfg(feature = "containerd")]
pub fn containerd() -> Option<PathBuf> {
    let socket =
        std::env::var_os("BIREME_TEST_CONTAINERD").map(PathBuf::from).filter(|socket| socket.exists());
    if socket.is_none() {
        skip("a containerd (BIREME_TEST_CONTAINERD, set by `cargo xtask test`)");
    }
    socket
}

/// Whether a program is there that one test alone needs. Says that it is missing otherwise.
pub fn has(program: &str) -> bool {
    if find(program).is_none() {
        skip(&format!("the program {program}"));
    }
    find(program).is_some()
}

/// Says why a test does not run.
fn ready<T>(found: &'static Result<T, String>) -> Option<&'static T> {
    found.as_ref().map_err(|missing| skip(missing)).ok()
}

/// Says on the real standard error, which is not captured with the test's output, what is missing.
fn skip(missing: &str) {
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    writeln!(io::stderr(), "{name} is not run; missing: {missing}").expect("standard error is open");
}

/// Waits until no other run of these tests is on the machine.
fn alone() -> File {
    let file = File::create(std::env::temp_dir().join("bireme-e2e.lock")).expect("a file can be made");
    file.lock().expect("a file can be locked");
    file
}

fn keep<T>(found: Result<T, String>, missing: &mut Vec<String>) -> Option<T> {
    found.map_err(|sentence| missing.push(sentence)).ok()
}

fn kubectl() -> Result<PathBuf, String> {
    let named = std::env::var_os("BIREME_TEST_KUBECTL").map(PathBuf::from);
    named
        .or_else(|| find("kubectl"))
        .ok_or_else(|| "kubectl (BIREME_TEST_KUBECTL, or on the PATH)".to_owned())
}

fn images() -> Result<Vec<String>, String> {
    let folder = std::env::var_os("BIREME_TEST_IMAGES").map(PathBuf::from);
    let folder = folder.ok_or("the test images (BIREME_TEST_IMAGES, set by `cargo xtask test`)")?;
    let import = |(name, file): (&str, &str)| {
        let layer = folder.join(file);
        let import = format!("{name}={}", layer.display());
        layer.is_file().then_some(import).ok_or_else(|| format!("the test image {}", layer.display()))
    };
    IMAGES.into_iter().map(import).collect()
}

/// Where `program` is, also in the folders for administrators that a user's PATH may lack.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
