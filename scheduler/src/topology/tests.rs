//! Spreading and affinity as the documentation of Kubernetes describes them.

use bireme_core::scheduler::{Decision, PodInfo, Scheduler as _, Snapshot};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::DefaultScheduler;
use crate::plugins::testing::node;

/// Two nodes in zone A, and as many others in zone B as asked for.
fn zones(in_b: usize) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let names = (1..=2).map(|number| ("A", number)).chain((3..3 + in_b).map(|number| ("B", number)));
    for (zone, number) in names {
        let name = format!("node{number}");
        let node = node(&name).label("zone", zone).label("kubernetes.io/hostname", &name);
        snapshot.put_node(node.allocatable("cpu", "64").allocatable("memory", "64Gi").build());
    }
    snapshot
}

fn pod(name: &str, labels: Value, spec: Value) -> PodInfo {
    let mut pod = json!({"metadata": {"name": name, "namespace": "default", "uid": name, "labels": labels},
        "spec": {"containers": []}});
    pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    PodInfo::new(std::sync::Arc::new(serde_json::from_value::<Pod>(pod).unwrap()))
}

fn foo(name: &str) -> PodInfo {
    pod(name, json!({"foo": "bar"}), json!({}))
}

/// The nodes that can take the pod, by name.
fn feasible(snapshot: &Snapshot, pod: &PodInfo) -> Vec<String> {
    let ranking = DefaultScheduler::new(1).ranking(snapshot, pod);
    let mut names: Vec<String> = ranking.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

fn reason(snapshot: &Snapshot, pod: &PodInfo) -> String {
    match DefaultScheduler::new(1).schedule(snapshot, pod) {
        Decision::Unschedulable(diagnosis) => diagnosis.to_string(),
        other => panic!("{other:?}"),
    }
}

fn best(snapshot: &Snapshot, pod: &PodInfo) -> String {
    match DefaultScheduler::new(1).schedule(snapshot, pod) {
        Decision::Bind { node, .. } => node,
        other => panic!("{other:?}"),
    }
}

fn spreading(constraints: Value) -> PodInfo {
    pod("mypod", json!({"foo": "bar"}), json!({"topologySpreadConstraints": constraints}))
}

fn constraint(key: &str, action: &str) -> Value {
    json!({"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": action,
        "labelSelector": {"matchLabels": {"foo": "bar"}}})
}

/// Three pods on two nodes of zone A and one of zone B, as in the documentation's first example.
fn three_pods() -> Snapshot {
    let mut snapshot = zones(2);
    for (name, node) in [("p1", "node1"), ("p2", "node2"), ("p3", "node3")] {
        snapshot.assume(foo(name), node);
    }
    snapshot
}

#[test]
fn a_pod_goes_to_the_zone_with_fewer_of_its_kind() {
    let pod = spreading(json!([constraint("zone", "DoNotSchedule")]));
    assert_eq!(feasible(&three_pods(), &pod), ["node3", "node4"]);
    let mut wider = constraint("zone", "DoNotSchedule");
    wider["maxSkew"] = 2.into();
    assert_eq!(feasible(&three_pods(), &spreading(json!([wider]))).len(), 4);
}

#[test]
fn several_constraints_must_hold_at_once_and_may_contradict_each_other() {
    let both = spreading(json!([
        constraint("zone", "DoNotSchedule"),
        constraint("kubernetes.io/hostname", "DoNotSchedule")
    ]));
    assert_eq!(feasible(&three_pods(), &both), ["node4"]);
    // Zone A: two and one; zone B: two on its only node.
    let mut snapshot = zones(1);
    for (name, node) in [("p1", "node1"), ("p2", "node1"), ("p3", "node2"), ("p4", "node3"), ("p5", "node3")]
    {
        snapshot.assume(foo(name), node);
    }
    let why = reason(&snapshot, &both);
    assert_eq!(why, "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.");
    let softer =
        json!([constraint("zone", "DoNotSchedule"), constraint("kubernetes.io/hostname", "ScheduleAnyway")]);
    assert_eq!(feasible(&snapshot, &spreading(softer)), ["node3"]);
}

#[test]
fn constraints_that_need_not_hold_decide_among_the_nodes_that_there_are() {
    let pod = spreading(json!([
        constraint("zone", "ScheduleAnyway"),
        constraint("kubernetes.io/hostname", "ScheduleAnyway")
    ]));
    assert_eq!(feasible(&three_pods(), &pod).len(), 4);
    assert_eq!(best(&three_pods(), &pod), "node4");
}

#[test]
fn nodes_without_the_label_take_no_pod_and_do_not_count() {
    let mut snapshot = three_pods();
    snapshot.put_node(node("node9").allocatable("cpu", "1").build());
    let pod = spreading(json!([constraint("zone", "DoNotSchedule")]));
    assert_eq!(feasible(&snapshot, &pod), ["node3", "node4"]);
    let why = "node(s) didn't match pod topology spread constraints (missing required label)";
    let only = spreading(json!([constraint("rack", "DoNotSchedule")]));
    assert_eq!(reason(&snapshot, &only), format!("0/5 nodes are available: 5 {why}."));
}

#[test]
fn with_too_few_domains_the_emptiest_is_taken_to_be_empty() {
    let mut constraint = constraint("zone", "DoNotSchedule");
    constraint["minDomains"] = 3.into();
    assert!(
        reason(&three_pods(), &spreading(json!([constraint])))
            .contains("4 node(s) didn't match pod topology")
    );
    constraint["minDomains"] = 2.into();
    assert_eq!(feasible(&three_pods(), &spreading(json!([constraint]))), ["node3", "node4"]);
}

#[test]
fn domains_that_the_pod_cannot_go_to_count_as_the_policies_say() {
    // Zone C is empty, but tainted, or not selected.
    let mut snapshot = three_pods();
    snapshot.put_node(
        node("tainted").label("zone", "C").taint("t", "", "NoSchedule").allocatable("cpu", "1").build(),
    );
    let counted = |policy: &str| {
        let mut constraint = constraint("zone", "DoNotSchedule");
        constraint["nodeTaintsPolicy"] = policy.into();
        feasible(&snapshot, &spreading(json!([constraint])))
    };
    assert_eq!(counted("Honor"), ["node3", "node4"]);
    assert_eq!(counted("Ignore"), Vec::<String>::new(), "zone C is the emptiest and takes nothing");

    let selecting = |policy: &str| {
        let mut constraint = constraint("zone", "DoNotSchedule");
        constraint["nodeAffinityPolicy"] = policy.into();
        let spec = json!({"nodeSelector": {"zone": "A"}, "topologySpreadConstraints": [constraint]});
        feasible(&snapshot, &pod("mypod", json!({"foo": "bar"}), spec))
    };
    assert_eq!(selecting("Honor"), ["node1", "node2"], "only zone A counts");
    assert_eq!(selecting("Ignore"), Vec::<String>::new());
}

#[test]
fn label_keys_narrow_the_count_to_pods_with_the_same_values() {
    let mut snapshot = zones(1);
    let revision =
        |name: &str, hash: &str| pod(name, json!({"foo": "bar", "pod-template-hash": hash}), json!({}));
    snapshot.assume(revision("p1", "old"), "node3");
    snapshot.assume(revision("p2", "old"), "node3");
    let mut constraint = constraint("zone", "DoNotSchedule");
    let new = |constraint: &Value| {
        let spec = json!({"topologySpreadConstraints": [constraint]});
        pod("mypod", json!({"foo": "bar", "pod-template-hash": "new"}), spec)
    };
    assert_eq!(feasible(&snapshot, &new(&constraint)), ["node1", "node2"]);
    constraint["matchLabelKeys"] = json!(["pod-template-hash"]);
    assert_eq!(feasible(&snapshot, &new(&constraint)).len(), 3);
}

#[test]
fn pods_that_are_going_or_are_elsewhere_do_not_count() {
    let mut snapshot = zones(1);
    let mut going = (**foo("p1").pod()).clone();
    going.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Default::default()));
    snapshot.assume(PodInfo::new(going.into()), "node3");
    let mut other = (**foo("p2").pod()).clone();
    other.metadata.namespace = Some("other".to_owned());
    snapshot.assume(PodInfo::new(other.into()), "node3");
    assert_eq!(feasible(&snapshot, &spreading(json!([constraint("zone", "DoNotSchedule")]))).len(), 3);
}

fn near(kind: &str, terms: Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn term(key: &str) -> Value {
    json!({"topologyKey": key, "labelSelector": {"matchLabels": {"foo": "bar"}}})
}

#[test]
fn a_pod_goes_where_its_company_is_and_nowhere_without_it() {
    let mut snapshot = zones(2);
    let wanting = pod("p", json!({"app": "web"}), near("podAffinity", json!([term("zone")])));
    assert_eq!(
        reason(&snapshot, &wanting),
        "0/4 nodes are available: 4 node(s) didn't match pod affinity rules."
    );
    snapshot.assume(foo("company"), "node1");
    assert_eq!(feasible(&snapshot, &wanting), ["node1", "node2"]);
}

#[test]
fn the_first_of_pods_that_want_each_others_company_goes_anywhere_that_has_the_label() {
    let mut snapshot = zones(2);
    snapshot.put_node(node("unlabelled").allocatable("cpu", "1").build());
    let wanting = |name: &str| pod(name, json!({"foo": "bar"}), near("podAffinity", json!([term("zone")])));
    assert_eq!(feasible(&snapshot, &wanting("p1")).len(), 4);
    snapshot.assume(wanting("p1"), "node3");
    assert_eq!(feasible(&snapshot, &wanting("p2")), ["node3", "node4"]);
}

#[test]
fn anti_affinity_holds_for_those_that_come_later_too() {
    let mut snapshot = zones(2);
    let apart = pod("p", json!({"app": "web"}), near("podAntiAffinity", json!([term("zone")])));
    snapshot.assume(foo("disliked"), "node1");
    assert_eq!(feasible(&snapshot, &apart), ["node3", "node4"]);
    snapshot.assume(apart, "node3");
    // The pod that is disliked says nothing about it itself.
    assert_eq!(feasible(&snapshot, &foo("another")), ["node1", "node2"]);
    snapshot.remove_node("node1");
    snapshot.remove_node("node2");
    let why = reason(&snapshot, &foo("another"));
    assert_eq!(why, "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.");
}

#[test]
fn preferences_of_both_sides_draw_pods_together_and_push_them_apart() {
    let preferring = |kind: &str, weight: i32| {
        let weighted = json!([{"weight": weight, "podAffinityTerm": term("kubernetes.io/hostname")}]);
        json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}})
    };
    let mut snapshot = zones(2);
    snapshot.assume(foo("company"), "node2");
    assert_eq!(best(&snapshot, &pod("p", json!({}), preferring("podAffinity", 100))), "node2");
    assert_ne!(best(&snapshot, &pod("q", json!({}), preferring("podAntiAffinity", 100))), "node2");
    snapshot.assume(pod("host", json!({}), preferring("podAffinity", 50)), "node4");
    assert_eq!(best(&snapshot, &foo("guest")), "node4", "it is liked there, though it does not know");
}

#[test]
fn terms_reach_into_other_namespaces_by_name_and_by_label() {
    let mut snapshot = zones(1);
    let mut other = (**foo("company").pod()).clone();
    other.metadata.namespace = Some("red".to_owned());
    snapshot.assume(PodInfo::new(other.into()), "node3");
    let wanting = |change: Value| {
        let mut term = term("zone");
        term.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        pod("p", json!({}), near("podAffinity", json!([term])))
    };
    assert!(feasible(&snapshot, &wanting(json!({}))).is_empty(), "its own namespace alone is meant");
    assert_eq!(feasible(&snapshot, &wanting(json!({"namespaces": ["red"]}))), ["node3"]);
    assert_eq!(feasible(&snapshot, &wanting(json!({"namespaceSelector": {}}))), ["node3"]);
    let by_label = wanting(json!({"namespaceSelector": {"matchLabels": {"team": "red"}}}));
    let mut scheduler = DefaultScheduler::new(1);
    assert!(scheduler.ranking(&snapshot, &by_label).is_empty());
    let metadata = ObjectMeta {
        name: Some("red".to_owned()),
        labels: Some([("team".to_owned(), "red".to_owned())].into()),
        ..ObjectMeta::default()
    };
    snapshot.put_namespace(&Namespace { metadata, ..Namespace::default() });
    assert_eq!(scheduler.ranking(&snapshot, &by_label).len(), 1, "what it kept is not what is true now");
}
