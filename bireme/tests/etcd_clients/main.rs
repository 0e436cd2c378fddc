//! The contract of `Client`, over every way to the API, on the etcd that is on the PATH.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

#[expect(dead_code, reason = "nobody stops it here")]
#[path = "../../../cli/tests/e2e/harness/etcd.rs"]
mod etcd;
#[path = "../conformance/rig.rs"]
mod rig;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use bireme::core::conformance::client;
use bireme::store_etcd::{EtcdStore, Options};
use bireme::{Client, Environment};
use etcd::Etcd;
use rig::{Rig, Way};
use tempfile::TempDir;

/// A member that all tests share.
struct Member {
    etcd: Etcd,
    _folder: TempDir,
}

impl Member {
    fn shared() -> Arc<Member> {
        static SHARED: Mutex<Weak<Member>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let folder = tempfile::tempdir().unwrap();
            let member = Arc::new(Member { etcd: Etcd::start(folder.path()), _folder: folder });
            *shared = Arc::downgrade(&member);
            member
        })
    }
}

/// A cluster on a part of etcd that nobody else has; none where there is no etcd.
struct OnEtcd(Option<Rig>);

impl OnEtcd {
    async fn start(way: Way) -> OnEtcd {
        static CLUSTERS: AtomicUsize = AtomicUsize::new(0);
        if !is_on_path() {
            return OnEtcd(None);
        }
        let member = Member::shared();
        let prefix = format!("/cluster-{}", CLUSTERS.fetch_add(1, Ordering::Relaxed));
        let options = Options { prefix, ..Options::new([member.etcd.url.clone()]) };
        let store = EtcdStore::open(&options, &Environment::system()).await.unwrap();
        OnEtcd(Some(Rig::start(way, store, member).await))
    }
}

fn is_on_path() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("etcd").is_file())
}

#[async_trait]
impl client::Rig for OnEtcd {
    async fn client(&self) -> Arc<dyn Client> {
        self.0.as_ref().unwrap().client().await
    }

    fn missing(&self) -> Option<String> {
        self.0.is_none().then(|| "etcd (Debian's etcd-server)".to_owned())
    }
}

mod direct {
    bireme::core::client_conformance!(super::OnEtcd::start(super::Way::Direct).await);
}

mod http_in_process {
    bireme::core::client_conformance!(super::OnEtcd::start(super::Way::InProcess).await);
}

mod https {
    bireme::core::client_conformance!(super::OnEtcd::start(super::Way::Https).await);
}
