//! Every kind, from its creation to its end.

use crate::cluster::Cluster;
use crate::manifests::{SAMPLES, all};

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_every_kind_are_made_read_changed_and_deleted() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("all.yaml", &all());
    let created = kubectl.expect(&format!("create -f {file}"), "created").await;
    assert_eq!(created.lines().count(), SAMPLES.len(), "{created}");
    for sample in SAMPLES {
        let table = kubectl.expect(&format!("get {} -o wide", sample.resource), "sample").await;
        assert_eq!(words(table.lines().next().unwrap()), sample.heading, "{}", sample.resource);
    }
    let described = kubectl.expect(&format!("describe -f {file}"), "sample").await;
    let names = described.lines().filter(|line| line.starts_with("Name:")).count();
    assert_eq!(names, SAMPLES.len(), "{described}");
    let labelled = kubectl.expect(&format!("label -f {file} tier=x"), "labeled").await;
    assert_eq!(labelled.lines().count(), SAMPLES.len(), "{labelled}");
    let applied = kubectl.expect(&format!("apply -f {file}"), "configured").await;
    assert_eq!(applied.lines().count(), SAMPLES.len(), "{applied}");
    let again = kubectl.expect(&format!("apply -f {file}"), "unchanged").await;
    let changed: Vec<&str> = again.lines().filter(|line| line.contains("configured")).collect();
    // Lists that are replaced as a whole and have defaults inside are sent every time, to no effect.
    assert_eq!(changed, ["statefulset.apps/sample configured", "limitrange/sample configured"]);
    kubectl.expect("get sts sample -o jsonpath={.metadata.generation}", "1").await;
    let deleted = kubectl.expect(&format!("delete -f {file}"), "deleted").await;
    assert_eq!(deleted.lines().count(), SAMPLES.len(), "{deleted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_explained() {
    let Some(kubectl) = Cluster::start().await else { return };
    for sample in SAMPLES {
        let explained = kubectl.expect(&format!("explain {} --recursive", sample.resource), "FIELDS:").await;
        assert!(explained.contains("metadata\t<ObjectMeta>"), "{explained}");
    }
    let resources = kubectl.run("api-resources --no-headers").await.unwrap();
    for expected in [
        "cronjobs cj batch/v1 true CronJob",
        "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler",
        "ingresses ing networking.k8s.io/v1 true Ingress",
        "persistentvolumes pv v1 false PersistentVolume",
        "poddisruptionbudgets pdb policy/v1 true PodDisruptionBudget",
        "clusterroles rbac.authorization.k8s.io/v1 false ClusterRole",
    ] {
        assert!(resources.lines().any(|line| words(line) == expected), "{expected}: {resources}");
    }
}

/// These commands of kubectl 1.32 send protobuf.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_create_objects_of_these_kinds() {
    let Some(kubectl) = Cluster::start().await else { return };
    for (command, read, expected) in [
        (
            "create job sum --image=sum:1",
            "job sum -o jsonpath={.spec.template.spec.containers[0].image}",
            "sum:1",
        ),
        (
            "create cronjob nightly --image=n:1 '--schedule=0 3 * * *'",
            "cj nightly -o jsonpath={.spec.schedule}",
            "0 3 * * *",
        ),
        (
            "create pdb web --selector=app=web --min-available=50%",
            "pdb web -o jsonpath={.spec.minAvailable}",
            "50%",
        ),
        ("create priorityclass high --value=7", "pc high -o jsonpath={.value}", "7"),
        (
            "create ingress web --rule=web.example/*=web:80",
            "ing web -o jsonpath={.spec.rules[0].http.paths[0].pathType}",
            "Prefix",
        ),
        ("create role reader --verb=get --resource=pods", "role reader -o jsonpath={.rules[0].verbs}", "get"),
        (
            "create rolebinding reader --role=reader --user=ann",
            "rolebinding reader -o jsonpath={.subjects[0].name}",
            "ann",
        ),
        (
            "create clusterrole prober --verb=get --non-resource-url=/healthz",
            "clusterrole prober -o jsonpath={.rules[0].nonResourceURLs[0]}",
            "/healthz",
        ),
        (
            "create clusterrolebinding prober --clusterrole=prober --serviceaccount=shop:bot",
            "clusterrolebinding prober -o jsonpath={.subjects[0].namespace}",
            "shop",
        ),
        ("create quota team --hard=pods=3", "quota team -o jsonpath={.spec.hard.pods}", "3"),
        ("create deployment web --image=web:1", "deploy web -o jsonpath={.spec.replicas}", "1"),
        (
            "autoscale deployment web --max=5 --cpu-percent=60",
            "hpa web -o jsonpath={.spec.metrics[0].resource.target.averageUtilization}",
            "60",
        ),
    ] {
        let made = kubectl.run(command).await.unwrap_or_else(|error| panic!("kubectl {command}: {error}"));
        assert!(made.contains("created") || made.contains("autoscaled"), "kubectl {command}: {made}");
        kubectl.expect(&format!("get {read}"), expected).await;
    }
    kubectl.expect("create job again --from=cronjob/nightly", "created").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_nothing_acts_on_say_so() {
    let Some(kubectl) = Cluster::start().await else { return };
    let warning = "Warning: bireme has no controller for batch/v1 Job yet: the object is stored, and nothing will act on it";
    let (_, told) = kubectl.run_telling("create job sum --image=sum:1").await;
    assert_eq!(told.trim(), warning);
    let (_, told) = kubectl.run_telling("create configmap c").await;
    assert_eq!(told, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateful_set_is_scaled() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("all.yaml", &all());
    kubectl.expect(&format!("create -f {file}"), "created").await;
    kubectl.expect("scale sts sample --replicas=4", "scaled").await;
    kubectl.expect("get sts sample -o jsonpath={.spec.replicas}", "4").await;
}
