use bireme_core::client::Part;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::reconciler::{Command, Plan, Reconciler, View, ViewBuilder};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, NamespaceSpec, Pod, ServiceAccount};
use serde_json::{Value, json};

use super::*;
use crate::testing::*;

fn deletion() -> NamespaceDeletion {
    NamespaceDeletion::new(&[
        Kind::of::<Pod>(),
        Kind::of::<ConfigMap>(),
        Kind::of::<Event>(),
        Kind::of::<Namespace>(),
    ])
}

fn shop() -> Namespace {
    let finalizers = Some(vec!["kubernetes".to_owned()]);
    Namespace { metadata: named_in_cluster("shop"), spec: Some(NamespaceSpec { finalizers }), status: None }
}

fn settings(name: &str) -> ConfigMap {
    ConfigMap { metadata: named(name), ..ConfigMap::default() }
}

fn view() -> ViewBuilder {
    View::builder().watching(&deletion().watches())
}

fn plan(view: ViewBuilder) -> Plan {
    deletion().reconcile(&view.build(), &namespace("shop"), at(0)).unwrap()
}

fn read_live(view: ViewBuilder) -> ViewBuilder {
    view.live_list_as_cached(Kind::of::<Pod>(), "shop").live_list_as_cached(Kind::of::<ConfigMap>(), "shop")
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.deleted().into_iter().map(|object| object.key.name()).collect()
}

fn condition(plan: &Plan, type_: &str) -> Value {
    let patch = plan.patches(&namespace("shop"), Part::Status).into_iter().next().unwrap_or_default();
    let conditions = patch["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}

#[test]
fn a_living_namespace_is_left_alone() {
    assert!(plan(view().with(shop()).with(pod("a"))).commands.is_empty());
}

#[test]
fn pods_go_first_and_what_goes_already_is_not_told_again() {
    let world =
        view().with(shop().deleting(0)).with(pod("a")).with(pod("b").deleting(30)).with(settings("c"));
    let plan = plan(world);
    assert_eq!(deleted(&plan), ["a"]);
    let remaining = condition(&plan, "NamespaceContentRemaining");
    assert_eq!(remaining["status"], "True");
    let told =
        "Some resources are remaining: configmaps. has 1 resource instances, pods. has 2 resource instances";
    assert_eq!(remaining["message"], told);
}

#[test]
fn the_rest_follows_and_finalizers_are_told() {
    let plan = plan(
        view().with(shop().deleting(0)).with(settings("a")).with(settings("b").finalizer("x/y").deleting(0)),
    );
    assert_eq!(deleted(&plan), ["a"]);
    let finalizers = condition(&plan, "NamespaceFinalizersRemaining");
    assert_eq!(
        (&finalizers["status"], &finalizers["reason"]),
        (&json!("True"), &json!("SomeFinalizersRemain"))
    );
}

#[test]
fn an_empty_namespace_is_read_live_told_and_then_let_go() {
    let asking = plan(view().with(shop().deleting(0)));
    let lists = [(Kind::of::<Pod>(), "shop".to_owned()), (Kind::of::<ConfigMap>(), "shop".to_owned())];
    assert_eq!(asking.need_live_lists, lists);

    let telling = plan(read_live(view().with(shop().deleting(0))));
    assert_eq!(condition(&telling, "NamespaceContentRemaining")["reason"], "ContentRemoved");
    assert!(telling.patches(&namespace("shop"), Part::Finalize).is_empty());

    let mut told = shop().deleting(0);
    let patch = telling.patches(&namespace("shop"), Part::Status).remove(0);
    told.status = serde_json::from_value(patch["status"].clone()).unwrap();
    let freeing = plan(read_live(view().with(told)));
    assert_eq!(freeing.patches(&namespace("shop"), Part::Finalize)[0]["spec"]["finalizers"], json!([]));
    let first = &freeing.commands[0];
    assert!(matches!(first, Command::DeleteAll { kind, .. } if *kind == Kind::of::<Event>()), "{first:?}");
}

#[test]
fn what_only_a_live_read_finds_is_deleted_too() {
    let hidden = read_live(view().with(shop().deleting(0)).with(settings("hidden")));
    let world = hidden.without::<ConfigMap>(&ObjectKey::namespaced("shop", "hidden"));
    assert_eq!(deleted(&plan(world)), ["hidden"]);
}

#[test]
fn every_living_namespace_has_its_service_account_and_certificates() {
    let accounts = ServiceAccounts;
    let view = View::builder().watching(&accounts.watches()).with(shop()).build();
    let plan = accounts.reconcile(&view, &namespace("shop"), at(0)).unwrap();
    assert_eq!(plan.created::<ServiceAccount>()[0].metadata.name.as_deref(), Some("default"));

    let certificates = RootCertificates::new("PEM".to_owned());
    let world = || View::builder().watching(&certificates.watches());
    let new = certificates.reconcile(&world().with(shop()).build(), &namespace("shop"), at(0)).unwrap();
    assert_eq!(new.created::<ConfigMap>()[0].data.as_ref().unwrap()["ca.crt"], "PEM");

    let spoilt =
        ConfigMap { data: Some(labels(&[("ca.crt", "no"), ("x", "y")])), ..settings("kube-root-ca.crt") };
    let view = world().with(shop()).with(spoilt).build();
    let repaired = certificates.reconcile(&view, &namespace("shop"), at(0)).unwrap();
    let map = ObjectRef::to::<ConfigMap>(ObjectKey::namespaced("shop", "kube-root-ca.crt"));
    assert_eq!(repaired.patches(&map, Part::Main)[0]["data"], json!({"ca.crt": "PEM", "x": null}));

    let view = world().with(shop().deleting(0)).build();
    assert!(certificates.reconcile(&view, &namespace("shop"), at(0)).unwrap().commands.is_empty());
}
