//! The versions of kubectl that clusters are driven and tested with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::apt;
use super::package::Package;
use crate::console::note;
use crate::process;
use crate::workspace::Workspace;

/// The version that people use and most tests run with.
const CURRENT: Package = Package { name: "kubectl", version: "1.32", suite: "trixie" };
const CURRENT_MINOR: u32 = 32;
/// The lowest minor version found on the PATH that will do instead.
const SUBSTITUTE_MINOR: u32 = 27;
/// The oldest version that compatibility is tested with.
const OLDEST: Package = Package { name: "kubernetes-client", version: "1.20", suite: "bookworm" };

/// The path of the current kubectl, fetched if it is not here. When none is on the PATH, root installs the package,
/// since people will type `kubectl`.
pub fn current(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let on_path = process::find("kubectl");
    let minor_on_path = on_path.as_deref().map(minor).transpose()?;
    if let (Some(path), Some(CURRENT_MINOR)) = (&on_path, minor_on_path) {
        return Ok(path.clone());
    }
    let fetched = program_in(&CURRENT.folder(workspace)?);
    if fetched.is_file() {
        return Ok(fetched);
    }
    match (CURRENT.fetch(workspace), on_path, minor_on_path) {
        (Ok(package), None, _) if apt::is_usable() => Ok(install(&package).unwrap_or(fetched)),
        (Ok(_), ..) => Ok(fetched),
        (Err(error), Some(path), Some(minor)) if minor >= SUBSTITUTE_MINOR => {
            note(format_args!("no kubectl 1.{CURRENT_MINOR} ({error:#}); using {}", path.display()));
            Ok(path)
        }
        (Err(error), ..) => Err(error.context(format!(
            "kubectl 1.{CURRENT_MINOR}: install it on the PATH (1.{SUBSTITUTE_MINOR} or later will do)"
        ))),
    }
}

/// The path of the oldest kubectl, fetched if it is not here.
pub fn oldest(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = OLDEST.unpacked(workspace).context("kubectl 1.20, which older clients are tested with")?;
    Ok(program_in(&folder))
}

/// The `32` of a kubectl of version 1.32.
pub fn minor(kubectl: &Path) -> anyhow::Result<u32> {
    let text = process::output(Command::new(kubectl).args(["version", "--client", "--output=json"]))?;
    minor_in(&text).with_context(|| format!("{} does not say its version", kubectl.display()))
}

fn minor_in(version: &str) -> Option<u32> {
    let version: serde_json::Value = serde_json::from_str(version).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    // Some builds add a sign: "20+".
    minor.trim_end_matches(|sign: char| !sign.is_ascii_digit()).parse().ok()
}

fn program_in(package: &Path) -> PathBuf {
    package.join("usr/bin/kubectl")
}

/// Installs a package file; `None`, with a note, when the machine does not take it.
fn install(package: &Path) -> Option<PathBuf> {
    if let Err(error) = apt::install(&[&package.display().to_string()]) {
        note(format_args!("{error:#}"));
    }
    process::find("kubectl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_read_with_and_without_a_sign() {
        let version = |minor: &str| format!(r#"{{"clientVersion": {{"major": "1", "minor": "{minor}"}}}}"#);
        assert_eq!(minor_in(&version("32")), Some(32));
        assert_eq!(minor_in(&version("20+")), Some(20));
        assert_eq!(minor_in("Client Version: v1.32.3"), None);
    }
}
