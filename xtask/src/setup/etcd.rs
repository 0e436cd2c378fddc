//! A newer etcd than the machine's, which the store is tested with too.

use std::path::PathBuf;

use anyhow::Context;

use super::package::Package;
use crate::workspace::Workspace;

const SERVER: Package = Package { name: "etcd-server", version: "3.5", suite: "trixie" };
const CLIENT: Package = Package { name: "etcd-client", version: "3.5", suite: "trixie" };

/// The folders of its programs, fetched if they are not here.
pub fn newer(workspace: &Workspace) -> anyhow::Result<[PathBuf; 2]> {
    let programs = |package: &Package| anyhow::Ok(package.unpacked(workspace)?.join("usr/bin"));
    let both = || anyhow::Ok([programs(&SERVER)?, programs(&CLIENT)?]);
    both().context("etcd 3.5, which the store is tested with beside the machine's own etcd")
}
