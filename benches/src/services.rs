//! What a change of a Service's endpoints takes in the kernel, beside more and more other Services.
//!
//! Each change is one transaction of `nft`, as the service proxy makes it, and is over when `nft` has ended, which is
//! somewhat later than the kernel has it: until then the proxy makes no other. The table
//! is one of the measurement's own, for addresses that are set aside for measurements (RFC 2544), and is removed again.
//! It takes root.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use bireme_core::Environment;
use bireme_core::object::ObjectKey;
use bireme_proxy::nft::Nft;
use bireme_proxy::rules::{Backends, Behind, Changes, Endpoint, Frontend, Protocol, Rules, ServicePort};
use bireme_proxy::table::ServiceTable;

use crate::row::Row;

const NAME: &str = "services";
const TABLE: &str = "bireme-bench";
/// Where the Services are, and where their endpoints.
const SERVICES: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
const ENDPOINTS: Ipv4Addr = Ipv4Addr::new(198, 19, 0, 0);
const NUMBERS: [u32; 3] = [10, 1_000, 10_000];
/// How many Services a transaction of the setting up has.
const BATCH: u32 = 1_000;

/// Measures changes; `quick` makes fewer.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let env = Environment::system();
        let range = format!("{SERVICES}/16").parse().context("the range of the services")?;
        let nft = Nft::new(TABLE, range);
        let mut rows = Vec::new();
        for number in NUMBERS {
            nft.remove().await.context("the table in the kernel (this takes root)")?;
            nft.adopt().await?;
            let measured = measure(&nft, &env, number, if quick { 50 } else { 500 }).await;
            nft.remove().await?;
            rows.extend(measured?);
        }
        Ok(rows)
    })
}

async fn measure(nft: &Nft, env: &Environment, number: u32, changes: u32) -> anyhow::Result<Vec<Row>> {
    let mut table = ServiceTable::default();
    let begin = env.instant();
    let mut batch = Changes::default();
    for index in 0..number {
        batch.merge(table.set(&key(index), rules(index, 0)));
        if (index + 1) % BATCH == 0 || index + 1 == number {
            nft.apply(&std::mem::take(&mut batch)).await?;
        }
    }
    let set_up = env.instant().since(begin).as_secs_f64();
    let mut times = Vec::with_capacity(changes as usize);
    for round in 1..=changes {
        // Spread over all of them; the step shares no factor with their number.
        let index = round.wrapping_mul(7_919) % number;
        let change = table.set(&key(index), rules(index, round));
        let begin = env.instant();
        nft.apply(&change).await?;
        times.push(env.instant().since(begin).as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let percentile = |share: f64| times[(times.len() as f64 * share) as usize];
    let case = format!("an endpoint changes, beside {number} Services");
    let p99 = Row::new(NAME, &case, "transaction, p99", percentile(0.99), "ms");
    Ok(vec![
        Row::new(NAME, &case, "transaction, p50", percentile(0.5), "ms"),
        if number == 10_000 { p99.at_most(10.0) } else { p99 },
        Row::new(NAME, &case, "all Services set up", set_up, "s"),
    ])
}

fn key(index: u32) -> ObjectKey {
    ObjectKey::namespaced("bench", &format!("service-{index}"))
}

/// One port with two endpoints, of which one depends on the round.
fn rules(index: u32, round: u32) -> Rules {
    let name = format!("service-{index}");
    let Some(port) = ServicePort::new("bench", &name, Protocol::Tcp, 80) else { return Rules::default() };
    let endpoint = |offset: u32| Endpoint { address: offset_of(ENDPOINTS, offset % 65_536), port: 8080 };
    let endpoints = BTreeSet::from([endpoint(index * 2), endpoint(index * 2 + 1 + round)]);
    let frontend = Frontend::Service(offset_of(SERVICES, index), Protocol::Tcp, 80);
    Rules {
        frontends: BTreeMap::from([(frontend, Behind::Port(port.clone()))]),
        hairpins: endpoints.iter().map(|endpoint| endpoint.address).collect(),
        backends: BTreeMap::from([(port, Backends { protocol: Protocol::Tcp, endpoints, sticky: None })]),
        ..Rules::default()
    }
}

fn offset_of(range: Ipv4Addr, offset: u32) -> IpAddr {
    Ipv4Addr::from_bits(range.to_bits() + offset).into()
}
