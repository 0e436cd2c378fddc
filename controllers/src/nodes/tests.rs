use bireme_core::reconciler::{Command, ViewBuilder};
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::api::core::v1::{NodeCondition, NodeSpec, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use serde_json::{Value, json};

use super::*;
use crate::testing::*;

fn lifecycle() -> NodeLifecycle {
    NodeLifecycle::new(NodeTimings::default(), at(-10_000))
}

fn view() -> ViewBuilder {
    View::builder().watching(&lifecycle().watches())
}

fn node(name: &str, ready: &str) -> Node {
    let ready = NodeCondition {
        type_: "Ready".into(),
        status: ready.into(),
        last_heartbeat_time: Some(Time(at(-500))),
        last_transition_time: Some(Time(at(-500))),
        ..NodeCondition::default()
    };
    let mut node = Node { metadata: named_in_cluster(name), ..Node::default() };
    node.status.get_or_insert_default().conditions = Some(vec![ready]);
    node
}

fn tainted(mut node: Node, key: &str, effect: &str, added: Option<i64>) -> Node {
    let taint = Taint {
        key: key.into(),
        effect: effect.into(),
        time_added: added.map(|added| Time(at(added))),
        value: None,
    };
    node.spec.get_or_insert_with(NodeSpec::default).taints.get_or_insert_default().push(taint);
    node
}

fn unreachable(name: &str) -> Node {
    let node = tainted(silent(name), "node.kubernetes.io/unreachable", "NoSchedule", Some(-60));
    tainted(node, "node.kubernetes.io/unreachable", "NoExecute", Some(-60))
}

/// One that is known to be silent.
fn silent(name: &str) -> Node {
    health::silenced(&node(name, "True"), at(-60))
}

fn lease(name: &str, renewed: i64) -> Lease {
    let metadata = ObjectMeta {
        name: Some(name.into()),
        namespace: Some(LEASE_NAMESPACE.into()),
        ..ObjectMeta::default()
    };
    let renew_time = Some(MicroTime(at(renewed)));
    Lease { metadata, spec: Some(LeaseSpec { renew_time, ..LeaseSpec::default() }) }
}

fn tolerating(pod: Pod, key: &str, seconds: Option<i64>) -> Pod {
    let mut pod = pod;
    let toleration = Toleration {
        key: Some(key.into()),
        operator: Some("Exists".into()),
        effect: Some("NoExecute".into()),
        toleration_seconds: seconds,
        value: None,
    };
    pod.spec.get_or_insert_default().tolerations.get_or_insert_default().push(toleration);
    pod
}

fn plan(view: ViewBuilder) -> Plan {
    lifecycle().reconcile(&view.build(), &node_ref("n"), at(0)).unwrap()
}

fn taints(plan: &Plan) -> Vec<(String, String)> {
    let patch = plan.patches(&node_ref("n"), Part::Main).into_iter().next().unwrap_or_default();
    let taints = patch["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| {
        value.as_str().unwrap_or_default().trim_start_matches("node.kubernetes.io/").to_owned()
    };
    taints.iter().map(|taint| (text(&taint["key"]), text(&taint["effect"]))).collect()
}

fn deleted(plan: &Plan) -> Vec<(&str, Option<i64>)> {
    let deletes = plan.commands.iter().filter_map(|command| match command {
        Command::Delete { target, options, .. } => Some((target.key.name(), options.grace_period_seconds)),
        _ => None,
    });
    deletes.collect()
}

#[test]
fn a_node_that_renews_its_lease_is_looked_at_again_when_it_would_be_overdue() {
    let plan = plan(view().with(node("n", "True")).with(lease("n", -10)));
    assert!(plan.commands.is_empty());
    assert_eq!(plan.requeue_at, Some(at(30)));
}

#[test]
fn a_silent_node_becomes_unknown() {
    let plan = plan(view().with(node("n", "True")).with(lease("n", -40)));
    let status = &plan.patches(&node_ref("n"), Part::Status)[0]["status"]["conditions"];
    let states: Vec<_> = status.as_array().unwrap().iter().map(|condition| &condition["status"]).collect();
    assert_eq!(states, [&json!("Unknown"); 4]);
    assert_eq!(status[0]["reason"], "NodeStatusUnknown");
    assert_eq!(status[1]["reason"], "NodeStatusNeverUpdated");
    assert_eq!(plan.recorded(), ["NodeNotReady"]);
}

#[test]
fn silence_does_not_count_from_before_anybody_listened() {
    let fresh = NodeLifecycle::new(NodeTimings::default(), at(-5));
    let view = view().with(node("n", "True")).with(lease("n", -3600)).build();
    let plan = fresh.reconcile(&view, &node_ref("n"), at(0)).unwrap();
    assert!(plan.commands.is_empty());
    assert_eq!(plan.requeue_at, Some(at(35)));
}

#[test]
fn a_node_that_never_spoke_has_longer() {
    let mute = || Node { metadata: named_in_cluster("n"), ..Node::default() }.created(-50);
    assert!(plan(view().with(mute())).patches(&node_ref("n"), Part::Status).is_empty());
    assert!(!plan(view().with(mute().created(-60))).patches(&node_ref("n"), Part::Status).is_empty());
}

#[test]
fn taints_follow_the_conditions_and_spare_those_of_others() {
    let both =
        |key: &str| vec![(key.to_owned(), "NoSchedule".to_owned()), (key.to_owned(), "NoExecute".to_owned())];
    let well = || view().with(node("other", "True")).with(lease("n", 0));
    assert_eq!(taints(&plan(well().with(node("n", "False")))), both("not-ready"));
    assert_eq!(taints(&plan(well().with(silent("n")))), both("unreachable"));

    let recovered = tainted(unreachable("n"), "mine", "NoExecute", Some(-5));
    let recovered = Node { status: node("n", "True").status, ..recovered };
    assert_eq!(taints(&plan(well().with(recovered))), [("mine".to_owned(), "NoExecute".to_owned())]);

    let mut cordoned = node("n", "True");
    cordoned.spec.get_or_insert_default().unschedulable = Some(true);
    assert_eq!(taints(&plan(well().with(cordoned))), [("unschedulable".to_owned(), "NoSchedule".to_owned())]);
    assert!(plan(well().with(unreachable("n"))).patches(&node_ref("n"), Part::Main).is_empty());
}

#[test]
fn when_no_other_node_is_well_nothing_is_evicted() {
    let cut_off = plan(view().with(silent("n")).with(silent("other")).with(lease("n", -60)));
    assert_eq!(taints(&cut_off), [("unreachable".to_owned(), "NoSchedule".to_owned())]);
}

#[test]
fn pods_of_an_unreachable_node_are_not_ready_and_leave_when_they_tolerate_it_no_longer() {
    let key = "node.kubernetes.io/unreachable";
    let world = view()
        .with(unreachable("n"))
        .with(node("other", "True"))
        .with(pod("intolerant").on("n").ready(-500))
        .with(tolerating(pod("patient"), key, Some(300)).on("n"))
        .with(tolerating(pod("worn-out"), key, Some(60)).on("n"))
        .with(tolerating(pod("daemon"), key, None).on("n"))
        .with(pod("elsewhere").on("other"));
    let plan = plan(world);
    assert_eq!(deleted(&plan), [("intolerant", None), ("worn-out", None)]);
    assert_eq!(plan.requeue_at, Some(at(240)));
    let intolerant = ObjectRef::to::<Pod>(ObjectKey::namespaced("shop", "intolerant"));
    let patch = &plan.patches(&intolerant, Part::Status)[0];
    assert_eq!(patch["status"]["conditions"][0]["status"], "False");
}

#[test]
fn a_taint_without_a_time_gets_one_to_count_from() {
    let node = tainted(node("n", "True"), "mine", "NoExecute", None);
    let plan =
        plan(view().with(node).with(lease("n", 0)).with(tolerating(pod("a"), "mine", Some(30)).on("n")));
    let patch = &plan.patches(&node_ref("n"), Part::Main)[0];
    assert!(patch["spec"]["taints"][0]["timeAdded"].is_string());
    assert_eq!(deleted(&plan), []);
}

#[test]
fn when_few_nodes_are_well_the_health_of_each_concerns_all() {
    let object = |node: Node| std::sync::Arc::new(bireme_core::object::Object::from_typed(node).unwrap());
    let concerned = |names: &[&str]| {
        let view =
            names.iter().fold(view(), |view, name| view.with(node(name, "True"))).with(node("n", "False"));
        let delta = Delta::Updated { old: object(node("n", "True")), new: object(node("n", "False")) };
        let mut targets = lifecycle().targets(&view.build(), &delta).unwrap();
        targets.sort();
        targets.dedup();
        targets.len()
    };
    assert_eq!((concerned(&["a"]), concerned(&["a", "b"]), concerned(&["a", "b", "c"])), (2, 3, 1));
}

#[test]
fn a_pod_stuck_on_an_unreachable_node_is_removed_after_a_while() {
    let world = view()
        .with(unreachable("n"))
        .with(pod("stuck").on("n").deleting(-300))
        .with(pod("ending").on("n").deleting(-299));
    let plan = plan(world);
    assert_eq!(deleted(&plan), [("stuck", Some(0))]);
    assert_eq!(plan.requeue_at, Some(at(1)));
}

#[test]
fn pods_of_a_node_that_is_gone_for_sure_are_removed() {
    let world = || view().with(pod("a").on("n")).with(pod("b").on("m"));
    assert_eq!(plan(world()).need_live, [node_ref("n")]);
    assert_eq!(deleted(&plan(world().live_absent(node_ref("n")))), [("a", Some(0))]);
}

#[test]
fn tolerations_match_by_key_effect_and_value() {
    let taint =
        Taint { key: "k".into(), effect: "NoExecute".into(), value: Some("v".into()), time_added: None };
    for (toleration, expected) in [
        (json!({"operator": "Exists"}), true),
        (json!({"key": "k", "operator": "Exists"}), true),
        (json!({"key": "k", "value": "v"}), true),
        (json!({"key": "k", "operator": "Equal", "value": "w"}), false),
        (json!({"key": "k", "value": "v", "effect": "NoSchedule"}), false),
        (json!({"key": "other", "operator": "Exists"}), false),
        (json!({"value": "v"}), false),
    ] {
        let parsed: Toleration = serde_json::from_value(toleration.clone()).unwrap();
        assert_eq!(taints::tolerates(&parsed, &taint), expected, "{toleration}");
    }
}
