//! The images of the example application, made here and pulled from nowhere: one layer each, in
//! `.bireme/images`, which bireme hands to the container engine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tar::{Builder, EntryType, Header};

use crate::console::step;
use crate::process;
use crate::setup::is_static;
use crate::workspace::Workspace;

/// An image and the tar file of its only layer.
pub struct Image {
    /// The name that manifests use.
    pub name: &'static str,
    /// The layer.
    pub layer: PathBuf,
}

/// The versions of the example's server; a rolling update goes from the first to the second.
const SHOP: [(&str, &str, &str); 2] =
    [("bireme.dev/shop:1", "shop-1.tar", "1\n"), ("bireme.dev/shop:2", "shop-2.tar", "2\n")];
/// Commands that busybox has under another path than `bin`, `sbin`, `usr/bin` and `usr/sbin` are left out.
const FOLDERS: [&str; 9] = ["bin", "etc", "proc", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/sbin"];

/// Builds all images of the example.
pub fn build(workspace: &Workspace) -> anyhow::Result<Vec<Image>> {
    let busybox = Busybox::find()?;
    let shop = build_shop(workspace)?;
    let folder = workspace.state("images")?;
    let mut images = Vec::new();
    for (name, file, version) in SHOP {
        let layer = folder.join(file);
        write_whole(&layer, |tar| {
            busybox.append(tar)?;
            append_file(tar, "shop", &fs::read(&shop)?, 0o755)?;
            append_file(tar, "etc/shop-version", version.as_bytes(), 0o644)
        })?;
        images.push(Image { name, layer });
    }
    let layer = folder.join("busybox-1.tar");
    write_whole(&layer, |tar| busybox.append(tar))?;
    images.push(Image { name: "bireme.dev/busybox:1", layer });
    Ok(images)
}

/// Builds the example's server without shared libraries, so that it runs in an image that has none.
fn build_shop(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    step("building the example's server and its images");
    let triple = workspace.host_triple()?;
    let flags = format!("target.{triple}.rustflags=[\"-Ctarget-feature=+crt-static\", \"-Cstrip=symbols\"]");
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--release", "--package", "bireme-examples", "--bin", "shop"])
            .args(["--target", &triple, "--config", &flags]),
    )?;
    let shop = workspace.target.join(triple).join("release/shop");
    if !is_static(&fs::read(&shop).with_context(|| shop.display().to_string())?) {
        bail!("{} came out dynamically linked; does RUSTFLAGS override the flags?", shop.display());
    }
    Ok(shop)
}

/// The shell and tools of an image: one program and a link for each of its commands.
struct Busybox {
    program: Vec<u8>,
    commands: Vec<String>,
}

impl Busybox {
    fn find() -> anyhow::Result<Busybox> {
        let path = process::find("busybox").context("busybox is not installed")?;
        let listed = process::output(Command::new(&path).arg("--list-full"))?;
        let program = fs::read(&path).with_context(|| path.display().to_string())?;
        if !is_static(&program) {
            bail!("{} needs shared libraries; install busybox-static", path.display());
        }
        Ok(Busybox { program, commands: listed.lines().map(str::to_owned).collect() })
    }

    fn append(&self, tar: &mut Builder<File>) -> anyhow::Result<()> {
        for folder in FOLDERS {
            let mode = if folder == "tmp" { 0o1777 } else { 0o755 };
            tar.append_data(
                &mut header(EntryType::Directory, 0, mode),
                format!("{folder}/"),
                std::io::empty(),
            )?;
        }
        append_file(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)?;
        append_file(tar, "etc/group", b"root:x:0:\n", 0o644)?;
        append_file(tar, "bin/busybox", &self.program, 0o755)?;
        for command in self.commands.iter().filter(|command| is_linked(command)) {
            tar.append_link(&mut header(EntryType::Symlink, 0, 0o777), command, "/bin/busybox")?;
        }
        Ok(())
    }
}

fn is_linked(command: &str) -> bool {
    command != "bin/busybox" && command.rsplit_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder))
}

/// Writes a tar file beside its place and moves it there when it is whole.
fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut Builder<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let file = File::create(&partial).with_context(|| partial.display().to_string())?;
    let mut tar = Builder::new(file);
    fill(&mut tar)?;
    tar.finish()?;
    fs::rename(&partial, path).with_context(|| path.display().to_string())
}

fn append_file(tar: &mut Builder<File>, path: &str, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let size = u64::try_from(content.len())?;
    Ok(tar.append_data(&mut header(EntryType::Regular, size, mode), path, content)?)
}

/// Everything belongs to root and dates from 1970, so that the same content is the same layer.
fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_holds_files_links_and_folders_and_is_the_same_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let busybox =
            Busybox { program: b"program".to_vec(), commands: vec!["bin/sh".into(), "linuxrc".into()] };
        let paths = ["one.tar", "two.tar"].map(|name| folder.path().join(name));
        for path in &paths {
            write_whole(path, |tar| busybox.append(tar)).unwrap();
        }
        assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
        let mut archive = tar::Archive::new(File::open(&paths[0]).unwrap());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let link = entry.link_name().unwrap().map(|to| to.display().to_string());
            found.push((entry.path().unwrap().display().to_string(), link));
        }
        assert!(found.contains(&("bin/sh".into(), Some("/bin/busybox".into()))));
        assert!(found.contains(&("tmp/".into(), None)));
        assert!(!found.iter().any(|(path, _)| path == "linuxrc"));
    }

    #[test]
    fn a_layer_that_cannot_be_filled_is_not_left_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.tar");
        assert!(write_whole(&path, |_| bail!("no")).is_err());
        assert!(!path.exists());
    }
}
