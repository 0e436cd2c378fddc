//! The managers of new objects, beside what the way over trees makes of the same objects.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::record;
use super::*;

const PORT: Schema = Schema::of(&[Field::key("protocol", "TCP")]);
const ITEM: Schema = Schema::of(&[Field::atomic("c"), Field::set("d")]);
const OBJECT: Schema = Schema::of(&[
    Field::object(
        "spec",
        &Schema::of(&[
            Field::map("a", &["name"], &ITEM),
            Field::map("b", &["port", "protocol"], &PORT),
            Field::set("c"),
            Field::atomic("d"),
            Field::object("name", &Schema::of(&[Field::object("a", &ITEM).inherent(), Field::set("c")]))
                .inherent(),
            Field::map("port", &["name"], &Schema::ATOMIC),
        ]),
    ),
    Field::object("status", &ITEM),
    Field::map("a", &["name"], &ITEM).inherent(),
]);

fn writer() -> Writer<'static> {
    Writer { manager: "m\"1", api_version: "v1", subresource: None, now: Timestamp::UNIX_EPOCH }
}

/// What the way over trees makes of the same object.
fn expected(object: &Value) -> Value {
    let mut object = object.clone();
    record(None, &mut object, &writer(), &OBJECT);
    object
}

fn made(object: &Value) -> Value {
    let json = created(serde_json::to_vec(object).unwrap(), &writer(), &OBJECT).unwrap();
    // Names that occur twice would be lost in a value.
    assert!(crate::decode::duplicates(&json).is_empty(), "{}", String::from_utf8_lossy(&json));
    serde_json::from_slice(&json).unwrap()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3i64).prop_map(Value::from),
        Just(json!(1.5)),
        "[a\"\\\\é]{0,2}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("name"),
        Just("port"),
        Just("protocol"),
        Just("a"),
        Just("b"),
        Just("c\"d"),
        Just("c"),
        Just("d")
    ];
    leaf.prop_recursive(5, 60, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_fields_are_owned_as_over_trees(
        spec in any_value(), status in any_value(), a in any_value(), labels in any_value(), other in any_value(),
    ) {
        let object = json!({
            "apiVersion": "v1", "kind": "K", "a": a, "data": other, "spec": spec, "status": status,
            "metadata": {"labels": labels, "name": "x", "uid": "u", "finalizers": ["f", "f"]},
        });
        prop_assert_eq!(made(&object), expected(&object));
    }
}

#[test]
fn an_object_in_which_nothing_can_be_owned_has_no_manager() {
    for object in [json!({"metadata": {"name": "x"}, "spec": {}}), json!({"metadata": {}}), json!({})] {
        assert_eq!(made(&object), object);
    }
    assert_eq!(made(&json!({"metadata": {}, "data": 1})), expected(&json!({"metadata": {}, "data": 1})));
}

#[test]
fn what_is_no_object_is_an_error() {
    assert!(created(b"[1]".to_vec(), &writer(), &OBJECT).is_err());
    assert!(created(b"{\"spec\":".to_vec(), &writer(), &OBJECT).is_err());
}
