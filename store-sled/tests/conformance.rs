//! The contract of `Store`, on this adapter.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::conformance::store::Rig;
use bireme_core::store::Store;
use bireme_store_sled::{Options, SledStore};
use tempfile::TempDir;

/// Stores in folders of a temporary one.
struct OnDisk {
    /// The last store made, and where it is.
    last: Mutex<Option<(SledStore, PathBuf)>>,
    root: TempDir,
}

impl OnDisk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), last: Mutex::default() }
    }

    async fn open(&self, folder: PathBuf) -> Arc<dyn Store> {
        let store = SledStore::open(&folder, Options::default(), &Environment::system()).await.unwrap();
        *self.last.lock().unwrap() = Some((store.clone(), folder));
        Arc::new(store)
    }
}

#[async_trait]
impl Rig for OnDisk {
    async fn create(&self) -> Arc<dyn Store> {
        let folder = tempfile::tempdir_in(self.root.path()).unwrap().keep();
        self.open(folder).await
    }

    async fn reopen(&self, _: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        let (store, folder) = self.last.lock().unwrap().take().unwrap();
        store.close().await.unwrap();
        Some(self.open(folder).await)
    }
}

bireme_core::store_conformance!(OnDisk::new());
