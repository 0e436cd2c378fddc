//! Commands that only look.

use crate::cluster::Cluster;
use crate::objects::web;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_printed_in_every_form() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    kubectl.expect(&format!("apply -f {file}"), "created").await;
    let table = kubectl.expect("get deploy", "web").await;
    let heading: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heading, ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    let wide = kubectl.expect("get deploy -o wide", "web:1").await;
    assert!(wide.starts_with("NAME"));
    kubectl.expect("get deploy -A", "NAMESPACE").await;
    kubectl.expect("get deploy --show-labels", "app=web").await;
    kubectl.expect("get deploy web -o yaml", "  replicas: 2").await;
    kubectl.expect("get deploy web -o json", "\"replicas\": 2").await;
    kubectl.expect("get deploy -o name", "deployment.apps/web").await;
    kubectl.expect("get deploy -o custom-columns=N:.metadata.name,R:.spec.replicas", "web   2").await;
    kubectl.expect("get deploy --sort-by=.metadata.name", "web").await;
    kubectl.expect("get deploy --chunk-size=1 -A", "web").await;
    kubectl.expect("get svc --field-selector=metadata.name=web", "ClusterIP").await;
    kubectl.expect("get all -A", "service/web").await;
    kubectl.expect("get deploy,svc web", "deployment.apps/web").await;
    kubectl.expect("get --raw /api/v1/namespaces/default", "\"name\":\"default\"").await;
    kubectl.refuse("get nothing", "the server doesn't have a resource type \"nothing\"").await;
    kubectl.refuse("get deploy none", "deployments.apps \"none\" not found").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_described() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    kubectl.expect(&format!("apply -f {file}"), "created").await;
    kubectl.expect("describe deploy web", "RollingUpdateStrategy:  25% max unavailable, 25% max surge").await;
    kubectl.expect("describe svc web", "Selector:                 app=web").await;
    kubectl.expect("describe ns default", "Status:       Active").await;
    kubectl.expect("run p --image=p:1", "created").await;
    kubectl.expect("describe pod p", "Image:        p:1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_can_be_found_out() {
    let Some(kubectl) = Cluster::start().await else { return };
    kubectl.expect("version", "Server Version: v1.34.0+bireme").await;
    let resources = kubectl.expect("api-resources", "deployments").await;
    assert!(resources.lines().any(|line| {
        line.split_whitespace().eq(["deployments", "deploy", "apps/v1", "true", "Deployment"])
    }));
    kubectl.expect("api-resources --namespaced=false -o name", "nodes").await;
    kubectl.expect("api-versions", "apps/v1").await;
    kubectl.expect("explain pod", "Pod is a collection of containers").await;
    kubectl
        .expect("explain deploy.spec.template.spec.containers.ports", "containerPort\t<integer> -required-")
        .await;
    kubectl.expect("explain deploy.spec.strategy.rollingUpdate.maxSurge", "maxSurge <IntOrString>").await;
    kubectl.expect("explain service --recursive", "clusterIP\t<string>").await;
    kubectl.expect("cluster-info", "Kubernetes control plane").await;
    kubectl.expect("get --raw /readyz?verbose", "readyz check passed").await;
}
