//! The contract of `Store`, on one member and on three.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use bireme_core::conformance::store::Rig;
use bireme_core::store::Store;
use bireme_store_etcd::Options;
use tokio::sync::MutexGuard;

use super::cluster::{Cluster, open};
use super::machine::missing;

/// Stores of one member that only this test has. The first one is all of etcd, the others each have a prefix.
#[derive(Default)]
struct Alone {
    cluster: Mutex<Option<Cluster>>,
    options: Mutex<Option<Options>>,
    stores: AtomicUsize,
}

#[async_trait]
impl Rig for Alone {
    fn missing(&self) -> Option<String> {
        missing()
    }

    async fn create(&self) -> Arc<dyn Store> {
        let mut options = self.cluster.lock().unwrap().get_or_insert_with(|| Cluster::start(1)).options();
        let before = self.stores.fetch_add(1, Ordering::Relaxed);
        if before > 0 {
            options.prefix = format!("/store-{before}");
        }
        *self.options.lock().unwrap() = Some(options.clone());
        Arc::new(open(&options).await)
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        if let Some(cluster) = &mut *self.cluster.lock().unwrap() {
            cluster.kill(0);
            cluster.restart(0);
        }
        let options = self.options.lock().unwrap().clone().unwrap();
        Some(Arc::new(open(&options).await))
    }
}

/// Stores with a prefix each on three members. The tests share them, one at a time, since nobody else may write.
struct Together {
    cluster: Option<Arc<Cluster>>,
    options: Mutex<Option<Options>>,
    _turn: MutexGuard<'static, ()>,
}

impl Together {
    async fn new() -> Self {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let cluster = missing().is_none().then(|| {
            let mut shared = SHARED.lock().unwrap();
            shared.upgrade().unwrap_or_else(|| {
                let cluster = Arc::new(Cluster::start(3));
                *shared = Arc::downgrade(&cluster);
                cluster
            })
        });
        Self { cluster, options: Mutex::default(), _turn: TURN.lock().await }
    }
}

#[async_trait]
impl Rig for Together {
    fn missing(&self) -> Option<String> {
        missing()
    }

    async fn create(&self) -> Arc<dyn Store> {
        static STORES: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("/store-{}", STORES.fetch_add(1, Ordering::Relaxed));
        let options = Options { prefix, ..self.cluster.as_ref().unwrap().options() };
        *self.options.lock().unwrap() = Some(options.clone());
        Arc::new(open(&options).await)
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        let options = self.options.lock().unwrap().clone().unwrap();
        Some(Arc::new(open(&options).await))
    }
}

mod one_member {
    use super::Alone;

    bireme_core::store_conformance!(Alone::default());
}

mod three_members {
    use super::Together;

    bireme_core::store_conformance!(Together::new().await);
}
