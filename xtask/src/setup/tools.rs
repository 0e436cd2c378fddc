//! The programs and files that bireme uses, as Debian packages them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process;

/// Something that must be on the machine.
pub struct Tool {
    /// The Debian package that has it.
    pub package: &'static str,
    /// What bireme does with it.
    pub why: &'static str,
    /// How to see that it is there.
    probe: Probe,
}

enum Probe {
    /// A program of this name.
    Program(&'static str),
    /// A program of this name that needs no shared library, so that it runs in an empty image.
    StaticProgram(&'static str),
    /// A file at this path.
    File(&'static str),
    /// A module of this name that `python3` finds.
    PythonModule(&'static str),
}

/// What pods in real containers need.
pub const FOR_CONTAINERS: &[Tool] = &[
    Tool { package: "docker.io", why: "runs the pods' containers", probe: Probe::Program("dockerd") },
    Tool {
        package: "busybox-static",
        why: "the shell and tools inside the example's images",
        probe: Probe::StaticProgram("busybox"),
    },
    Tool { package: "nftables", why: "carries Services to their pods", probe: Probe::Program("nft") },
    Tool { package: "iproute2", why: "shows what the pod network looks like", probe: Probe::Program("ip") },
    Tool {
        package: "conntrack",
        why: "forgets connections to pods that are gone",
        probe: Probe::Program("conntrack"),
    },
    Tool {
        package: "libc6-dev",
        why: "links the example's server without shared libraries",
        probe: Probe::File("/usr/include/stdio.h"),
    },
];

/// The members that [`FOR_BUILDING_ADAPTERS`] are for, which are no default members of the workspace.
pub const OPTIONAL_ADAPTERS: &[&str] = &["bireme-store-etcd", "bireme-runtime-containerd"];

/// What the adapters outside the default build need to be built.
pub const FOR_BUILDING_ADAPTERS: &[Tool] = &[
    Tool {
        package: "protobuf-compiler",
        why: "builds the clients of etcd and containerd",
        probe: Probe::Program("protoc"),
    },
    Tool {
        package: "libprotobuf-dev",
        why: "the message types that these clients are built from",
        probe: Probe::File("/usr/include/google/protobuf/any.proto"),
    },
];

/// What etcd as the store needs to run, and to be tested.
pub const FOR_ETCD: &[Tool] = &[
    Tool { package: "etcd-server", why: "the store of several API servers", probe: Probe::Program("etcd") },
    Tool {
        package: "etcd-client",
        why: "reads and writes etcd beside the store, in its tests",
        probe: Probe::Program("etcdctl"),
    },
];

/// What containerd as the runtime needs to run.
pub const FOR_CONTAINERD: &[Tool] = &[
    Tool {
        package: "containerd",
        why: "runs containers without Docker",
        probe: Probe::Program("containerd"),
    },
    Tool { package: "runc", why: "what containerd starts containers with", probe: Probe::Program("runc") },
];

/// What clients in other languages need to be tested with.
pub const FOR_CLIENTS: &[Tool] = &[Tool {
    package: "python3-venv",
    why: "the Python client of Kubernetes is tested with, in an environment of its own",
    probe: Probe::PythonModule("ensurepip"),
}];

impl Tool {
    /// Whether it is on this machine.
    pub fn is_present(&self) -> bool {
        match self.probe {
            Probe::Program(name) => process::find(name).is_some(),
            Probe::StaticProgram(name) => {
                process::find(name).and_then(|path| fs::read(path).ok()).is_some_and(|elf| is_static(&elf))
            }
            Probe::File(path) => Path::new(path).exists(),
            Probe::PythonModule(name) => process::output(Command::new("python3").args([
                "-c",
                "import sys; __import__(sys.argv[1])",
                name,
            ]))
            .is_ok(),
        }
    }

    /// A sentence for somebody who has to install it.
    pub fn how_to_install(&self) -> String {
        format!(
            "{} ({}): on Debian or Ubuntu `sudo apt-get install {}`",
            self.package, self.why, self.package
        )
    }
}

/// Whether a 64-bit little-endian ELF program names no interpreter, that is, needs no dynamic linker.
/// `false` for anything else. Offsets are those of the ELF-64 object file format.
pub fn is_static(elf: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let field = |offset: usize, size: usize| -> Option<u64> {
        let bytes = elf.get(offset..offset.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    };
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let headers = || -> Option<Vec<u64>> {
        let (start, size, count) = (field(0x20, 8)?, field(0x36, 2)?, field(0x38, 2)?);
        (0..count).map(|index| field(usize::try_from(start + index * size).ok()?, 4)).collect()
    };
    headers().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_not_a_static_program_and_text_is_no_program() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&own));
        assert!(!is_static(b"#!/bin/sh\n"));
    }

    #[test]
    fn a_program_without_an_interpreter_is_static() {
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[0x20] = 64; // the program headers start after this one
        elf[0x36] = 56; // the size of each
        elf[0x38] = 1; // their number
        elf[64] = 1; // PT_LOAD
        assert!(is_static(&elf));
        elf[64] = 3; // PT_INTERP
        assert!(!is_static(&elf));
        elf[0x38] = 2; // a header that is not there
        assert!(!is_static(&elf));
    }

    #[test]
    fn what_is_missing_comes_with_how_to_install_it() {
        let tool = Tool { package: "p", why: "w", probe: Probe::Program("no-such-program-of-bireme") };
        assert!(!tool.is_present());
        assert!(tool.how_to_install().contains("apt-get install p"));
        let tool = Tool { probe: Probe::PythonModule("no_such_module_of_bireme"), ..tool };
        assert!(!tool.is_present());
    }
}
