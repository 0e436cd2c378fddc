//! What `bireme scheduler` says of a cluster that is running, and of a recording of it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Namespace, namespace};

/// Runs `bireme scheduler` with the cluster's kubeconfig, and returns what it printed.
fn scheduler(space: &Namespace, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bireme"));
    space.environment(command.arg("scheduler").args(arguments));
    let output = command.output().expect("bireme can be run");
    let (told, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {told}{complaints}");
    told.into_owned()
}

const PICKY: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: picky}
spec:
  nodeSelector: {disk: tape}
  containers: [{name: main, image: bireme.example/none}]
"#;

#[test]
fn the_scheduler_says_why_a_pod_waits_and_why_another_is_where_it_is() {
    let Some(space) = namespace("why") else { return };
    space.apply(PICKY);
    space.run("wait pod/picky --for=jsonpath={.status.conditions[0].reason}=Unschedulable --timeout=30s");
    let table = scheduler(&space, &["why", "picky", "--namespace", &space.name]);
    let rejected = "NodeAffinity: node(s) didn't match Pod's node affinity/selector";
    for node in ["node-1", "node-2", "node-3"] {
        let line = table.lines().find(|line| line.starts_with(node)).unwrap();
        assert!(line.ends_with(rejected), "{table}");
    }

    space.run("label node node-2 disk=tape");
    space.run("wait pod/picky --for=jsonpath={.spec.nodeName}=node-2 --timeout=30s");
    let told = scheduler(&space, &["why", "picky", "--namespace", &space.name, "--output", "json"]);
    space.run("label node node-2 disk-");
    let explanation: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(explanation["nodes"][0]["node"], "node-2");
    let scores = explanation["nodes"][0]["scores"].as_array().unwrap();
    let sum: i64 = scores.iter().map(|score| score["points"].as_i64().unwrap()).sum();
    assert_eq!(explanation["nodes"][0]["total"], sum);
}

#[test]
fn a_recording_of_the_cluster_tells_where_pods_would_go_with_one_configuration_and_another() {
    let Some(space) = namespace("simulate") else { return };
    let file = |name: &str, content: &str| {
        let file = space.cluster().scratch(name);
        fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let recording = file("recording.json", &space.run("get nodes,pods,namespaces -A -o json"));
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: default}}\nspec: {{containers: \
             [{{name: main, image: none, resources: {{requests: {{cpu: 200m, memory: 10Mi}}}}}}]}}\n"
        )
    };
    let pods: Vec<String> = (0..3).map(|number| pod(&format!("p{number}"))).collect();
    let pods = file("pods.yaml", &pods.join("---\n"));
    let packing = file(
        "packing.yaml",
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- plugins:\n    \
         score: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]}\n  pluginConfig:\n  - name: \
         NodeResourcesFit\n    args: {scoringStrategy: {type: MostAllocated}}\n",
    );
    let simulate = ["simulate", "--snapshot", &recording, "--pods", &pods];
    let table = scheduler(&space, &simulate);
    assert!(table.contains("3 of 3 pods placed") && table.contains("default/p2"), "{table}");
    let compared = scheduler(&space, &[&simulate[..], &["--compare", &packing, "-o", "json"]].concat());
    let comparison: Value = serde_json::from_str(&compared).unwrap();
    let nodes = |which: &str| -> Vec<String> {
        let placements = comparison[which]["placements"].as_array().unwrap();
        let mut nodes: Vec<String> =
            placements.iter().map(|placement| placement["node"].as_str().unwrap().to_owned()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    };
    assert_eq!(nodes("second").len(), 1, "packed: {compared}");
    assert!(nodes("first").len() > 1, "spread: {compared}");
}
