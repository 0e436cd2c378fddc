//! A rolling update keeps its promises at every moment, not only in the end.

use serde_json::Value;

use crate::harness::{Namespace, namespace};
use crate::manifests::deployment;
use crate::watch::PodWatch;

const REPLICAS: u32 = 10;
const SURGE: u32 = 2;
const UNAVAILABLE: u32 = 1;
const DONE: &str = "rollout status deployment/web --timeout=90s";

#[test]
fn a_rolling_update_never_drops_below_its_minimum_nor_exceeds_its_surge_and_neither_does_its_rollback() {
    let Some(space) = namespace("rolling") else { return };
    let strategy = format!(
        "{{type: RollingUpdate, rollingUpdate: {{maxSurge: {SURGE}, maxUnavailable: {UNAVAILABLE}}}}}"
    );
    space.apply(&deployment("web", REPLICAS, &strategy));
    space.run(DONE);
    keeps_its_promises(&space, "set image deployment/web shop=bireme.dev/shop:2", "bireme.dev/shop:2");
    keeps_its_promises(&space, "rollout undo deployment/web", "bireme.dev/shop:1");
}

/// Changes the Deployment, watches its pods and itself until it has rolled out, and looks at every event.
fn keeps_its_promises(space: &Namespace, change: &str, image: &str) {
    let pods = PodWatch::start(space, "app=web");
    let deployments = space.stream("get deployment web --watch --output=json");
    space.run(change);
    space.run(DONE);
    let mut last = 0;
    let events = pods.replay(|pods| {
        let available = count(pods.values().filter(|pod| pod.is_available));
        let there = count(pods.values().filter(|pod| !pod.is_going));
        last = count(pods.values().filter(|pod| pod.is_available && pod.image == image));
        assert!(available >= REPLICAS - UNAVAILABLE, "{available} available: {pods:#?}");
        assert!(there <= REPLICAS + SURGE, "{there} there: {pods:#?}");
    });
    assert_eq!(last, REPLICAS, "the watch saw the whole update");
    assert!(events >= 30, "each pod was made, became ready, or went: {events} events");
    let printed = deployments.end();
    let mut versions = 0;
    for version in serde_json::Deserializer::from_str(&printed).into_iter::<Value>() {
        let status = &version.expect("kubectl prints JSON")["status"];
        let number = |field: &str| status[field].as_u64().unwrap_or_default();
        assert!(number("availableReplicas") >= u64::from(REPLICAS - UNAVAILABLE), "{status:#}");
        assert!(number("replicas") <= u64::from(REPLICAS + SURGE), "{status:#}");
        versions += 1;
    }
    assert!(versions >= 5, "the Deployment's status followed: {versions} versions");
}

fn count<T>(all: impl Iterator<Item = T>) -> u32 {
    u32::try_from(all.count()).expect("the pods of a test can be counted")
}
