//! The contract of `Client`, over every way to the API and every store in this process' reach.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod rig;

use bireme::Environment;
use bireme::core::store::MemoryStore;
use bireme::store_sled::{Options, SledStore};
use tempfile::TempDir;

use rig::{Rig, Way};

async fn in_memory(way: Way) -> Rig {
    Rig::start(way, MemoryStore::new(), ()).await
}

async fn on_disk(way: Way) -> Rig {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), Options::default(), &Environment::system()).await.unwrap();
    Rig::start(way, store, folder).await
}

mod direct {
    use super::{Way, in_memory, on_disk};

    mod memory {
        bireme::core::client_conformance!(super::in_memory(super::Way::Direct).await);
    }

    mod sled {
        bireme::core::client_conformance!(super::on_disk(super::Way::Direct).await);
    }
}

mod http_in_process {
    use super::{Way, in_memory, on_disk};

    mod memory {
        bireme::core::client_conformance!(super::in_memory(super::Way::InProcess).await);
    }

    mod sled {
        bireme::core::client_conformance!(super::on_disk(super::Way::InProcess).await);
    }
}

mod https {
    use super::{Way, in_memory, on_disk};

    mod memory {
        bireme::core::client_conformance!(super::in_memory(super::Way::Https).await);
    }

    mod sled {
        bireme::core::client_conformance!(super::on_disk(super::Way::Https).await);
    }
}
