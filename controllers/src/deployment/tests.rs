use bireme_core::client::Part;
use bireme_core::reconciler::ViewBuilder;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::bounds::Bounds;
use super::*;
use crate::testing::*;

fn target() -> ObjectRef {
    ObjectRef::to::<Deployment>(ObjectKey::namespaced("shop", "web"))
}

fn view() -> ViewBuilder {
    View::builder().watching(&Deployments.watches())
}

fn plan_at(view: ViewBuilder, seconds: i64) -> Plan {
    Deployments.reconcile(&view.build(), &target(), at(seconds)).unwrap()
}

fn plan(view: ViewBuilder) -> Plan {
    plan_at(view, 0)
}

/// A ReplicaSet of the Deployment, as it is in the middle of things.
fn set(name: &str, image: &str, revision: i64, replicas: i32, available: i32) -> ReplicaSet {
    let set = replica_set(name, replicas).image(image).observed(replicas, available);
    set.controlled_by::<Deployment>("web")
        .annotation("deployment.kubernetes.io/revision", &revision.to_string())
        .created(revision - 1000)
}

/// The same, noted to have been scaled for so many replicas, surge included.
fn scaled_for(set: ReplicaSet, desired: i32, maximum: i32) -> ReplicaSet {
    set.annotation("deployment.kubernetes.io/desired-replicas", &desired.to_string())
        .annotation("deployment.kubernetes.io/max-replicas", &maximum.to_string())
}

fn patch(plan: &Plan, set: &str) -> Value {
    let set = ObjectRef::to::<ReplicaSet>(ObjectKey::namespaced("shop", set));
    plan.patches(&set, Part::Main).into_iter().next().unwrap_or(Value::Null)
}

fn replicas(plan: &Plan, set: &str) -> Option<i64> {
    patch(plan, set)["spec"]["replicas"].as_i64()
}

fn status(plan: &Plan) -> Value {
    plan.patches(&target(), Part::Status)
        .into_iter()
        .next()
        .map_or(Value::Null, |patch| patch["status"].clone())
}

fn condition(plan: &Plan, type_: &str) -> Value {
    let status = status(plan);
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or(Value::Null)
}

/// The Deployment with the revision that it already carries, so that its status can be written.
fn numbered(deployment: Deployment, revision: i64) -> Deployment {
    deployment.annotation("deployment.kubernetes.io/revision", &revision.to_string())
}

fn progressing(reason: &str, updated: i64) -> DeploymentCondition {
    DeploymentCondition {
        type_: "Progressing".into(),
        status: "True".into(),
        reason: Some(reason.into()),
        last_update_time: Some(Time(at(updated))),
        last_transition_time: Some(Time(at(updated))),
        ..DeploymentCondition::default()
    }
}

fn with_condition(mut deployment: Deployment, condition: DeploymentCondition) -> Deployment {
    let status: &mut DeploymentStatus = deployment.status.get_or_insert_default();
    status.conditions.get_or_insert_default().push(condition);
    deployment
}

#[test]
fn bounds_round_surge_up_and_unavailability_down_and_never_stand_still() {
    let percent = |text: &str| IntOrString::String(text.to_owned());
    let number = IntOrString::Int;
    for (surge, unavailable, replicas, expected) in [
        (percent("25%"), percent("25%"), 10, (3, 2)),
        (percent("25%"), percent("25%"), 3, (1, 0)),
        (number(0), percent("10%"), 5, (0, 1)),
        (number(2), number(20), 5, (2, 5)),
        (percent("100%"), number(0), 4, (4, 0)),
    ] {
        let bounds = Bounds::of(&deployment(replicas).rolling(surge, unavailable), replicas);
        assert_eq!((bounds.surge, bounds.unavailable), expected);
    }
    let none = Bounds::of(&deployment(4).recreating(), 4);
    assert_eq!((none.surge, none.unavailable), (0, 0));
}

#[test]
fn a_first_rollout_makes_one_set_with_all_pods() {
    let plan = plan(view().with(deployment(3).annotation("kubernetes.io/change-cause", "first")));
    let created = plan.created::<ReplicaSet>();
    let [set] = created.as_slice() else { panic!("{created:?}") };
    let hash = set.metadata.labels.as_ref().unwrap()["pod-template-hash"].clone();
    assert_eq!(set.metadata.name, Some(format!("web-{hash}")));
    let annotations = set.metadata.annotations.clone().unwrap();
    for (key, value) in [
        ("deployment.kubernetes.io/revision", "1"),
        ("deployment.kubernetes.io/desired-replicas", "3"),
        ("deployment.kubernetes.io/max-replicas", "4"),
        ("kubernetes.io/change-cause", "first"),
    ] {
        assert_eq!(annotations[key], value);
    }
    let spec = set.spec.as_ref().unwrap();
    assert_eq!(spec.replicas, Some(3));
    assert_eq!(spec.selector.match_labels.as_ref().unwrap()["pod-template-hash"], hash);
    let template = spec.template.as_ref().unwrap().metadata.as_ref().unwrap();
    assert_eq!(template.labels.as_ref().unwrap()["pod-template-hash"], hash);
    assert_eq!(plan.recorded(), ["ScalingReplicaSet"]);
    assert_eq!(condition(&plan, "Progressing")["reason"], "NewReplicaSetCreated");
    assert_eq!(condition(&plan, "Available")["status"], "False");
}

#[test]
fn a_taken_name_raises_the_collision_count_and_changes_the_hash() {
    let first = plan(view().with(deployment(1)));
    let name = first.created::<ReplicaSet>()[0].metadata.name.clone().unwrap();
    let squatter = || replica_set(&name, 1).label("app", "other");
    let collided = plan(view().with(deployment(1)).with(squatter()));
    assert!(collided.created::<ReplicaSet>().is_empty());
    assert_eq!(status(&collided)["collisionCount"], 1);

    let mut counted = deployment(1);
    counted.status = Some(DeploymentStatus { collision_count: Some(1), ..DeploymentStatus::default() });
    let second = plan(view().with(counted).with(squatter()));
    assert_ne!(second.created::<ReplicaSet>()[0].metadata.name, Some(name));
}

#[test]
fn the_new_set_grows_into_the_surge_and_the_old_shrinks_to_the_minimum() {
    let rolling = || numbered(deployment(10).image("v2"), 2);
    // Three of surge: the new set may have three as long as the old one has ten.
    let grown =
        plan(view().with(rolling()).with(set("old", "v1", 1, 10, 10)).with(set("new", "v2", 2, 0, 0)));
    assert_eq!((replicas(&grown, "new"), replicas(&grown, "old")), (Some(3), None));
    // Two may be unavailable: eight of thirteen must be, and ten are.
    let shrunk =
        plan(view().with(rolling()).with(set("old", "v1", 1, 10, 10)).with(set("new", "v2", 2, 3, 0)));
    assert_eq!((replicas(&shrunk, "new"), replicas(&shrunk, "old")), (None, Some(8)));
}

#[test]
fn a_pod_counts_until_its_set_says_that_it_is_gone() {
    let rolling = numbered(deployment(10).image("v2"), 2);
    // The old set shall have eight, but still has ten: no room for more new ones, and none to spare.
    let mut old = set("old", "v1", 1, 8, 8);
    old.status.as_mut().unwrap().replicas = 10;
    old.status.as_mut().unwrap().available_replicas = Some(10);
    let plan = plan(view().with(rolling).with(old).with(set("new", "v2", 2, 3, 0)));
    assert_eq!((replicas(&plan, "new"), replicas(&plan, "old")), (None, None));
}

#[test]
fn nothing_grows_or_shrinks_before_every_set_has_seen_its_last_change() {
    let rolling = || numbered(deployment(3).image("v3"), 2);
    // The interrupted set was to have one pod, and may have it: it has not been heard of since that was taken back.
    let interrupted = || set("interrupted", "v2", 2, 0, 0);
    let old = || set("old", "v1", 1, 3, 3);
    let unseen = interrupted().meta(|meta| meta.generation = Some(2));
    let waiting = plan(view().with(rolling()).with(old()).with(unseen));
    assert!(waiting.created::<ReplicaSet>().is_empty() && waiting.recorded().is_empty());
    let seen = plan(view().with(rolling()).with(old()).with(interrupted()));
    assert_eq!(seen.created::<ReplicaSet>()[0].spec.as_ref().unwrap().replicas, Some(1));
}

#[test]
fn old_pods_that_serve_nobody_go_first() {
    let rolling = numbered(deployment(4).image("v3").rolling(IntOrString::Int(1), IntOrString::Int(1)), 3);
    let sets = [set("a", "v1", 1, 3, 3), set("b", "v2", 2, 1, 0), set("new", "v3", 3, 1, 0)];
    let plan = plan(view().with(rolling).with_all(sets));
    assert_eq!((replicas(&plan, "a"), replicas(&plan, "b"), replicas(&plan, "new")), (None, Some(0), None));
}

#[test]
fn recreation_waits_for_the_last_old_pod() {
    let recreating = || numbered(deployment(2).image("v2").recreating(), 1);
    let stopping = plan(view().with(recreating()).with(set("old", "v1", 1, 2, 2)));
    assert_eq!(replicas(&stopping, "old"), Some(0));
    assert!(stopping.created::<ReplicaSet>().is_empty());

    let last = pod("last").controlled_by::<ReplicaSet>("old").deleting(30);
    let waiting = plan(view().with(recreating()).with(set("old", "v1", 1, 0, 0)).with(last));
    assert!(waiting.created::<ReplicaSet>().is_empty());

    let gone = plan(view().with(recreating()).with(set("old", "v1", 1, 0, 0)));
    assert_eq!(gone.created::<ReplicaSet>()[0].spec.as_ref().unwrap().replicas, Some(2));
}

#[test]
fn going_back_reuses_the_old_set_under_a_new_revision() {
    let back = deployment(3).annotation("deployment.kubernetes.io/revision", "2");
    let plan = plan(view().with(back).with(set("one", "v1", 1, 0, 0)).with(set("two", "v2", 2, 3, 3)));
    assert!(plan.created::<ReplicaSet>().is_empty());
    let annotations = &patch(&plan, "one")["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
    assert_eq!(annotations["deployment.kubernetes.io/revision-history"], "1");
    assert_eq!(replicas(&plan, "one"), Some(1));
    let own = &plan.patches(&target(), Part::Main)[0]["metadata"]["annotations"];
    assert_eq!(own["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn a_paused_deployment_rolls_nothing_out_but_scales() {
    let paused = numbered(deployment(6).image("v2").spec(|spec| spec.paused = Some(true)), 1);
    let plan = plan(view().with(paused).with(scaled_for(set("one", "v1", 1, 4, 4), 4, 5)));
    assert!(plan.created::<ReplicaSet>().is_empty());
    assert_eq!(replicas(&plan, "one"), Some(6));
    assert_eq!(condition(&plan, "Progressing")["reason"], "DeploymentPaused");
}

#[test]
fn scaling_in_the_middle_of_a_rollout_keeps_the_proportion() {
    let scaled = |replicas| {
        numbered(deployment(replicas).image("v2").rolling(IntOrString::Int(3), IntOrString::Int(2)), 2)
    };
    let old = || scaled_for(set("old", "v1", 1, 8, 8), 10, 13);
    let new = || scaled_for(set("new", "v2", 2, 5, 0), 10, 13);
    // 13 become 18: the old share of 5 is 3.08, the new one's 1.92.
    let up = plan(view().with(scaled(15)).with(old()).with(new()));
    assert_eq!((replicas(&up, "old"), replicas(&up, "new")), (Some(11), Some(7)));
    // 13 become 8.
    let down = plan(view().with(scaled(5)).with(old()).with(new()));
    assert_eq!((replicas(&down, "old"), replicas(&down, "new")), (Some(5), Some(3)));
    let none = plan(view().with(scaled(0)).with(old()).with(new()));
    assert_eq!((replicas(&none, "old"), replicas(&none, "new")), (Some(0), Some(0)));
}

#[test]
fn a_complete_rollout_says_so_and_keeps_only_the_history_that_is_wanted() {
    let limited = numbered(deployment(2).image("v4").spec(|spec| spec.revision_history_limit = Some(1)), 4);
    let sets = [
        set("a", "v1", 1, 0, 0),
        set("b", "v2", 2, 0, 0),
        set("c", "v3", 3, 0, 0),
        scaled_for(set("d", "v4", 4, 2, 2), 2, 3),
    ];
    let plan = plan(view().with(limited).with_all(sets));
    let deleted: Vec<_> = plan.deleted().into_iter().map(|object| object.key.name()).collect();
    assert_eq!(deleted, ["a", "b"]);
    assert_eq!(condition(&plan, "Progressing")["reason"], "NewReplicaSetAvailable");
    assert_eq!(condition(&plan, "Available")["status"], "True");
    let status = status(&plan);
    for (count, value) in
        [("replicas", 2), ("updatedReplicas", 2), ("availableReplicas", 2), ("observedGeneration", 1)]
    {
        assert_eq!(status[count], value, "{count}");
    }
}

#[test]
fn a_rollout_that_does_not_come_on_is_told_so_at_its_deadline() {
    let stuck = || {
        let stuck = numbered(deployment(2).image("v2"), 2);
        with_condition(stuck, progressing("ReplicaSetUpdated", 0))
    };
    let mut known = stuck();
    let sets = || [scaled_for(set("old", "v1", 1, 2, 2), 2, 3), scaled_for(set("new", "v2", 2, 1, 0), 2, 3)];
    // What has been observed already is no progress.
    let status = known.status.as_mut().unwrap();
    (status.replicas, status.updated_replicas, status.ready_replicas) = (Some(3), Some(1), Some(2));
    status.available_replicas = Some(2);
    let before = plan_at(view().with(known.clone()).with_all(sets()), 599);
    assert_eq!(before.requeue_at, Some(at(600)));
    let after = plan_at(view().with(known).with_all(sets()), 600);
    let told = condition(&after, "Progressing");
    assert_eq!(
        (told["status"].as_str(), told["reason"].as_str()),
        (Some("False"), Some("ProgressDeadlineExceeded"))
    );
}

#[test]
fn nothing_is_planned_when_all_is_as_it_should_be() {
    let deployment = numbered(deployment(2), 1);
    let set = || scaled_for(set("one", "v1", 1, 2, 2), 2, 3);
    let first = plan(view().with(deployment.clone()).with(set()));
    let written: DeploymentStatus = serde_json::from_value(status(&first)).unwrap();
    let mut settled = deployment;
    settled.status = Some(written);
    let again = plan_at(view().with(settled).with(set()), 5);
    assert!(again.commands.is_empty() && again.requeue_at.is_none(), "{again:?}");
}
