//! Packages of another Debian release than the machine's.
//!
//! They are unpacked below `.bireme/tools`, where several versions can lie side by side, through an apt
//! configuration of its own: the machine's package sources stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::sources::Archive;
use crate::console::step;
use crate::process;
use crate::workspace::Workspace;

/// A package and the Debian release that has it.
pub struct Package {
    pub name: &'static str,
    /// How its version begins: `1.32`.
    pub version: &'static str,
    pub suite: &'static str,
}

impl Package {
    /// Where it is unpacked.
    pub fn folder(&self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        workspace.state(&format!("tools/{}-{}", self.name, self.version))
    }

    /// The folder where it is unpacked, fetched if it is not here.
    pub fn unpacked(&self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        let folder = self.folder(workspace)?;
        if !folder.join("usr").exists() {
            self.fetch(workspace)?;
        }
        Ok(folder)
    }

    /// Downloads the package, unpacks it and returns the package file.
    pub fn fetch(&self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        if process::find("apt-get").is_none() {
            bail!("there is no apt-get to fetch it with");
        }
        let archive = Archive::of_this_machine()?;
        step(format_args!("fetching {} {} from Debian {}", self.name, self.version, self.suite));
        let folder = workspace.state(&format!("apt/{}", self.suite))?;
        for name in ["lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(folder.join("debian.sources"), archive.sources_for(self.suite))?;
        fs::write(folder.join("status"), "")?;
        process::output(apt_get(&folder).arg("update"))?;
        let packages = folder.join("packages");
        process::output(apt_get(&folder).current_dir(&packages).args(["download", self.name]))?;
        let package = self.file_in(&packages)?;
        let tools = self.folder(workspace)?;
        process::output(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&tools))?;
        Ok(package)
    }

    fn file_in(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| self.is_named(&name.to_string_lossy())) {
                return Ok(path);
            }
        }
        bail!("Debian {} has no {} {}", self.suite, self.name, self.version)
    }

    fn is_named(&self, file: &str) -> bool {
        let version = file.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('_'));
        let rest = version.and_then(|version| version.strip_prefix(self.version));
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_file_is_one_of_the_name_and_the_version() {
        let package = Package { name: "kubectl", version: "1.3", suite: "trixie" };
        for (file, named) in [
            ("kubectl_1.3.1+ds-2_amd64.deb", true),
            ("kubectl_1.3_amd64.deb", true),
            ("kubectl_1.32.3_amd64.deb", false),
            ("kubectl-doc_1.3.1_all.deb", false),
        ] {
            assert_eq!(package.is_named(file), named, "{file}");
        }
    }
}
