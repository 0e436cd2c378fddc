//! bireme is killed and comes back: the cluster does not notice.

use std::collections::BTreeMap;

use crate::harness::{Kubectl, namespace};
use crate::manifests::{ROLLING, deployment, pod};

/// All objects that are not renewed by design, with their UIDs.
fn uids(kubectl: &Kubectl) -> BTreeMap<String, String> {
    let kinds = "namespaces,nodes,pods,services,endpoints,endpointslices,configmaps,secrets,serviceaccounts,\
                 deployments,replicasets,leases";
    let row = "{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}={.metadata.uid}{\"\\n\"}{end}";
    let printed = kubectl.run(&format!("get {kinds} --all-namespaces --output=jsonpath='{row}'"));
    printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, uid)| (name.into(), uid.into()))
        .collect()
}

#[test]
fn after_a_kill_no_container_is_restarted_and_nothing_is_lost_and_it_goes_on() {
    let Some(mut space) = namespace("restart") else { return };
    space.apply(&deployment("web", 3, ROLLING));
    space.apply(&pod("alone", "echo up; sleep 600"));
    space.run("expose deployment web --port=80 --target-port=http");
    space.run("create configmap settings --from-literal=a=one");
    space.run("rollout status deployment/web --timeout=120s");
    space.run("wait pod/alone --for=condition=Ready --timeout=90s");
    space.wait_until_alone();
    let (objects, containers) = (uids(&space), space.cluster().containers(space.machine));
    assert!(containers.len() >= 8, "four sandboxes and four containers: {containers:?}");

    space.kill_bireme();
    assert_eq!(space.cluster().containers(space.machine), containers, "containers run without bireme");
    space.start_bireme_again();
    // Made after the kubelets have looked at what they have, and by all parts of the cluster together.
    space.run("scale deployment web --replicas=5");
    space.run("rollout status deployment/web --timeout=120s");

    let after = uids(&space);
    for (object, uid) in &objects {
        assert_eq!(after.get(object), Some(uid), "{object} is the same as before");
    }
    let now = space.cluster().containers(space.machine);
    for container in &containers {
        assert!(now.contains(container), "{container:?} is the same as before: {now:?}");
    }
    assert_eq!(now.len(), containers.len() + 4, "two further pods");
    let restarts = space.field("pods", ".items[*].status.containerStatuses[*].restartCount");
    assert_eq!(restarts, "0 0 0 0 0 0");
    assert_eq!(space.run("logs alone"), "up\n");
    assert_eq!(space.run("exec alone -- echo hello"), "hello\n");
}

#[test]
fn what_ended_while_bireme_was_away_is_noticed_and_restarted() {
    let Some(mut space) = namespace("away") else { return };
    space.apply(&pod("victim", "sleep 600"));
    space.run("wait pod/victim --for=condition=Ready --timeout=90s");
    let container = space.container_id("victim");
    space.kill_bireme();
    space.machine.docker.kill(&container);
    space.start_bireme_again();
    space.run("wait pod/victim --timeout=90s --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1");
    space.run("wait pod/victim --for=condition=Ready --timeout=90s");
    assert_ne!(space.container_id("victim"), container);
}
