//! Whatever stands in an object, its managers and a configuration: no panic, and no surprise the second time.

use proptest::prelude::*;

use super::*;

/// Values whose members have the names that the schema knows, and hardly ever the types.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(null)),
        Just(json!("a")),
        Just(json!(1)),
        Just(json!({})),
        Just(json!([])),
        Just(json!("")),
    ];
    let names = vec![
        "metadata",
        "spec",
        "status",
        "template",
        "containers",
        "ports",
        "name",
        "containerPort",
        "protocol",
        "labels",
        "finalizers",
        "ownerReferences",
        "uid",
        "selector",
        "conditions",
        "managedFields",
        "env",
        "annotations",
        "kubectl.kubernetes.io/last-applied-configuration",
    ];
    let name = proptest::sample::select(names).prop_map(str::to_owned);
    scalar.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            3 => proptest::collection::btree_map(name.clone(), inner.clone(), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

/// Sets of fields, and what is none.
fn any_fields() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => Just(json!({})), 1 => Just(json!(null)), 1 => Just(json!({".": 1}))];
    let names = vec![
        "f:metadata",
        "f:spec",
        "f:template",
        "f:containers",
        "f:labels",
        "f:name",
        ".",
        "f:",
        "k:{}",
        "v:",
        "x",
        "k:{\"name\":\"a\"}",
        "v:\"a\"",
        "f:finalizers",
        "f:selector",
    ];
    let name = proptest::sample::select(names).prop_map(str::to_owned);
    leaf.prop_recursive(6, 32, 4, move |inner| {
        proptest::collection::btree_map(name.clone(), inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn entry(manager: &str, operation: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "time": "x", "fieldsV1": fields})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_the_same_twice_is_applying_it_once(
        mut object in any_value(), mut wanted in any_value(), own in any_fields(), other in any_fields(),
        force in any::<bool>(),
    ) {
        if let Value::Object(object) = &mut object {
            object.insert("metadata".to_owned(), json!({
                "managedFields": [entry("kubectl", "Apply", own), entry("other", "Update", other)],
            }));
        }
        if !wanted.is_object() {
            wanted = json!({"spec": wanted});
        }
        if !wanted["metadata"].is_object() {
            wanted["metadata"] = json!({});
        }
        let mut subject = Subject { object: Some(object), second: 0 };
        if subject.apply_as(writer("kubectl", 0), wanted.clone(), force).is_ok() {
            let once = subject.object.clone();
            prop_assert!(subject.apply_as(writer("kubectl", 0), wanted, false).is_ok());
            prop_assert_eq!(subject.object, once);
        }
    }
}
