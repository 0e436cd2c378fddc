//! Where things are: the source tree, the build folder, and `.bireme/` for everything that xtask makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// This checkout.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the workspace that xtask was built from.
    pub fn discover() -> anyhow::Result<Workspace> {
        // Cargo says where xtask is now; where it was built is second best, for a tree that was moved.
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&xtask).parent().context("xtask's folder has no parent")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder).context("CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Workspace { root, target })
    }

    /// `.bireme/<name>`, made if it is not there: state of this checkout that is in no commit.
    pub fn state(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.root.join(".bireme").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(folder)
    }

    /// The cargo that runs this program, working in the root folder.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }

    /// What `cargo metadata` says about the workspace and all it depends on.
    pub fn metadata(&self) -> anyhow::Result<serde_json::Value> {
        let text =
            crate::process::output(self.cargo().args(["metadata", "--format-version=1", "--all-features"]))?;
        serde_json::from_str(&text).context("reading what cargo metadata printed")
    }

    /// The triple that cargo builds for when told nothing, such as `x86_64-unknown-linux-gnu`.
    pub fn host_triple(&self) -> anyhow::Result<String> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let text = crate::process::output(Command::new(rustc).arg("-vV"))?;
        let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(triple.context("rustc -vV names no host")?.to_owned())
    }
}
