//! What containers of tests are made of: an image of busybox alone. The tests of every engine use it.

use std::path::Path;

use bireme_core::conformance::runtime::Program;
use bireme_core::runtime::{ContainerSpec, ImageImport};

/// Debian's static busybox.
pub const PROGRAM: &str = "/bin/busybox";
pub const IMAGE: &str = "bireme.dev/test-busybox:2";

/// What is missing to make the image.
pub fn missing() -> Option<String> {
    (!Path::new(PROGRAM).exists()).then(|| format!("{PROGRAM} (Debian's busybox-static)"))
}

pub fn import(reference: &str) -> ImageImport {
    let program = std::fs::read(PROGRAM).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/sh", program.as_slice()).unwrap();
    for folder in ["tmp/", "etc/", "proc/", "sys/", "dev/", "mnt/"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_data(&mut header, folder, std::io::empty()).unwrap();
    }
    ImageImport {
        reference: reference.into(),
        layer: archive.into_inner().unwrap().into(),
        entrypoint: Vec::new(),
        command: vec!["sh".into()],
        env: vec![("PATH".into(), "/bin".into())],
    }
}

/// An image of one test's own, since images are not a cluster's but the engine's.
pub fn import_of(cluster: &str) -> ImageImport {
    let mut import = import(&format!("bireme.dev/test-import-{cluster}:1"));
    import.env.push(("TEST".to_owned(), cluster.to_owned()));
    import
}

pub fn command(program: Program) -> Vec<String> {
    match program.script() {
        Some(script) => vec!["/bin/sh".into(), "-c".into(), script],
        None => vec!["/no/such/program".into()],
    }
}

pub fn container(program: Program) -> ContainerSpec {
    ContainerSpec { image: IMAGE.into(), command: command(program), ..ContainerSpec::default() }
}
