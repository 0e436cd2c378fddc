//! Server-side apply by kubectl.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::objects::web;

const IMAGE: &str = "get deploy web -o jsonpath={.spec.template.spec.containers[*].image}";

/// The deployment's managers: name, operation, and whether they own the number of replicas.
async fn managers(kubectl: &Cluster) -> Vec<(String, String, bool)> {
    let object = kubectl.run("get deploy web -o json --show-managed-fields").await.unwrap();
    let object: Value = serde_json::from_str(&object).unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let has_replicas = |entry: &Value| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some();
    entries
        .iter()
        .map(|entry| (text(&entry["manager"]), text(&entry["operation"]), has_replicas(entry)))
        .collect()
}

fn manager(name: &str, operation: &str, has_replicas: bool) -> (String, String, bool) {
    (name.to_owned(), operation.to_owned(), has_replicas)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_applies_compares_and_removes() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    let apply = format!("apply --server-side -f {file}");
    kubectl.expect(&apply, "deployment.apps/web serverside-applied\nservice/web serverside-applied\n").await;
    let version = kubectl.run("get deploy,svc web -o jsonpath={.items[*].metadata.resourceVersion}").await;
    kubectl.expect(&apply, "deployment.apps/web serverside-applied").await;
    kubectl.expect(&format!("diff --server-side -f {file}"), "").await;
    let again = kubectl.run("get deploy,svc web -o jsonpath={.items[*].metadata.resourceVersion}").await;
    assert_eq!(again, version, "an apply of the same is no change");
    let file = kubectl
        .file("web.yaml", &web("web:2").replace("  labels: {app: web}\nspec:\n  replicas: 2", "spec:"));
    let line = format!("diff --server-side -f {file}");
    let difference = kubectl.run(&line).await.unwrap_err();
    assert!(difference.contains("\n-  replicas: 2\n+  replicas: 1\n"), "{difference}");
    assert!(difference.contains("+      - image: web:2"), "{difference}");
    assert_eq!(kubectl.exit_code(&line).await, 1);
    kubectl.expect(&format!("apply --server-side --dry-run=server -f {file}"), "(server dry run)").await;
    kubectl.expect(IMAGE, "web:1").await;
    kubectl.expect(&apply, "serverside-applied").await;
    kubectl.expect(IMAGE, "web:2").await;
    let left = kubectl.expect("get deploy web -o jsonpath={.spec.replicas}{.metadata.labels}", "1").await;
    assert_eq!(left, "1");
    assert_eq!(managers(&kubectl).await, [manager("kubectl", "Apply", false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_told_and_can_be_forced_or_given_up() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    let apply = format!("apply --server-side -f {file}");
    kubectl.expect(&apply, "serverside-applied").await;
    kubectl.expect("scale deploy web --replicas=5", "scaled").await;
    kubectl.expect("set image deploy/web web=web:2", "image updated").await;
    let error = kubectl.run(&apply).await.unwrap_err();
    let expected = "error: Apply failed with 2 conflicts: conflicts with \"kubectl\" with subresource \"scale\" using apps/v1:\n\
        - .spec.replicas\n\
        conflicts with \"kubectl-set\" using apps/v1:\n\
        - .spec.template.spec.containers[name=\"web\"].image\n\
        Please review the fields above--they currently have other managers.";
    assert!(error.contains(expected), "{error}");
    assert_eq!(kubectl.exit_code(&apply).await, 1);
    kubectl.expect(IMAGE, "web:2").await;
    let other = kubectl.file(
        "replicas.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 7}\n",
    );
    kubectl.refuse(&format!("apply --server-side --field-manager=hpa -f {other}"), ": .spec.replicas").await;
    kubectl.expect(&format!("{apply} --force-conflicts"), "serverside-applied").await;
    kubectl.expect(IMAGE, "web:1").await;
    let force = format!("apply --server-side --field-manager=hpa --force-conflicts -f {other}");
    kubectl.expect(&force, "serverside-applied").await;
    let given_up = kubectl.file("given-up.yaml", &web("web:3").replace("  replicas: 2\n", ""));
    kubectl.expect(&format!("apply --server-side -f {given_up}"), "serverside-applied").await;
    kubectl.expect("get deploy web -o jsonpath={.spec.replicas}", "7").await;
    assert_eq!(managers(&kubectl).await, [manager("hpa", "Apply", true), manager("kubectl", "Apply", false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_client_applied_is_the_servers_without_a_conflict_and_the_other_way_round() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    kubectl.expect(&format!("apply -f {file}"), "created").await;
    let file = kubectl.file("web.yaml", &web("web:2").replace("  replicas: 2\n", ""));
    kubectl.expect(&format!("apply --server-side -f {file}"), "serverside-applied").await;
    kubectl.expect(IMAGE, "web:2").await;
    // The number of replicas was the client's, and nobody says it any more.
    kubectl.expect("get deploy web -o jsonpath={.spec.replicas}", "1").await;
    let owners = managers(&kubectl).await;
    assert!(owners.contains(&manager("kubectl", "Apply", false)), "{owners:?}");
    assert!(!owners.iter().any(|(name, ..)| name == "kubectl-client-side-apply"), "{owners:?}");
    let last = kubectl.run("apply view-last-applied deploy web -o json").await.unwrap();
    assert!(last.contains("web:2"), "{last}");
    let file = kubectl.file("web.yaml", &web("web:3"));
    kubectl.expect(&format!("apply -f {file}"), "configured").await;
    kubectl.expect(IMAGE, "web:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_in_what_is_applied_are_refused() {
    let Some(kubectl) = Cluster::start().await else { return };
    let apply = async |manifest: &str| {
        let error = kubectl.run_with("apply --server-side --validate=false -f -", &[], manifest).await;
        error.unwrap_err()
    };
    let unknown = apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatta: {x: y}\n").await;
    assert!(
        unknown.contains("default/a; /v1, Kind=ConfigMap): .datta: field not declared in schema"),
        "{unknown}"
    );
    let twice =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a}, {name: a}]}\n";
    let twice = apply(twice).await;
    assert!(twice.contains(".spec.containers: duplicate entries for key [name=\"a\"]"), "{twice}");
    kubectl.expect("create configmap a --from-literal=x=y", "created").await;
    let got = kubectl.run("get cm a -o yaml --show-managed-fields").await.unwrap();
    let managed = apply(&got).await;
    assert!(managed.contains("metadata.managedFields must be nil"), "{managed}");
}
