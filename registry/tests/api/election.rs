//! Of several candidates one leads, whatever their connections to the store do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::client::{ClientExt, Identity};
use bireme_core::election::{Candidate, ElectionConfig};
use bireme_core::environment::Instant;
use bireme_core::store::{
    Commit, Key, Limits, MemoryStore, RangeRequest, RangeResponse, Revision, Store, StoreError, WatchStream,
};
use bireme_registry::{DirectClient, Registry, RegistryOptions};
use futures::FutureExt as _;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use tokio::sync::watch;

use crate::common::Cluster;

/// What lies between a candidate and the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Open,
    /// Requests do not arrive.
    Cut,
    /// Requests arrive, and their answers do not.
    Deaf,
}

/// A memory store at the end of a line; what is held up goes on when the line opens.
struct Distant {
    store: MemoryStore,
    line: watch::Receiver<Line>,
}

impl Distant {
    async fn passes(&self, unless: Line) {
        let _ = self.line.clone().wait_for(|line| *line == Line::Open || *line == unless).await;
    }
}

#[async_trait]
impl Store for Distant {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        self.passes(Line::Open).await;
        self.store.range(request).await
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError> {
        self.passes(Line::Deaf).await;
        let revision = self.store.commit(commit).await;
        self.passes(Line::Open).await;
        revision
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        self.store.watch(prefix, after).await
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.store.compact(revision).await
    }
}

fn config(identity: &str) -> ElectionConfig {
    ElectionConfig::new("bireme", identity)
}

/// A candidate with a line of its own.
async fn candidate(cluster: &Cluster, identity: &str) -> (Candidate, watch::Sender<Line>) {
    let (sender, line) = watch::channel(Line::Open);
    let store = Arc::new(Distant { store: cluster.store.clone(), line });
    let env = cluster.env.clone();
    let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
    let client = Arc::new(DirectClient::new(registry, Identity::component(identity)));
    (Candidate::new(env, client, config(identity)), sender)
}

async fn lease(cluster: &Cluster) -> LeaseSpec {
    let lease = cluster.client.fetch::<Lease>(&config("").lease).await.unwrap();
    lease.spec.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_next_leads_soon_after_the_first_has_resigned() {
    let cluster = Cluster::start().await;
    let (mut first, _line) = candidate(&cluster, "first").await;
    let (mut second, _line) = candidate(&cluster, "second").await;
    first.elected().await;
    let begin = cluster.env.instant();
    let led = lease(&cluster).await;
    assert_eq!((led.holder_identity.as_deref(), led.lease_transitions), (Some("first"), Some(0)));
    assert_eq!(led.lease_duration_seconds, Some(15));

    let hour = cluster.env.timeout(Duration::from_secs(3600), second.elected());
    let led = futures::future::select(Box::pin(first.keep()), Box::pin(hour)).await;
    assert!(matches!(led, futures::future::Either::Right((Err(_), _))), "a leader that renews stays");
    drop(led);
    first.resign().await.unwrap();
    assert_eq!(lease(&cluster).await.holder_identity.as_deref(), Some(""));
    second.elected().await;
    let took = cluster.env.instant().since(begin).saturating_sub(Duration::from_secs(3600));
    assert!(took < Duration::from_secs(3), "{took:?}");
    let led = lease(&cluster).await;
    assert_eq!((led.holder_identity.as_deref(), led.lease_transitions), (Some("second"), Some(1)));

    first.resign().await.expect("who does not lead has nothing to give up");
    assert_eq!(lease(&cluster).await.holder_identity.as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_has_vanished_is_followed_when_its_lease_has_run_out() {
    let cluster = Cluster::start().await;
    let (mut first, _line) = candidate(&cluster, "first").await;
    let (mut second, _line) = candidate(&cluster, "second").await;
    first.elected().await;
    drop(first);
    let begin = cluster.env.instant();
    second.elected().await;
    let took = cluster.env.instant().since(begin);
    assert!((15..18).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_counts_itself_out_in_time() {
    for lost in [Line::Cut, Line::Deaf] {
        let cluster = Cluster::start().await;
        let (mut leader, line) = candidate(&cluster, "leader").await;
        leader.elected().await;
        let begin = cluster.env.instant();
        line.send_replace(lost);
        leader.keep().await;
        let took = cluster.env.instant().since(begin);
        assert_eq!(took.as_secs(), 10, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_another_one_has_taken_is_out_at_once() {
    let cluster = Cluster::start().await;
    let (mut leader, _line) = candidate(&cluster, "leader").await;
    leader.elected().await;
    let stolen = serde_json::json!({"spec": {"holderIdentity": "another"}});
    let options = bireme_core::client::WriteOptions::default();
    let part = bireme_core::client::Part::Main;
    cluster.client.merge::<Lease>(&config("").lease, part, &stolen, &options).await.unwrap();
    let begin = cluster.env.instant();
    leader.keep().await;
    assert!(cluster.env.instant().since(begin) <= Duration::from_secs(2));
    assert!(leader.elected().now_or_never().is_none(), "the other one's lease counts from when it was seen");
}

/// From when to when somebody led.
type Terms = Arc<Mutex<Vec<(Instant, Instant, String)>>>;

#[tokio::test(start_paused = true)]
async fn terms_never_overlap_whatever_the_lines_do() {
    for seed in 0..40 {
        let cluster = Cluster::start().await;
        let random = Environment::simulated(seed);
        let terms = Terms::default();
        let (mut tasks, mut lines) = (Vec::new(), Vec::new());
        for identity in ["a", "b", "c"] {
            let (mut candidate, line) = candidate(&cluster, identity).await;
            lines.push(line);
            let (env, terms) = (cluster.env.clone(), terms.clone());
            tasks.push(cluster.env.spawn(async move {
                loop {
                    candidate.elected().await;
                    let begin = env.instant();
                    candidate.keep().await;
                    terms.lock().unwrap().push((begin, env.instant(), identity.to_owned()));
                }
            }));
        }
        for _ in 0..60 {
            let line = &lines[random.random_below(lines.len())];
            // Twice as often open as not, so that somebody is elected at all.
            let states = [Line::Open, Line::Open, Line::Open, Line::Open, Line::Cut, Line::Deaf];
            line.send_replace(states[random.random_below(states.len())]);
            cluster.env.sleep(Duration::from_millis(random.random_below(20_000) as u64)).await;
        }
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        let mut terms = terms.lock().unwrap().clone();
        assert!(!terms.is_empty(), "seed {seed}: nobody lost the lead");
        terms.sort();
        for pair in terms.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "seed {seed}: {pair:?}");
        }
    }
}
