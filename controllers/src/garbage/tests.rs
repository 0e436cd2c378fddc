use bireme_core::client::{DeleteOptions, Propagation};
use bireme_core::reconciler::ViewBuilder;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use serde_json::Value;

use super::*;
use crate::testing::*;

fn collector() -> GarbageCollector {
    let kinds = [Kind::of::<Deployment>(), Kind::of::<ReplicaSet>(), Kind::of::<Pod>(), Kind::of::<Node>()];
    GarbageCollector::new(kinds.to_vec())
}

fn view() -> ViewBuilder {
    View::builder().watching(&collector().watches())
}

fn a<K: bireme_core::object::Resource>(name: &str) -> ObjectRef {
    let namespace = Kind::of::<K>().is_namespaced().then_some("shop");
    ObjectRef::to::<K>(ObjectKey::new(namespace, name))
}

fn plan(view: ViewBuilder, target: &ObjectRef) -> Plan {
    collector().reconcile(&view.build(), target, at(0)).unwrap()
}

fn metadata(plan: &Plan, target: &ObjectRef) -> Value {
    plan.patches(target, Part::Main).into_iter().next().map_or(Value::Null, |patch| patch["metadata"].clone())
}

fn deletion(plan: &Plan) -> Option<&DeleteOptions> {
    plan.commands.iter().find_map(|command| match command {
        Command::Delete { options, .. } => Some(options),
        _ => None,
    })
}

fn owned(name: &str) -> Pod {
    pod(name).controlled_by::<ReplicaSet>("web")
}

#[test]
fn what_has_a_living_owner_stays() {
    let plan = plan(view().with(replica_set("web", 1)).with(owned("a")), &a::<Pod>("a"));
    assert!(plan.commands.is_empty() && plan.need_live.is_empty());
}

#[test]
fn an_absent_owner_is_believed_only_of_a_live_read() {
    let unsure = plan(view().with(owned("a")), &a::<Pod>("a"));
    assert_eq!(unsure.need_live, [a::<ReplicaSet>("web")]);
    assert!(unsure.commands.is_empty());

    let sure = plan(view().with(owned("a")).live_absent(a::<ReplicaSet>("web")), &a::<Pod>("a"));
    let options = deletion(&sure).unwrap();
    assert_eq!(options.preconditions.uid.as_deref(), Some("a"));
    assert!(options.preconditions.revision.is_some());
    assert_eq!(options.propagation, Some(Propagation::Background));
}

#[test]
fn an_owner_of_the_same_name_is_not_the_owner() {
    let another = replica_set("web", 1).uid("another");
    let asking = plan(view().with(another.clone()).with(owned("a")), &a::<Pod>("a"));
    assert_eq!(asking.need_live, [a::<ReplicaSet>("web")]);
    let world = view().with(another).with(owned("a")).live_as_cached(a::<ReplicaSet>("web"));
    assert_eq!(plan(world, &a::<Pod>("a")).deleted(), [&a::<Pod>("a")]);
}

#[test]
fn an_owner_of_an_unknown_kind_is_taken_to_exist() {
    let plan = plan(view().with(pod("a").controlled_by::<ConfigMap>("settings")), &a::<Pod>("a"));
    assert!(plan.commands.is_empty() && plan.need_live.is_empty());
}

#[test]
fn an_object_without_namespace_cannot_be_owned_by_one_with_a_namespace() {
    let node = Node { metadata: named_in_cluster("n"), ..Node::default() };
    let plan = plan(view().with(node.controlled_by::<ReplicaSet>("web")), &a::<Node>("n"));
    assert!(plan.commands.is_empty() && plan.need_live.is_empty());
    // The other way round it can.
    let pod = pod("a").owned_by::<Node>("n", None);
    assert_eq!(super::tests::plan(view().with(pod), &a::<Pod>("a")).need_live, [a::<Node>("n")]);
}

#[test]
fn a_second_owner_keeps_an_object_which_forgets_the_first() {
    let pod = owned("a").owned_by::<ReplicaSet>("gone", None);
    let world = view().with(replica_set("web", 1)).with(pod).live_absent(a::<ReplicaSet>("gone"));
    let plan = plan(world, &a::<Pod>("a"));
    let left = metadata(&plan, &a::<Pod>("a"));
    assert_eq!(left["ownerReferences"].as_array().unwrap().len(), 1);
    assert_eq!(left["ownerReferences"][0]["uid"], "web");
}

#[test]
fn orphans_lose_their_owner_before_it_goes() {
    let owner = replica_set("web", 2).deleting(0).finalizer(ORPHAN).finalizer("other");
    let plan = plan(view().with(owner).with(owned("a")).with(owned("b")), &a::<ReplicaSet>("web"));
    for pod in ["a", "b"] {
        assert_eq!(metadata(&plan, &a::<Pod>(pod))["ownerReferences"], json!([]));
    }
    assert_eq!(metadata(&plan, &a::<ReplicaSet>("web"))["finalizers"], json!(["other"]));
    assert_eq!(plan.commands.len(), 3);
    assert_eq!(plan.commands[2].target(), Some(&a::<ReplicaSet>("web")));
}

#[test]
fn a_foreground_deletion_waits_for_those_that_block_it() {
    let owner = || replica_set("web", 1).deleting(0).finalizer(FOREGROUND);
    let waiting = plan(view().with(owner()).with(owned("a")), &a::<ReplicaSet>("web"));
    assert!(waiting.commands.is_empty());
    let dependent = plan(view().with(owner()).with(owned("a")), &a::<Pod>("a"));
    assert_eq!(deletion(&dependent).unwrap().propagation, Some(Propagation::Background));

    let unblocking = pod("a").meta(|meta| {
        let reference = controlled(false);
        meta.owner_references = Some(vec![reference]);
    });
    let free = plan(view().with(owner()).with(unblocking), &a::<ReplicaSet>("web"));
    assert_eq!(metadata(&free, &a::<ReplicaSet>("web"))["finalizers"], json!([]));
}

fn controlled(blocking: bool) -> OwnerReference {
    let mut reference = owned("x").metadata.owner_references.unwrap().remove(0);
    reference.block_owner_deletion = Some(blocking);
    reference
}

#[test]
fn a_foreground_deletion_goes_down_level_by_level() {
    let top = deployment(1).deleting(0).finalizer(FOREGROUND);
    let middle = replica_set("set", 1).controlled_by::<Deployment>("web");
    let bottom = pod("a").controlled_by::<ReplicaSet>("set");
    let plan = plan(view().with(top).with(middle).with(bottom), &a::<ReplicaSet>("set"));
    assert_eq!(deletion(&plan).unwrap().propagation, Some(Propagation::Foreground));
}

#[test]
fn changes_concern_those_who_wait_for_them_and_nobody_else() {
    let owner = replica_set("web", 1).deleting(0).finalizer(FOREGROUND);
    let view = view().with(owner.clone()).with(owned("a")).build();
    let object = |pod: Pod| Arc::new(Object::from_typed(pod).unwrap());
    let targets = |delta| collector().targets(&view, &delta).unwrap();
    assert_eq!(targets(Delta::Deleted(object(owned("b")))), [a::<ReplicaSet>("web")]);
    let gone = Arc::new(Object::from_typed(owner).unwrap());
    assert_eq!(targets(Delta::Deleted(gone)), [a::<Pod>("a")]);
    let (old, new) = (object(owned("a")), object(owned("a").ready(0)));
    assert_eq!(targets(Delta::Updated { old, new }), []);
    assert_eq!(targets(Delta::Added(object(pod("free")))), []);
}
