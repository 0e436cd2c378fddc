//! Objects as kubectl writes them: apply, create, edit, label, annotate, patch, diff, delete, wait.

use std::time::Duration;

use crate::harness::{eventually, namespace};
use crate::manifests::{ROLLING, deployment, pod};

/// What kubectl waits at most in a command line.
const LIMIT: &str = "--timeout=90s";

fn config_map(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata: {data}\n")
}

#[test]
fn apply_creates_then_leaves_unchanged_then_updates_and_removes_what_is_gone() {
    let Some(space) = namespace("apply") else { return };
    assert_eq!(space.apply(&config_map("{a: one, b: two}")), "configmap/settings created\n");
    let version = space.field("configmap/settings", ".metadata.resourceVersion");
    assert_eq!(space.apply(&config_map("{a: one, b: two}")), "configmap/settings unchanged\n");
    assert_eq!(space.field("configmap/settings", ".metadata.resourceVersion"), version);
    assert_eq!(space.apply(&config_map("{a: three}")), "configmap/settings configured\n");
    assert_eq!(space.json("get configmap settings")["data"], serde_json::json!({"a": "three"}));
}

#[test]
fn create_makes_deployments_and_configmaps_from_the_command_line() {
    let Some(space) = namespace("create") else { return };
    let made = space.run("create deployment web --image=bireme.dev/shop:1 --replicas=2 -- /shop api");
    assert_eq!(made, "deployment.apps/web created\n");
    space.run("rollout status deployment/web --timeout=120s");
    assert_eq!(space.field("deployment/web", ".status.availableReplicas"), "2");
    space.run("create configmap settings --from-literal=a=one --from-literal=b=two");
    assert_eq!(space.field("configmap/settings", ".data.b"), "two");
    space.run("create secret generic key --from-literal=token=secret");
    assert_eq!(space.field("secret/key", ".data.token"), "c2VjcmV0");
    space.run("create service clusterip web --tcp=80:8080");
    assert!(space.field("service/web", ".spec.clusterIP").starts_with("10.196."));
    let again = space.fails("create configmap settings");
    assert_eq!(again.trim(), r#"error: failed to create configmap: configmaps "settings" already exists"#);
}

#[test]
fn expose_gives_a_deployment_an_address_whose_endpoints_are_its_pods() {
    let Some(space) = namespace("expose") else { return };
    space.apply(&deployment("web", 2, ROLLING));
    space.run("rollout status deployment/web --timeout=120s");
    space.run("expose deployment web --port=80 --target-port=http");
    let pods = space.field("pods", ".items[*].status.podIP");
    let mut wanted: Vec<_> = pods.split(' ').collect();
    wanted.sort_unstable();
    eventually(Duration::from_secs(10), "the endpoints are the pods' addresses", || {
        let endpoints = space.field("endpoints/web", ".subsets[*].addresses[*].ip");
        let mut endpoints: Vec<_> = endpoints.split(' ').collect();
        endpoints.sort_unstable();
        (endpoints == wanted).then_some(())
    });
}

#[test]
fn edit_saves_what_the_editor_wrote_and_nothing_when_it_wrote_nothing() {
    let Some(space) = namespace("edit") else { return };
    space.apply(&config_map("{a: one}"));
    let edit = |editor: &str| {
        let output = space.command("edit configmap settings").env("KUBE_EDITOR", editor).output();
        let output = output.expect("kubectl can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(edit("sed -i s/one/two/"), "configmap/settings edited\n");
    assert_eq!(space.field("configmap/settings", ".data.a"), "two");
    assert!(edit("true").contains("no changes made"));
}

#[test]
fn label_and_annotate_add_change_and_remove() {
    let Some(space) = namespace("label") else { return };
    space.apply(&config_map("{a: one}"));
    for (verb, field) in [("label", "labels"), ("annotate", "annotations")] {
        let value = || space.field("configmap/settings", &format!(".metadata.{field}.tier"));
        space.run(&format!("{verb} configmap settings tier=web"));
        assert_eq!(value(), "web");
        let refused = space.fails(&format!("{verb} configmap settings tier=api"));
        assert!(refused.contains("--overwrite is false"), "{refused}");
        space.run(&format!("{verb} configmap settings tier=api --overwrite"));
        assert_eq!(value(), "api");
        space.run(&format!("{verb} configmap settings tier-"));
        assert_eq!(value(), "");
    }
}

#[test]
fn every_type_of_patch_changes_what_it_says() {
    let Some(space) = namespace("patch") else { return };
    space.apply(&config_map("{a: one, b: two}"));
    space.run(r#"patch configmap settings --type=merge --patch='{"data":{"a":null,"c":"three"}}'"#);
    assert_eq!(space.json("get configmap settings")["data"], serde_json::json!({"b": "two", "c": "three"}));
    space.run(
        r#"patch configmap settings --type=json
           --patch='[{"op":"test","path":"/data/b","value":"two"},{"op":"replace","path":"/data/b","value":"2"}]'"#,
    );
    assert_eq!(space.field("configmap/settings", ".data.b"), "2");
    space.apply(&deployment("web", 0, ROLLING));
    space.run(
        r#"patch deployment web --type=strategic
           --patch='{"spec":{"template":{"spec":{"containers":[{"name":"extra","image":"bireme.dev/busybox:1"}]}}}}'"#,
    );
    let images = space.field("deployment/web", ".spec.template.spec.containers[*].image");
    assert_eq!(
        images, "bireme.dev/busybox:1 bireme.dev/shop:1",
        "a strategic patch merges lists by their key"
    );
}

#[test]
fn a_dry_run_on_the_server_answers_as_if_and_stores_nothing() {
    let Some(space) = namespace("dry-run") else { return };
    let shown =
        space.run_with_input("apply --dry-run=server --output=yaml -f -", &deployment("web", 2, ROLLING));
    assert!(shown.contains("progressDeadlineSeconds: 600"), "defaults of the server's: {shown}");
    space.fails("get deployment web");
    space.apply(&config_map("{a: one}"));
    space.run("delete configmap settings --dry-run=server");
    space.run(r#"patch configmap settings --dry-run=server --type=merge --patch='{"data":{"a":"two"}}'"#);
    assert_eq!(space.field("configmap/settings", ".data.a"), "one");
}

#[test]
fn diff_shows_what_apply_would_change() {
    let Some(space) = namespace("diff") else { return };
    space.apply(&config_map("{a: one}"));
    let same = space.fed("diff -f -", &config_map("{a: one}"));
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stdout));
    let other = space.fed("diff -f -", &config_map("{a: two}"));
    let shown = String::from_utf8_lossy(&other.stdout);
    assert_eq!(other.status.code(), Some(1), "{}", String::from_utf8_lossy(&other.stderr));
    assert!(shown.contains("-  a: one") && shown.contains("+  a: two"), "{shown}");
    assert_eq!(space.field("configmap/settings", ".data.a"), "one");
}

#[test]
fn delete_by_name_by_label_and_all_waits_until_the_objects_are_gone() {
    let Some(space) = namespace("delete") else { return };
    for name in ["one", "two", "three"] {
        space.run(&format!("create configmap {name}"));
        space.run(&format!("label configmap {name} number={name}"));
    }
    assert_eq!(space.run("delete configmap one"), "configmap \"one\" deleted\n");
    space.run("delete configmap --selector=number=two");
    assert_eq!(space.run("get configmaps --selector=number --output=name"), "configmap/three\n");
    space.run("delete configmaps --all");
    assert_eq!(space.run("get configmaps --selector=number --output=name"), "");
    let gone = space.fails("delete configmap one");
    assert_eq!(gone.trim(), r#"Error from server (NotFound): configmaps "one" not found"#);
}

#[test]
fn deleting_a_deployment_deletes_its_pods_and_orphaning_does_not() {
    let Some(space) = namespace("cascade") else { return };
    space.apply(&deployment("web", 2, ROLLING));
    space.run("rollout status deployment/web --timeout=120s");
    space.run("delete deployment web --cascade=orphan");
    assert_eq!(space.run("get replicasets --output=name").lines().count(), 1);
    space.apply(&deployment("web", 2, ROLLING));
    space.run("rollout status deployment/web --timeout=120s");
    assert_eq!(space.run("get pods --output=name").lines().count(), 2, "the orphans are adopted");
    space.run("delete deployment web --cascade=foreground --timeout=90s");
    assert_eq!(space.run("get replicasets,pods --output=name"), "");
}

#[test]
fn wait_ends_when_a_condition_a_field_or_a_deletion_comes() {
    let Some(space) = namespace("wait") else { return };
    space.apply(&pod("sleeper", "sleep 600"));
    space.run(&format!("wait pod/sleeper --for=condition=Ready {LIMIT}"));
    space.run(&format!("wait pod/sleeper --for=jsonpath='{{.status.phase}}'=Running {LIMIT}"));
    space.run("delete pod sleeper --wait=false");
    space.run(&format!("wait pod/sleeper --for=delete {LIMIT}"));
    space.fails("get pod sleeper");
    space.run("create configmap settings");
    let timed_out = space.fails("wait configmap/settings --for=delete --timeout=1s");
    assert!(timed_out.contains("timed out waiting"), "{timed_out}");
}

#[test]
fn deleting_a_namespace_empties_it_first() {
    let Some(space) = namespace("outer") else { return };
    space.run("create namespace inner");
    let inner = space.in_namespace("inner");
    inner.apply(&pod("sleeper", "sleep 600"));
    inner.run(&format!("wait pod/sleeper --for=condition=Ready {LIMIT}"));
    let container = inner.field("pod/sleeper", ".status.containerStatuses[0].containerID");
    inner.apply(&config_map("{a: one}"));
    space.run("delete namespace inner --timeout=90s");
    assert_eq!(inner.run("get pods,configmaps --output=name"), "");
    let id = container.strip_prefix("docker://").expect("the container is the engine's");
    let left = space.machine.docker.container(id);
    assert!(left.is_none_or(|container| !container.running));
}
