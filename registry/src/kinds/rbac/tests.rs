use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde_json::{Value, json};

use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
use crate::resource::Strategy;

fn with<K: Strategy>(fields: Value) -> K {
    let mut object = json!({"metadata": {"name": "system:x", "creationTimestamp": "2026-01-01T11:59:00Z"}});
    object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    defaulted(object)
}

fn binding<K: Strategy>(kind: &str, subjects: Value) -> K {
    with(json!({"roleRef": {"apiGroup": "", "kind": kind, "name": "reader"}, "subjects": subjects}))
}

#[test]
fn a_role_is_about_resources() {
    let rule = |rule: Value| causes(&with::<Role>(json!({"rules": [rule]})));
    let pods = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
    assert_eq!(rule(pods), Vec::<String>::new());
    assert_eq!(
        rule(json!({"verbs": []})),
        [
            "rules[0].verbs: Required value: verbs must contain at least one value",
            "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[0].resources: Required value: resource rules must supply at least one resource",
        ]
    );
    assert_eq!(
        rule(json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]})),
        [
            "rules[0].nonResourceURLs: Invalid value: [\"/healthz\"]: namespaced rules cannot apply to non-resource \
             URLs"
        ]
    );
}

#[test]
fn a_role_of_the_cluster_is_about_resources_or_paths() {
    let rule = |rule: Value| causes(&with::<ClusterRole>(json!({"rules": [rule]})));
    assert_eq!(rule(json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]})), Vec::<String>::new());
    assert_eq!(
        rule(json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"], "resources": ["pods"]})),
        [
            "rules[0].nonResourceURLs: Invalid value: [\"/healthz\"]: rules cannot apply to both regular resources and \
             non-resource URLs"
        ]
    );
    let aggregated = with::<ClusterRole>(json!({"aggregationRule": {}}));
    assert_eq!(
        causes(&aggregated),
        [
            "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if \
             aggregationRule is non-nil"
        ]
    );
    assert_eq!(row(&aggregated, false), ["system:x", "2026-01-01T11:59:00Z"]);
}

#[test]
fn groups_left_out_have_a_default() {
    let subjects = json!([
        {"kind": "User", "name": "ann"}, {"kind": "ServiceAccount", "name": "bot", "namespace": "shop"},
    ]);
    let bound = serde_json::to_value(binding::<RoleBinding>("Role", subjects)).unwrap();
    assert_eq!(bound["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(bound["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(bound["subjects"][1]["apiGroup"], Value::Null);
}

#[test]
fn a_table_tells_who_may_do_what() {
    let subjects = json!([
        {"kind": "User", "name": "ann"}, {"kind": "User", "name": "bob"}, {"kind": "Group", "name": "devs"},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "shop"},
    ]);
    let bound = binding::<ClusterRoleBinding>("ClusterRole", subjects);
    assert_eq!(row(&bound, true), ["system:x", "ClusterRole/reader", "60s", "ann, bob", "devs", "shop/bot"]);
}

#[test]
fn bindings_that_make_no_sense_are_refused_field_by_field() {
    for (kind, subjects, expected) in [
        ("ClusterRole", json!([]), vec![]),
        ("Role", json!([{"kind": "ServiceAccount", "name": "bot"}]), vec![]),
        (
            "Rule",
            json!([]),
            vec!["roleRef.kind: Unsupported value: \"Rule\": supported values: \"ClusterRole\", \"Role\""],
        ),
        (
            "Role",
            json!([{"kind": "Robot", "name": ""}]),
            vec![
                "subjects[0].name: Required value",
                "subjects[0].kind: Unsupported value: \"Robot\": supported values: \"Group\", \"ServiceAccount\", \
                 \"User\"",
            ],
        ),
        (
            "Role",
            json!([{"kind": "User", "name": "ann", "apiGroup": "apps"}]),
            vec![
                "subjects[0].apiGroup: Unsupported value: \"apps\": supported values: \"rbac.authorization.k8s.io\"",
            ],
        ),
    ] {
        assert_eq!(causes(&binding::<RoleBinding>(kind, subjects)), expected, "{kind}");
    }
    let homeless =
        binding::<ClusterRoleBinding>("ClusterRole", json!([{"kind": "ServiceAccount", "name": "bot"}]));
    assert_eq!(causes(&homeless), ["subjects[0].namespace: Required value"]);
    let narrow = causes(&binding::<ClusterRoleBinding>("Role", json!([])));
    assert_eq!(narrow, ["roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\""]);
}

#[test]
fn the_role_of_a_binding_never_changes() {
    let old = binding::<RoleBinding>("Role", json!([]));
    let other = binding::<RoleBinding>("ClusterRole", json!([]));
    let causes_ = causes_of_change(&other, &old);
    assert!(causes_.len() == 1 && causes_[0].ends_with("cannot change roleRef"), "{causes_:?}");
    let more = binding::<RoleBinding>("Role", json!([{"kind": "User", "name": "ann"}]));
    assert_eq!(causes_of_change(&more, &old), Vec::<String>::new());
}
