//! The folder of a cluster's state.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bireme::Environment;

/// What lies where.
pub(crate) struct Data {
    pub(crate) folder: PathBuf,
}

impl Data {
    /// The folder, made if it is missing; only its owner may enter it.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Data> {
        use std::os::unix::fs::DirBuilderExt as _;

        let folder = std::path::absolute(folder).context("--data")?;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Data { folder })
    }

    /// The folder, which must be there.
    pub(crate) fn existing(folder: &Path) -> anyhow::Result<Data> {
        let folder = std::path::absolute(folder).context("--data")?;
        anyhow::ensure!(folder.is_dir(), "{} is no folder", folder.display());
        Ok(Data { folder })
    }

    /// The store on sled.
    pub(crate) fn store_folder(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Certificates and the administrator's kubeconfig.
    pub(crate) fn api_folder(&self) -> PathBuf {
        self.folder.join("api")
    }

    /// The files of a node's pods.
    pub(crate) fn node_folder(&self, node: &str) -> PathBuf {
        self.folder.join("nodes").join(node)
    }

    /// What containers write, and what else of files belongs to them, where the engine does not keep it.
    #[cfg_attr(not(feature = "containerd"), expect(dead_code, reason = "Docker keeps all of it"))]
    pub(crate) fn containers_folder(&self) -> PathBuf {
        self.folder.join("containers")
    }

    /// What tells this cluster's containers from all others, the same for as long as the folder lives.
    pub(crate) fn cluster_id(&self, env: &Environment) -> anyhow::Result<String> {
        let file = self.folder.join("cluster-id");
        match std::fs::read_to_string(&file) {
            Ok(id) => Ok(id.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let id = env.uid();
                let written = std::fs::write(&file, format!("{id}\n"));
                written.with_context(|| format!("cannot write {}", file.display()))?;
                Ok(id)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }
}
