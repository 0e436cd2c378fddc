//! Pods: binding, grace, eviction.

use k8s_openapi::api::policy::v1::Eviction;
use serde_json::{Value, json};

use super::kit::*;
use crate::client::{DeleteOptions, Deletion};

fn grace(seconds: i64) -> DeleteOptions {
    DeleteOptions { grace_period_seconds: Some(seconds), ..DeleteOptions::default() }
}

pub(super) async fn a_bound_pod_gets_its_grace_and_can_be_given_less(site: &Site) {
    let node = site.node("node").await;
    site.create(site.pod("a")).await;
    site.bind("a", &node).await.expect("it is bound for the first time");
    let marked = site.mark(PODS, "a", DeleteOptions::default()).await;
    assert_eq!(marked.metadata().deletion_grace_period_seconds, Some(30));
    let sooner = site.mark(PODS, "a", grace(5)).await;
    assert_eq!(sooner.metadata().deletion_grace_period_seconds, Some(5));
    let later = site.mark(PODS, "a", grace(60)).await;
    assert_eq!(later.metadata().deletion_grace_period_seconds, Some(5));
    let forced = site.delete(PODS, "a", grace(0)).await;
    assert!(matches!(forced, Deletion::Gone { .. }), "{forced:?}");
    assert!(!site.is_there(PODS, "a").await);
    site.remove_node(&node).await;
}

pub(super) async fn a_pod_that_no_node_has_goes_at_once(site: &Site) {
    let created = site.create(site.pod("a")).await;
    let gone = site.delete(PODS, "a", DeleteOptions::default()).await;
    assert!(matches!(&gone, Deletion::Gone { uid, .. } if uid == created.uid()), "{gone:?}");
    assert!(!site.is_there(PODS, "a").await);
}

pub(super) async fn a_pod_is_bound_once_and_only_the_one_that_is_meant(site: &Site) {
    let node = site.node("node").await;
    let created = site.create(site.pod("a")).await;
    let key = site.key("a");
    let other = site.client.bind(&key, &binding(&node, Some("another"))).await;
    assert!(refused(other).is_conflict());
    site.client.bind(&key, &binding(&node, Some(created.uid()))).await.expect("it is the pod that is meant");
    assert!(refused(site.bind("a", "elsewhere").await).is_conflict());
    let bound = value(&*site.get(PODS, "a").await);
    assert_eq!(bound["spec"]["nodeName"], json!(node));
    let conditions = bound["status"]["conditions"].as_array().expect("it has conditions");
    let scheduled = conditions.iter().find(|condition| condition["type"] == "PodScheduled");
    assert_eq!(scheduled.map(|condition| &condition["status"]), Some(&json!("True")));
    assert!(refused(site.bind("none", &node).await).is_not_found());
    site.remove_node(&node).await;
}

pub(super) async fn an_eviction_deletes_the_pod_that_it_means(site: &Site) {
    site.create(site.pod("a")).await;
    let eviction = |options: Value| -> Eviction {
        let eviction = json!({"metadata": site.metadata("a"), "deleteOptions": options});
        serde_json::from_value(eviction).expect("it is an eviction")
    };
    let stale = eviction(json!({"preconditions": {"uid": "another"}}));
    assert!(refused(site.client.evict(&site.key("a"), &stale).await).is_conflict());
    assert!(site.is_there(PODS, "a").await);
    site.client.evict(&site.key("a"), &eviction(Value::Null)).await.expect("no budget keeps it");
    assert!(!site.is_there(PODS, "a").await);
    assert!(refused(site.client.evict(&site.key("a"), &eviction(Value::Null)).await).is_not_found());
}
