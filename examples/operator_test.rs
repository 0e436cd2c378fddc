//! How the author of an operator tests it: against a whole Kubernetes API in the test's own process, which is there
//! in milliseconds. The operator is written with kube-rs and does not know the difference.
#![expect(
    clippy::disallowed_methods,
    reason = "bireme's own rules are not those of the programs that embed it"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bireme::Cluster;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::wait::await_condition;
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt};

/// Whom the operator's fields belong to.
const OPERATOR: &str = "shouter";

/// The operator: every ConfigMap with the label `shout` has its values in capitals in a Secret of the same name.
async fn shouter(client: Client) {
    let all = || Api::<ConfigMap>::all(client.clone());
    let marked = watcher::Config::default().labels("shout");
    Controller::new(all(), marked)
        .owns(Api::<Secret>::all(client.clone()), watcher::Config::default())
        .run(shout, |_, _, _| Action::requeue(Duration::from_millis(100)), Arc::new(client.clone()))
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn shout(quiet: Arc<ConfigMap>, client: Arc<Client>) -> Result<Action, kube::Error> {
    let values = quiet.data.iter().flatten();
    let loud = Secret {
        metadata: ObjectMeta {
            name: Some(quiet.name_any()),
            owner_references: quiet.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        string_data: Some(values.map(|(key, value)| (key.clone(), value.to_uppercase())).collect()),
        ..Secret::default()
    };
    let namespace = quiet.namespace().unwrap_or_default();
    let secrets = Api::<Secret>::namespaced(Client::clone(&client), &namespace);
    let applying = PatchParams::apply(OPERATOR).force();
    secrets.patch(&quiet.name_any(), &applying, &Patch::Apply(&loud)).await?;
    Ok(Action::await_change())
}

#[tokio::test]
async fn values_are_shouted_until_their_source_goes() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::builder().start().await?;
    let client = cluster.kube_client();
    let operator = tokio::spawn(shouter(client.clone()));
    let (sources, secrets) = (Api::default_namespaced(client.clone()), Api::default_namespaced(client));

    sources.create(&PostParams::default(), &greeting("hello")).await?;
    says(&secrets, "HELLO").await?;

    sources.patch("greeting", &PatchParams::default(), &Patch::Merge(greeting("good bye"))).await?;
    says(&secrets, "GOOD BYE").await?;

    // The operator brings back what somebody has removed; the garbage collector removes what nobody owns any more.
    secrets.delete("greeting", &Default::default()).await?;
    says(&secrets, "GOOD BYE").await?;
    operator.abort();
    sources.delete("greeting", &Default::default()).await?;
    is(&secrets, |secret| secret.is_none()).await?;

    cluster.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_cluster_is_ready_in_milliseconds() -> Result<(), Box<dyn Error>> {
    // Without optimisation it may be ten times as long.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });
    let begin = Instant::now();
    let cluster = Cluster::builder().start().await?;
    let maps = Api::<ConfigMap>::default_namespaced(cluster.kube_client());
    maps.create(&PostParams::default(), &greeting("hello")).await?;
    let elapsed = begin.elapsed();
    assert!(elapsed < limit, "{elapsed:?}");
    cluster.stop().await;
    Ok(())
}

fn greeting(text: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some("greeting".to_owned()),
            labels: Some([("shout".to_owned(), "yes".to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some([("text".to_owned(), text.to_owned())].into()),
        ..ConfigMap::default()
    }
}

/// Waits until the Secret says this.
async fn says(secrets: &Api<Secret>, text: &str) -> Result<(), Box<dyn Error>> {
    is(secrets, |secret| {
        secret.and_then(|secret| Some(secret.data.as_ref()?.get("text")?.0 == text.as_bytes())) == Some(true)
    })
    .await
}

async fn is(
    secrets: &Api<Secret>,
    condition: impl Fn(Option<&Secret>) -> bool,
) -> Result<(), Box<dyn Error>> {
    let reached = await_condition(secrets.clone(), "greeting", condition);
    tokio::time::timeout(Duration::from_secs(10), reached).await??;
    Ok(())
}
