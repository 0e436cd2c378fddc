use bireme_core::cache::Delta;
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::reconciler::{Failure, Verb, ViewBuilder};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ReplicationController, ReplicationControllerSpec};
use serde_json::{Value, json};

use super::*;
use crate::testing::*;

fn reconciler() -> Replicas<ReplicaSet> {
    Replicas::new()
}

fn target() -> ObjectRef {
    ObjectRef::to::<ReplicaSet>(ObjectKey::namespaced("shop", "web"))
}

fn view() -> ViewBuilder {
    View::builder().watching(&reconciler().watches())
}

fn plan(view: ViewBuilder) -> Plan {
    reconciler().reconcile(&view.build(), &target(), at(0)).unwrap()
}

fn owned(name: &str) -> Pod {
    pod(name).controlled_by::<ReplicaSet>("web")
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.deleted().into_iter().map(|object| object.key.name()).collect()
}

fn status(plan: &Plan) -> Value {
    plan.patches(&target(), Part::Status)
        .into_iter()
        .next()
        .map_or(Value::Null, |patch| patch["status"].clone())
}

#[test]
fn missing_pods_are_created_from_the_template_and_owned() {
    let plan = plan(view().with(replica_set("web", 3)).with(owned("a")));
    let created = plan.created::<Pod>();
    assert_eq!(created.len(), 2);
    let metadata = &created[0].metadata;
    assert_eq!(metadata.generate_name.as_deref(), Some("web-"));
    assert_eq!(metadata.labels, Some(labels(&[("app", "web")])));
    let owner = &metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.uid.as_str(), owner.controller), ("web", Some(true)));
    assert_eq!(created[0].spec, template("v1").spec);
}

#[test]
fn pods_that_ended_or_terminate_do_not_count() {
    let pods =
        [owned("a").phase("Failed"), owned("b").deleting(30), owned("c").phase("Succeeded"), owned("d")];
    let plan = plan(view().with(replica_set("web", 2)).with_all(pods));
    assert_eq!((plan.created::<Pod>().len(), deleted(&plan).len()), (1, 0));
    assert_eq!(status(&plan)["replicas"], 1);
}

#[test]
fn the_least_useful_pods_go_first() {
    let ranked = [
        owned("01-unassigned"),
        owned("02-pending").on("n1"),
        owned("03-not-ready").on("n1").phase("Running"),
        owned("04-cheap").on("n1").ready(-900).annotation("controller.kubernetes.io/pod-deletion-cost", "-5"),
        owned("05-crowded").on("n1").ready(-900),
        owned("06-ready-last").on("n2").ready(-10),
        owned("07-newest").on("n2").ready(-100).created(-200),
        owned("08-oldest").on("n2").ready(-100).created(-300),
    ];
    let names: Vec<String> = ranked.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect();
    for keep in 0..ranked.len() {
        let set = replica_set("web", i32::try_from(keep).unwrap());
        let plan = plan(view().with(set).with_all(ranked.clone().into_iter().rev()));
        assert_eq!(deleted(&plan), names[..names.len() - keep], "keeping {keep}");
    }
}

#[test]
fn siblings_under_one_deployment_are_spread_together() {
    let sibling = replica_set("sibling", 2).controlled_by::<k8s_openapi::api::apps::v1::Deployment>("d");
    let set = replica_set("web", 1).controlled_by::<k8s_openapi::api::apps::v1::Deployment>("d");
    let mine = [owned("a").on("n1").ready(-50), owned("b").on("n2").ready(-50)];
    let theirs =
        [1, 2].map(|n| pod(&format!("s{n}")).controlled_by::<ReplicaSet>("sibling").on("n2").ready(-50));
    let plan = plan(view().with(sibling).with(set).with_all(mine).with_all(theirs));
    assert_eq!(deleted(&plan), ["b"]);
}

#[test]
fn a_free_pod_is_adopted_only_after_a_live_read_of_the_set() {
    let world = || view().with(replica_set("web", 1)).with(pod("free"));
    assert_eq!(plan(world()).need_live, [target()]);

    let adopting = plan(world().live_as_cached(target()));
    let free = ObjectRef::to::<Pod>(ObjectKey::namespaced("shop", "free"));
    let patch = &adopting.patches(&free, Part::Main)[0];
    assert_eq!(patch["metadata"]["ownerReferences"][0]["uid"], "web");
    assert_eq!(patch["metadata"]["resourceVersion"], "2");
    assert!(adopting.created::<Pod>().is_empty());

    let alone = plan(world().live_absent(target()));
    assert!(alone.patches(&free, Part::Main).is_empty());
}

#[test]
fn a_pod_that_no_longer_matches_is_let_go() {
    let strayed = owned("strayed").label("app", "other");
    let plan = plan(view().with(replica_set("web", 1)).with(strayed));
    let strayed = ObjectRef::to::<Pod>(ObjectKey::namespaced("shop", "strayed"));
    assert_eq!(plan.patches(&strayed, Part::Main)[0]["metadata"]["ownerReferences"], json!([]));
}

#[test]
fn a_set_on_its_way_out_neither_creates_nor_adopts() {
    let plan = plan(view().with(replica_set("web", 3).deleting(0)).with(pod("free")));
    assert!(plan.created::<Pod>().is_empty() && plan.need_live.is_empty());
}

#[test]
fn the_status_counts_and_is_not_written_twice() {
    let pods = [owned("a").ready(-20), owned("b").ready(-5), owned("c").phase("Running")];
    let set = replica_set("web", 3).min_ready(10);
    let first = plan(view().with(set.clone()).with_all(pods.clone()));
    let expected = json!({
        "replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 2, "availableReplicas": 1, "observedGeneration": 1,
    });
    assert_eq!(status(&first), expected);
    assert_eq!(first.requeue_at, Some(at(5)));

    let known = ReplicaStatus {
        replicas: 3,
        fully_labeled: 3,
        ready: 2,
        available: 1,
        observed_generation: Some(1),
        conditions: Vec::new(),
    };
    let again = plan(view().with(set.with_status(known)).with_all(pods));
    assert!(again.commands.is_empty(), "{again:?}");
}

#[test]
fn a_failed_creation_shows_in_the_status_until_it_works() {
    let failure = || Failure {
        verb: Verb::Create,
        kind: Kind::of::<Pod>(),
        error: ApiError::new(Reason::Forbidden, "exceeded quota"),
    };
    let failing = plan(view().with(replica_set("web", 1)).after_failure(failure()));
    let condition = &status(&failing)["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&json!("ReplicaFailure"), &json!("FailedCreate"))
    );
    assert_eq!(condition["message"], "exceeded quota");
    assert_eq!(failing.created::<Pod>().len(), 1);

    let condition: Condition = Condition {
        type_: "ReplicaFailure".into(),
        status: "True".into(),
        reason: Some("FailedCreate".into()),
        message: None,
        last_transition_time: None,
    };
    let failed = replica_set("web", 1)
        .with_status(ReplicaStatus { conditions: vec![condition], ..Default::default() });
    let recovered = plan(view().with(failed).with(owned("a")));
    assert_eq!(status(&recovered)["conditions"], Value::Null);
    assert!(status(&recovered).as_object().unwrap().contains_key("conditions"));
}

#[test]
fn a_pod_concerns_its_set_before_and_after_and_a_free_one_those_that_select_it() {
    let view = view().with(replica_set("web", 1)).with(replica_set("other", 1)).build();
    let object = |pod: Pod| std::sync::Arc::new(Object::from_typed(pod).unwrap());
    let names = |delta: &Delta| -> Vec<String> {
        let targets = reconciler().targets(&view, delta).unwrap();
        targets.into_iter().map(|target| target.key.name().to_owned()).collect()
    };
    let (mine, free) = (object(owned("a")), object(pod("a")));
    assert_eq!(names(&Delta::Deleted(mine.clone())), ["web"]);
    assert_eq!(names(&Delta::Added(free.clone())), ["other", "web"]);
    assert_eq!(names(&Delta::Updated { old: free.clone(), new: free.clone() }), [""; 0]);
    assert_eq!(names(&Delta::Updated { old: free, new: mine }), ["web"]);
}

#[test]
fn replication_controllers_select_by_plain_labels() {
    let controller = ReplicationController {
        metadata: named("web"),
        spec: Some(ReplicationControllerSpec {
            replicas: Some(2),
            selector: Some(labels(&[("app", "web")])),
            template: Some(template("v1")),
            min_ready_seconds: None,
        }),
        status: None,
    };
    let reconciler = Replicas::<ReplicationController>::new();
    let pods = [pod("a").controlled_by::<ReplicationController>("web")];
    let view = View::builder().watching(&reconciler.watches()).with(controller).with_all(pods).build();
    let target = ObjectRef::to::<ReplicationController>(ObjectKey::namespaced("shop", "web"));
    let plan = reconciler.reconcile(&view, &target, at(0)).unwrap();
    assert_eq!(plan.created::<Pod>().len(), 1);
    assert_eq!(
        plan.created::<Pod>()[0].metadata.owner_references.as_ref().unwrap()[0].kind,
        "ReplicationController"
    );
}
