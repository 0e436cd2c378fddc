//! Objects as kubectl shows them: columns, formats, watches, descriptions, what there is.

use std::time::Duration;

use crate::harness::namespace;
use crate::manifests::{ROLLING, deployment, pod};

#[test]
fn get_prints_the_usual_columns() {
    let Some(space) = namespace("columns") else { return };
    space.apply(&deployment("web", 1, ROLLING));
    space.run("expose deployment web --port=80 --target-port=http --type=NodePort");
    space.run("rollout status deployment/web --timeout=120s");
    let printed = space.run("get nodes,deploy,rs,pods,svc --all-namespaces --output=wide");
    let headers: Vec<String> = printed
        .lines()
        .filter(|line| line.starts_with("NAME"))
        .map(|line| {
            line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(",")
        })
        .collect();
    assert_eq!(
        headers,
        [
            "NAME,STATUS,ROLES,AGE,VERSION,INTERNAL-IP,EXTERNAL-IP,OS-IMAGE,KERNEL-VERSION,CONTAINER-RUNTIME",
            "NAMESPACE,NAME,READY,UP-TO-DATE,AVAILABLE,AGE,CONTAINERS,IMAGES,SELECTOR",
            "NAMESPACE,NAME,DESIRED,CURRENT,READY,AGE,CONTAINERS,IMAGES,SELECTOR",
            "NAMESPACE,NAME,READY,STATUS,RESTARTS,AGE,IP,NODE,NOMINATED NODE,READINESS GATES",
            "NAMESPACE,NAME,TYPE,CLUSTER-IP,EXTERNAL-IP,PORT(S),AGE,SELECTOR",
        ],
        "{printed}"
    );
    let rows: Vec<String> =
        printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let has = |start: &str, part: &str| {
        let found = rows.iter().any(|row| row.starts_with(start) && row.contains(part));
        assert!(found, "{start}…{part} in {printed}");
    };
    has("node/node-1 ", " Ready <none> ");
    has("columns deployment.apps/web ", " 1/1 1 1 ");
    has("columns replicaset.apps/web-", " 1 1 1 ");
    has("columns pod/web-", " 1/1 Running 0 ");
    has("columns service/web NodePort 10.196.", " 80:3");
}

#[test]
fn get_prints_yaml_json_jsonpath_and_custom_columns() {
    let Some(space) = namespace("formats") else { return };
    space.run("create configmap settings --from-literal=a=one");
    let yaml = space.run("get configmap settings --output=yaml");
    assert!(yaml.starts_with("apiVersion: v1\ndata:\n  a: one\nkind: ConfigMap\n"), "{yaml}");
    let json = space.json("get configmap settings");
    assert_eq!((&json["kind"], &json["data"]["a"]), (&"ConfigMap".into(), &"one".into()));
    assert_eq!(space.run("get configmap settings --output=jsonpath='{.data.a}'"), "one");
    let columns = space.run("get configmap settings --output=custom-columns=NAME:.metadata.name,A:.data.a");
    assert_eq!(columns, "NAME       A\nsettings   one\n");
    assert_eq!(space.run("get configmap settings --output=name"), "configmap/settings\n");
    let fields = space.run("get configmap settings --output=yaml --show-managed-fields");
    assert!(fields.contains("manager: kubectl-create"), "{fields}");
}

#[test]
fn get_selects_by_labels_and_by_fields() {
    let Some(space) = namespace("selectors") else { return };
    for name in ["one", "two"] {
        space.apply(&pod(name, "sleep 600"));
    }
    space.run("wait pod --all --for=condition=Ready --timeout=90s");
    let names = |selector: &str| space.run(&format!("get pods --output=name {selector}"));
    assert_eq!(names("--selector='app in (one, three)'"), "pod/one\n");
    assert_eq!(names("--selector=app!=one"), "pod/two\n");
    assert_eq!(names("--field-selector=metadata.name=two"), "pod/two\n");
    assert_eq!(names("--field-selector=status.phase=Pending"), "");
    let node = space.field("pod/one", ".spec.nodeName");
    assert!(names(&format!("--field-selector=spec.nodeName={node}")).contains("pod/one\n"));
}

#[test]
fn get_watch_shows_each_change_as_it_comes() {
    let Some(space) = namespace("watching") else { return };
    let limit = Duration::from_secs(60);
    let watch = space.stream("get pods --watch --output-watch-events");
    space.apply(&pod("sleeper", "sleep 600"));
    watch.wait_for(limit, "ADDED");
    watch.wait_for(limit, "1/1     Running");
    space.run("label pod sleeper seen=yes");
    space.run("delete pod sleeper");
    watch.wait_for(limit, "DELETED");
    let printed = watch.end();
    let events: Vec<_> = printed.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(events.iter().filter(|&&event| event == "ADDED").count(), 1, "{printed}");
    assert_eq!(events.last(), Some(&"DELETED"), "{printed}");
}

#[test]
fn describe_tells_an_objects_story() {
    let Some(space) = namespace("describing") else { return };
    space.apply(&deployment("web", 1, ROLLING));
    space.run("expose deployment web --port=80 --target-port=http");
    space.run("rollout status deployment/web --timeout=120s");
    let shown = space.run("describe pods");
    for part in [
        "Controlled By:  ReplicaSet/web-",
        "State:          Running",
        "Scheduled",
        "Pulled",
        "Created",
        "Started",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let shown = space.run("describe deployment web");
    for part in ["1 desired | 1 updated | 1 total | 1 available", "NewReplicaSet:", "ScalingReplicaSet"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let shown = space.run("describe service web");
    assert!(shown.contains("Endpoints:") && shown.contains(":8080"), "{shown}");
    let shown = space.run("describe node node-1");
    for part in ["KubeletReady", "Allocatable:", "PodCIDR:", "Lease:"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let shown = space.run("events --for=deployment/web");
    assert!(shown.contains("ScalingReplicaSet"), "{shown}");
}

#[test]
fn a_pod_that_fits_nowhere_says_why() {
    let Some(space) = namespace("pending") else { return };
    space.run("run huge --image=bireme.dev/busybox:1 --overrides='{\"spec\":{\"containers\":[{\"name\":\"huge\",\"image\":\"bireme.dev/busybox:1\",\"resources\":{\"requests\":{\"cpu\":\"900\"}}}]}}'");
    space.run("wait pod/huge --for=jsonpath='{.status.conditions[?(@.type==\"PodScheduled\")].reason}'=Unschedulable --timeout=10s");
    let why = space.field("pod/huge", ".status.conditions[?(@.type==\"PodScheduled\")].message");
    assert!(why.starts_with("0/3 nodes are available: 3 Insufficient cpu"), "{why}");
    let events = space.run("events --for=pod/huge");
    assert!(events.contains("FailedScheduling"), "{events}");
}

#[test]
fn the_api_says_what_there_is_and_what_it_means() {
    let Some(space) = namespace("discovery") else { return };
    let kinds = space.run("api-resources --output=wide");
    for kind in ["pods", "deployments", "configmaps", "endpointslices", "leases", "replicationcontrollers"] {
        assert!(kinds.lines().any(|line| line.starts_with(kind)), "{kind} in {kinds}");
    }
    assert!(space.run("api-versions").lines().any(|version| version == "apps/v1"));
    let meaning = space.run("explain deployment.spec.strategy");
    assert!(meaning.contains("rollingUpdate") && meaning.contains("GROUP:      apps"), "{meaning}");
    assert!(space.run("version").contains("Server Version: v1."));
    assert!(space.run("cluster-info").contains(space.cluster().address()));
    assert_eq!(space.run("get --raw /readyz"), "ok");
}
