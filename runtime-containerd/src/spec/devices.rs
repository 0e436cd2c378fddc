//! Devices. The runtime makes `null`, `zero`, `full`, `random`, `urandom`, `tty` and `console` by itself, as the OCI
//! runtime specification says.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use serde_json::{Value, json};

/// What of the machine's devices no container is given: those that each has of its own.
const OWN: &[&str] = &["/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/console", "/dev/ptmx"];

/// Which devices a container may use.
pub(super) fn rules(privileged: bool) -> Vec<Value> {
    if privileged {
        return vec![json!({ "allow": true, "access": "rwm" })];
    }
    let allowed = |kind: &str, major: Option<u32>, minor: Option<u32>, access: &str| json!({ "allow": true, "type": kind, "major": major, "minor": minor, "access": access });
    let mut rules = vec![
        json!({ "allow": false, "access": "rwm" }),
        // Any may be made, and not be used.
        allowed("c", None, None, "m"),
        allowed("b", None, None, "m"),
    ];
    let memory = [3, 5, 7, 8, 9].map(|minor| (1, Some(minor)));
    let terminals = [(5, Some(0)), (5, Some(1)), (5, Some(2)), (136, None)];
    rules.extend(
        memory.into_iter().chain(terminals).map(|(major, minor)| allowed("c", Some(major), minor, "rwm")),
    );
    rules
}

/// All devices of the machine, for a privileged container.
pub(super) fn all() -> Vec<Value> {
    let mut devices = Vec::new();
    collect(Path::new("/dev"), &mut devices);
    devices
}

fn collect(folder: &Path, devices: &mut Vec<Value>) {
    // What cannot be looked into or goes away meanwhile is not given.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if OWN.iter().any(|own| path == Path::new(own)) {
            continue;
        }
        let kind = metadata.file_type();
        if kind.is_dir() {
            collect(&path, devices);
        } else if kind.is_char_device() || kind.is_block_device() {
            devices.push(json!({
                "path": path.display().to_string(),
                "type": if kind.is_char_device() { "c" } else { "b" },
                "major": rustix::fs::major(metadata.rdev()),
                "minor": rustix::fs::minor(metadata.rdev()),
                "fileMode": metadata.mode() & 0o777,
                "uid": metadata.uid(),
                "gid": metadata.gid(),
            }));
        }
    }
}
