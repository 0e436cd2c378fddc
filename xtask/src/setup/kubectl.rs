//! The versions of kubectl that clusters are driven and tested with.
//!
//! A version that the machine does not have comes from the Debian release that has it. It is unpacked below
//! `.bireme/tools`, where several versions can lie side by side, through an apt configuration of its own: the
//! machine's package sources stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::apt;
use super::sources::Archive;
use crate::console::{note, step};
use crate::process;
use crate::workspace::Workspace;

/// A kubectl and the Debian release that packages it.
pub struct Release {
    /// The `32` of version 1.32.
    minor: u32,
    suite: &'static str,
    package: &'static str,
    /// The lowest minor version found on the PATH that will do instead.
    substitute: u32,
}

/// The version that people use and most tests run with.
pub const CURRENT: Release = Release { minor: 32, suite: "trixie", package: "kubectl", substitute: 27 };
/// The oldest version that compatibility is tested with.
pub const OLDEST: Release =
    Release { minor: 20, suite: "bookworm", package: "kubernetes-client", substitute: 20 };

/// The path of a kubectl of this release, fetched if it is not here. When none is on the PATH, root installs
/// the package, since people will type `kubectl`.
pub fn ensure(workspace: &Workspace, release: &Release) -> anyhow::Result<PathBuf> {
    let on_path = process::find("kubectl");
    let minor_on_path = on_path.as_deref().map(minor).transpose()?;
    if let (Some(path), true) = (&on_path, minor_on_path == Some(release.minor)) {
        return Ok(path.clone());
    }
    let fetched = tools_folder(workspace, release)?.join("usr/bin/kubectl");
    if fetched.is_file() {
        return Ok(fetched);
    }
    match (fetch(workspace, release), on_path, minor_on_path) {
        (Ok(package), None, _) if apt::is_usable() => Ok(install(&package).unwrap_or(fetched)),
        (Ok(_), ..) => Ok(fetched),
        (Err(error), Some(path), Some(minor)) if minor >= release.substitute => {
            note(format_args!("no kubectl 1.{} ({error:#}); using {}", release.minor, path.display()));
            Ok(path)
        }
        (Err(error), ..) => {
            let minor = release.minor;
            Err(error.context(format!("kubectl 1.{minor}: install it on the PATH (1.27 or later will do)")))
        }
    }
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

fn tools_folder(workspace: &Workspace, release: &Release) -> anyhow::Result<PathBuf> {
    workspace.state(&format!("tools/kubectl-1.{}", release.minor))
}

/// Downloads the package, unpacks it and returns the package file.
fn fetch(workspace: &Workspace, release: &Release) -> anyhow::Result<PathBuf> {
    if process::find("apt-get").is_none() {
        bail!("there is no apt-get to fetch it with");
    }
    let archive = Archive::of_this_machine()?;
    step(format_args!("fetching kubectl 1.{} from Debian {}", release.minor, release.suite));
    let folder = workspace.state(&format!("apt/{}", release.suite))?;
    for name in ["lists/partial", "cache/archives/partial", "packages"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::write(folder.join("debian.sources"), archive.sources_for(release.suite))?;
    fs::write(folder.join("status"), "")?;
    process::output(apt_get(&folder).arg("update"))?;
    let packages = folder.join("packages");
    process::output(apt_get(&folder).current_dir(&packages).args(["download", release.package]))?;
    let package = package_file(&packages, release)?;
    let tools = tools_folder(workspace, release)?;
    process::output(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&tools))?;
    let found = minor(&tools.join("usr/bin/kubectl"))?;
    if found != release.minor {
        bail!("Debian {} has kubectl 1.{found}", release.suite);
    }
    Ok(package)
}

/// An apt-get that knows one release and nothing of what is installed.
fn apt_get(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q");
    for (option, path) in [
        ("Dir::Etc::SourceList", folder.join("debian.sources")),
        ("Dir::Etc::SourceParts", "-".into()),
        ("Dir::Etc::PreferencesParts", "-".into()),
        ("Dir::State::Lists", folder.join("lists")),
        ("Dir::State::Status", folder.join("status")),
        ("Dir::Cache", folder.join("cache")),
    ] {
        command.arg("-o").arg(format!("{option}={}", path.display()));
    }
    if super::is_root() {
        // Apt's own unprivileged user cannot write below this checkout.
        command.args(["-o", "APT::Sandbox::User=root"]);
    }
    command
}

fn package_file(folder: &Path, release: &Release) -> anyhow::Result<PathBuf> {
    let prefix = format!("{}_1.{}.", release.package, release.minor);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)) {
            return Ok(path);
        }
    }
    bail!("Debian {} has no {} 1.{}", release.suite, release.package, release.minor)
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
