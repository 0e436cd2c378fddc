//! Where the cluster's objects are kept.

use std::fs::{File, TryLockError};

use anyhow::Context as _;
use bireme::core::store::MemoryStore;
use bireme::store_sled::{Options, SledStore};
use bireme::{ClusterBuilder, Environment};

use crate::arguments::{StorageKind, StorageOptions};
use crate::data::Data;

/// An open store, and what keeps others from it.
pub(crate) enum Storage {
    /// Forgotten at the end.
    Memory { store: MemoryStore, _lock: File },
    /// In the data folder.
    Sled(SledStore),
    /// In an etcd, which several servers may share: one of them leads.
    #[cfg(feature = "etcd")]
    Etcd { store: Box<bireme::store_etcd::EtcdStore>, _lock: File },
}

impl Storage {
    pub(crate) async fn open(
        options: &StorageOptions,
        data: &Data,
        env: &Environment,
    ) -> anyhow::Result<Storage> {
        let foreign = options.etcd_servers.first().filter(|_| options.store != StorageKind::Etcd);
        anyhow::ensure!(foreign.is_none(), "--etcd-servers is of use with --store=etcd only");
        Ok(match options.store {
            StorageKind::Memory => Storage::Memory { store: MemoryStore::new(), _lock: alone(data)? },
            StorageKind::Sled => {
                Storage::Sled(SledStore::open(data.store_folder(), Options::default(), env).await?)
            }
            #[cfg(feature = "etcd")]
            StorageKind::Etcd => {
                Storage::Etcd { _lock: alone(data)?, store: Box::new(etcd::open(options, env).await?) }
            }
            #[cfg(not(feature = "etcd"))]
            StorageKind::Etcd => {
                anyhow::bail!("this bireme was built without etcd; build it with `--features etcd`")
            }
        })
    }

    /// Puts the store into a cluster.
    pub(crate) fn under(&self, builder: ClusterBuilder) -> ClusterBuilder {
        match self {
            Storage::Memory { store, .. } => builder.store(store.clone()),
            Storage::Sled(store) => builder.store(store.clone()),
            #[cfg(feature = "etcd")]
            Storage::Etcd { store, .. } => {
                builder.store(store.as_ref().clone()).leader_election(etcd::election())
            }
        }
    }

    /// What a person is told of it.
    pub(crate) fn description(&self, data: &Data) -> String {
        match self {
            Storage::Memory { .. } => "state in memory".to_owned(),
            Storage::Sled(_) => format!("state in {}", data.folder.display()),
            #[cfg(feature = "etcd")]
            Storage::Etcd { .. } => format!("state in etcd, certificates in {}", data.folder.display()),
        }
    }

    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        match self {
            Storage::Sled(store) => store.close().await.context("closing the store"),
            _ => Ok(()),
        }
    }
}

/// Keeps the data folder to this process, as a store in it would.
fn alone(data: &Data) -> anyhow::Result<File> {
    let path = data.folder.join("lock");
    let using = || format!("cannot use {}", path.display());
    let file = File::options().create(true).append(true).open(&path).with_context(using)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("the folder {} is in use by another process", data.folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(using),
    }
}

#[cfg(feature = "etcd")]
mod etcd {
    use std::path::Path;

    use anyhow::Context as _;
    use bireme::Environment;
    use bireme::core::election::ElectionConfig;
    use bireme::store_etcd::{EtcdStore, Identity, Options, Tls};

    use crate::arguments::StorageOptions;

    pub(super) async fn open(options: &StorageOptions, env: &Environment) -> anyhow::Result<EtcdStore> {
        anyhow::ensure!(!options.etcd_servers.is_empty(), "--store=etcd needs --etcd-servers");
        let etcd = Options { tls: tls(options)?, ..Options::new(&options.etcd_servers) };
        let opened = EtcdStore::open(&etcd, env).await;
        opened.with_context(|| format!("cannot use the etcd at {}", options.etcd_servers.join(", ")))
    }

    /// Whom to trust, if anybody was named.
    fn tls(options: &StorageOptions) -> anyhow::Result<Option<Tls>> {
        let Some(authority) = &options.etcd_cafile else { return Ok(None) };
        let identity = match (&options.etcd_certfile, &options.etcd_keyfile) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate: read("--etcd-certfile", certificate)?,
                key: read("--etcd-keyfile", key)?,
            }),
            _ => None,
        };
        Ok(Some(Tls { authority: read("--etcd-cafile", authority)?, identity, server_name: None }))
    }

    fn read(option: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
        std::fs::read(file).with_context(|| format!("{option} {}", file.display()))
    }

    /// What the servers on one etcd compete for.
    pub(super) fn election() -> ElectionConfig {
        let env = Environment::system();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        // As upstream: the host for people, and what no other process has.
        ElectionConfig::new("bireme", format!("{}_{}", host.trim(), env.uid()))
    }
}
