//! Installing Debian packages.

use std::process::Command;

use anyhow::Context;

use super::is_root;
use crate::console::{note, step};
use crate::process;

/// Whether packages can be installed here: by root, where apt-get is.
pub fn is_usable() -> bool {
    is_root() && process::find("apt-get").is_some()
}

/// Installs `packages`: names, or paths of package files. Refreshes the package lists when they do not know
/// one of them.
pub fn install(packages: &[&str]) -> anyhow::Result<()> {
    step(format_args!("installing {}", packages.join(", ")));
    if apt_get("install", packages).is_ok() {
        return Ok(());
    }
    note("the package lists may be old or absent; refreshing them");
    apt_get("update", &[]).context("refreshing the package lists")?;
    apt_get("install", packages).with_context(|| format!("installing {}", packages.join(", ")))
}

/// Runs to its end even when xtask is interrupted: a package half installed helps nobody.
fn apt_get(verb: &str, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-o", "DPkg::Lock::Timeout=120", verb, "-y", "--no-install-recommends"])
        .args(packages);
    process::output(&mut command).map(drop)
}
