//! The node's heartbeat: a Lease that is renewed while the agent lives.

use std::time::Duration;

use bireme_core::Environment;
use bireme_core::client::{Client, ClientExt, Part, WriteOptions};
use bireme_core::error::ApiError;
use bireme_core::object::ObjectKey;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use serde_json::json;
use tracing::warn;

use super::MANAGER;
use crate::config::KubeletConfig;

/// Where nodes' Leases are.
const NAMESPACE: &str = "kube-node-lease";

/// Renews the node's Lease for ever.
pub(super) async fn keep(env: &Environment, client: &dyn Client, config: &KubeletConfig, node: &Node) {
    let timings = config.timings;
    let mut failures = 0;
    loop {
        let wait = match renew(env, client, config, node).await {
            Ok(()) => {
                failures = 0;
                jittered(env, timings.lease_renewal)
            }
            Err(error) => {
                failures += 1;
                warn!(node = %config.node, %error, "the node's lease cannot be renewed");
                // A failure must not make the heartbeat slower than it is.
                timings.step.after(failures).min(timings.lease_renewal)
            }
        };
        env.sleep(wait).await;
    }
}

/// The renewals of many nodes that start together drift apart: up to a twentieth is taken off at random.
fn jittered(env: &Environment, period: Duration) -> Duration {
    let thousandth = u32::try_from(env.random_below(50)).unwrap_or(0);
    period - period * thousandth / 1000
}

async fn renew(
    env: &Environment,
    client: &dyn Client,
    config: &KubeletConfig,
    node: &Node,
) -> Result<(), ApiError> {
    let key = ObjectKey::namespaced(NAMESPACE, &config.node);
    let now = MicroTime(env.now());
    let seconds = i32::try_from(config.timings.lease_duration.as_secs()).unwrap_or(i32::MAX);
    let spec = json!({"holderIdentity": config.node, "renewTime": now, "leaseDurationSeconds": seconds});
    let options = WriteOptions::manager(MANAGER);
    match client.merge::<Lease>(&key, Part::Main, &json!({"spec": spec}), &options).await {
        Err(error) if error.is_not_found() => {}
        renewed => return renewed.map(drop),
    }
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: config.node.clone(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    let lease = Lease {
        metadata: ObjectMeta {
            name: Some(config.node.clone()),
            namespace: Some(NAMESPACE.to_owned()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(config.node.clone()),
            renew_time: Some(now),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        }),
    };
    client.create_typed(lease, &options).await.map(drop)
}
