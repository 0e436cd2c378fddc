//! kube-rs. Each test runs twice: in process, and over HTTPS with what the kubeconfig says.

/// Makes a test of each function, for each way to a cluster.
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test] async fn $test() { crate::rig::Rig::in_process().await.run(super::$test).await })*
        }
        mod over_https {
            $(#[tokio::test] async fn $test() { crate::rig::Rig::over_https().await.run(super::$test).await })*
        }
    };
}

mod deleting;
mod discovery;
mod in_process;
mod listing;
mod patching;
mod pods;
mod subresources;
mod watching;
mod writing;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ObjectMeta};
use kube::{Client, Error};
use serde_json::{Value, from_value, json};

/// The ConfigMaps of the namespace `default`.
fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::default_namespaced(client.clone())
}

/// A ConfigMap with one value and a label.
fn config_map(name: &str, value: &str) -> ConfigMap {
    let one = |key: &str, value: &str| Some(BTreeMap::from([(key.to_owned(), value.to_owned())]));
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: one("value", value),
            ..ObjectMeta::default()
        },
        data: one("key", value),
        ..ConfigMap::default()
    }
}

/// A pod of one container, which runs until it is ended.
fn pod(name: &str) -> Pod {
    from_value(json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "sim/service"}]},
    }))
    .unwrap()
}

/// A Deployment of this many pods.
fn deployment<K: serde::de::DeserializeOwned>(name: &str, replicas: i32) -> K {
    let labels = json!({"app": name});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "sim/service"}]},
    });
    from_value(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }))
    .unwrap()
}

/// The code and reason of an error that the API answers with.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    match result {
        Err(Error::Api(status)) => (status.code, status.reason),
        other => panic!("this is no refusal: {other:?}"),
    }
}

/// The message of such an error.
fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Api(status)) => status.message,
        other => panic!("this is no refusal: {other:?}"),
    }
}

/// Something as JSON.
fn json_of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}
