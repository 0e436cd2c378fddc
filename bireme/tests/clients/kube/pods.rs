//! Pods: logs, commands in containers, eviction.

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Client;
use kube::api::{Api, AttachParams, AttachedProcess, EvictParams, LogParams, PostParams, TerminalSize};
use kube::runtime::conditions::is_pod_running;
use kube::runtime::wait::await_condition;
use serde_json::{from_value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{json_of, pod, refusal};

both_ways!(
    a_log_is_read_and_followed,
    a_command_answers_with_its_output_and_code,
    input_goes_to_a_command_until_its_end,
    a_terminal_is_attached_to,
    a_command_that_cannot_be_run_is_refused,
    an_eviction_keeps_to_the_budget,
);

/// The pod, once it runs.
pub async fn running(client: &Client, name: &str) -> Pod {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    await_condition(pods, name, is_pod_running()).await.unwrap().unwrap()
}

/// A pod that runs.
async fn started(client: &Client, name: &str) -> Api<Pod> {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    pods.create(&PostParams::default(), &pod(name)).await.unwrap();
    running(client, name).await;
    pods
}

async fn a_log_is_read_and_followed(client: Client) {
    let pods = started(&client, "web").await;
    assert_eq!(pods.logs("web", &LogParams::default()).await.unwrap(), "one\ntwo\nthree\n");
    let last = LogParams { tail_lines: Some(1), container: Some("main".into()), ..LogParams::default() };
    assert_eq!(pods.logs("web", &last).await.unwrap(), "three\n");
    let following = LogParams { follow: true, ..LogParams::default() };
    let lines = pods.log_stream("web", &following).await.unwrap().lines();
    let lines: Vec<String> = futures::StreamExt::take(lines, 3).try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two", "three"]);
    let unknown = LogParams { container: Some("other".into()), ..LogParams::default() };
    assert_eq!(refusal(pods.logs("web", &unknown).await).0, 400);
}

/// What a command writes to its output, and how it ends.
async fn outcome(mut process: AttachedProcess) -> (String, Status) {
    let (mut output, status) = (String::new(), process.take_status().unwrap());
    process.stdout().unwrap().read_to_string(&mut output).await.unwrap();
    let status = status.await.unwrap();
    process.join().await.unwrap();
    (output, status)
}

async fn a_command_answers_with_its_output_and_code(client: Client) {
    let pods = started(&client, "web").await;
    let params = AttachParams::default().stderr(false).container("main");
    let (output, status) = outcome(pods.exec("web", ["echo", "a b", "c"], &params).await.unwrap()).await;
    assert_eq!((output.trim_end(), status.status.as_deref()), ("a b c", Some("Success")));
    let (_, status) = outcome(pods.exec("web", ["exit", "3"], &params).await.unwrap()).await;
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = json_of(&status.details.unwrap().causes);
    assert_eq!(causes, json!([{"reason": "ExitCode", "message": "3"}]));
}

async fn input_goes_to_a_command_until_its_end(client: Client) {
    let pods = started(&client, "web").await;
    let params = AttachParams::default().stderr(false).stdin(true);
    let mut process = pods.exec("web", ["cat"], &params).await.unwrap();
    let mut input = process.stdin().unwrap();
    input.write_all(b"hello").await.unwrap();
    input.shutdown().await.unwrap();
    drop(input);
    let (output, status) = outcome(process).await;
    assert!(output.contains("hello") && status.status.as_deref() == Some("Success"), "{output} {status:?}");
}

async fn a_terminal_is_attached_to(client: Client) {
    let pods = started(&client, "web").await;
    let mut process = pods.attach("web", &AttachParams::interactive_tty()).await.unwrap();
    process.terminal_size().unwrap().try_send(TerminalSize { width: 80, height: 24 }).unwrap();
    process.stdin().unwrap().write_all(b"hello").await.unwrap();
    let mut echo = [0; 5];
    process.stdout().unwrap().read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
    process.abort();
}

async fn a_command_that_cannot_be_run_is_refused(client: Client) {
    let pods = started(&client, "web").await;
    let params = AttachParams::default();
    assert_eq!(refusal(pods.exec("other", ["true"], &params).await.map(drop)), (404, "NotFound".into()));
    let unknown = pods.exec("web", ["true"], &params.container("other")).await;
    assert_eq!(refusal(unknown.map(drop)).0, 400);
}

async fn an_eviction_keeps_to_the_budget(client: Client) {
    let pods = started(&client, "web").await;
    let budgets = Api::<PodDisruptionBudget>::default_namespaced(client.clone());
    let budget: PodDisruptionBudget = from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }))
    .unwrap();
    budgets.create(&PostParams::default(), &budget).await.unwrap();
    let refused = pods.evict("web", &EvictParams::default()).await;
    assert_eq!(refusal(refused), (429, "TooManyRequests".into()));
    budgets.delete("web", &Default::default()).await.unwrap();
    assert!(pods.evict("web", &EvictParams::default()).await.unwrap().is_success());
    await_condition(pods, "web", |pod: Option<&Pod>| pod.is_none()).await.unwrap();
}
