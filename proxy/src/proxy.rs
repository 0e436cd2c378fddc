//! Following the API.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::{Delta, Deltas, Index, Informer, Informers, Stopped};
use bireme_core::network::Cidr;
use bireme_core::object::ObjectKey;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio_util::sync::CancellationToken;

use crate::nft::{Nft, NftError};
use crate::rules::{Changes, Rules};
use crate::service::{rules_of, service_of};
use crate::table::ServiceTable;

/// EndpointSlices by `namespace/name` of the service whose endpoints they list.
pub const SLICES_BY_SERVICE: Index = Index::new("service", |object| {
    let slice = object.typed::<EndpointSlice>().ok();
    slice.and_then(|slice| service_of(&slice)).map(|service| service.to_string()).into_iter().collect()
});

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// What a [`Proxy`] needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// The name of the nftables table: a letter, then letters, digits and dashes.
    pub table: String,
    /// The addresses that services get.
    pub service_range: Cidr,
}

impl Default for ProxyConfig {
    /// The table `bireme`, with services in 10.96.0.0/16.
    fn default() -> Self {
        let service_range = Cidr::new([10, 96, 0, 0].into(), 16).expect("no bit is set behind the prefix");
        Self { table: "bireme".to_owned(), service_range }
    }
}

/// Why a [`Proxy`] ended.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The data plane could not be set up.
    #[error(transparent)]
    Nft(#[from] NftError),
    /// The informers were stopped first.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Keeps a machine's data plane as Services and EndpointSlices say.
pub struct Proxy {
    nft: Nft,
    env: Environment,
    services: Arc<Informer>,
    slices: Arc<Informer>,
    table: ServiceTable,
}

impl Proxy {
    /// A proxy that follows `informers`.
    pub fn new(config: ProxyConfig, env: &Environment, informers: &Informers) -> Self {
        let slices = informers.of::<EndpointSlice>();
        slices.cache().add_index(SLICES_BY_SERVICE);
        Self {
            nft: Nft::new(&config.table, config.service_range),
            env: env.clone(),
            services: informers.of::<Service>(),
            slices,
            table: ServiceTable::default(),
        }
    }

    /// Takes over the table and keeps it until `stop`. The table stays then, so that services go on while nobody
    /// looks after them; [`Nft::remove`] removes it.
    ///
    /// # Errors
    /// [`ProxyError`] when the table cannot be taken over in the first place, or the informers end. Later failures are
    /// logged, and the whole state is compared and set again, with growing pauses between attempts.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ProxyError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            ended = self.follow() => ended,
        }
    }

    async fn follow(&mut self) -> Result<(), ProxyError> {
        self.services.synced().await?;
        self.slices.synced().await?;
        let (mut services, mut slices) = (self.services.deltas(), self.slices.deltas());
        self.update(&pending(&mut services, &mut slices));
        self.restore().await?;
        loop {
            let mut keys = tokio::select! {
                biased;
                delta = services.next() => services_of(&delta),
                delta = slices.next() => services_of(&delta),
            };
            keys.extend(pending(&mut services, &mut slices));
            let changes = self.update(&keys);
            if let Err(error) = self.nft.apply(&changes).await {
                tracing::warn!(%error, "the services' rules could not be changed; setting all of them again");
                self.restore_in_the_end().await;
            }
        }
    }

    /// Reads what the caches now say of these services into the table.
    fn update(&mut self, services: &BTreeSet<ObjectKey>) -> Changes {
        let mut changes = Changes::default();
        for key in services {
            let rules = self.wanted(key);
            changes.merge(self.table.set(key, rules));
        }
        changes
    }

    fn wanted(&self, key: &ObjectKey) -> Rules {
        let Some(object) = self.services.cache().get(key) else { return Rules::default() };
        let slices = self.slices.cache().indexed(SLICES_BY_SERVICE, &key.to_string());
        let slices = slices.iter().map(|slice| slice.typed::<EndpointSlice>()).collect::<Result<Vec<_>, _>>();
        match (object.typed::<Service>(), slices) {
            (Ok(service), Ok(slices)) => rules_of(key, &service, &slices),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(service = %key, %error, "the service cannot be read and is not served");
                Rules::default()
            }
        }
    }

    /// Compares the kernel's table with the wanted one and changes what differs.
    async fn restore(&self) -> Result<(), NftError> {
        let present = self.nft.adopt().await?;
        self.nft.apply(&present.changes_to(&self.table.rules())).await
    }

    async fn restore_in_the_end(&self) {
        let mut pause = FIRST_RETRY;
        while let Err(error) = self.restore().await {
            tracing::warn!(%error, ?pause, "the services' rules could not be set");
            self.env.sleep(pause).await;
            pause = LAST_RETRY.min(pause * 2);
        }
    }
}

/// All services that wait to be looked at, so that they become one transaction.
fn pending(services: &mut Deltas, slices: &mut Deltas) -> BTreeSet<ObjectKey> {
    let mut keys = BTreeSet::new();
    for deltas in [services, slices] {
        while let Some(delta) = deltas.try_next() {
            keys.extend(services_of(&delta));
        }
    }
    keys
}

/// The services that a change concerns; for a slice also the one that it belonged to before.
fn services_of(delta: &Delta) -> BTreeSet<ObjectKey> {
    let of_slice =
        |object: &Arc<bireme_core::object::Object>| service_of(&*object.typed::<EndpointSlice>().ok()?);
    if delta.kind() == bireme_core::object::Kind::of::<Service>() {
        return [delta.key().clone()].into();
    }
    delta.old().into_iter().chain(delta.current()).filter_map(of_slice).collect()
}
