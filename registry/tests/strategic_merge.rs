//! Strategic merge patch: cases as clients send them, and rules that hold for any input.

use std::collections::BTreeSet;

use bireme_core::error::Reason;
use bireme_registry::patch::{merge, strategic};
use bireme_registry::resource::{Field, METADATA, POD_SPEC, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

const OBJECT: Schema = Schema::of(&[
    Field::object("metadata", &METADATA),
    Field::object("spec", &POD_SPEC),
    Field::object("strategy", &Schema::EMPTY).retaining_keys(),
]);

fn patched(document: Value, patch: Value) -> Result<Value, Reason> {
    strategic(document, patch.to_string().as_bytes(), &OBJECT).map_err(|error| error.reason())
}

fn names(containers: &[&str]) -> Value {
    Value::Array(containers.iter().map(|name| json!({"name": name})).collect())
}

fn spec(containers: Value) -> Value {
    json!({"spec": {"containers": containers}})
}

#[test]
fn containers_merge_by_name() {
    let document = spec(json!([{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}]));
    let patch = spec(json!([{"name": "b", "image": "b:2"}, {"name": "a", "args": ["y"]}]));
    let expected = spec(json!([{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1", "args": ["y"]}]));
    assert_eq!(patched(document, patch), Ok(expected));
}

#[test]
fn new_items_come_first_and_old_ones_keep_their_order() {
    let document = spec(names(&["a", "b", "c"]));
    assert_eq!(patched(document.clone(), spec(names(&["x"]))), Ok(spec(names(&["x", "a", "b", "c"]))));
    assert_eq!(patched(document.clone(), spec(names(&["b", "x"]))), Ok(spec(names(&["a", "b", "x", "c"]))));
    assert_eq!(patched(document, spec(names(&["c", "a"]))), Ok(spec(names(&["b", "c", "a"]))));
}

#[test]
fn an_element_order_places_items_old_and_new() {
    let document = spec(names(&["a", "b", "own"]));
    let patch = json!({"spec": {"$setElementOrder/containers": names(&["b", "a", "x"]), "containers": names(&["x"])}});
    assert_eq!(patched(document.clone(), patch), Ok(spec(names(&["b", "a", "x", "own"]))));
    let only_order = json!({"spec": {"$setElementOrder/containers": names(&["b", "a"])}});
    assert_eq!(patched(document.clone(), only_order), Ok(spec(names(&["b", "a", "own"]))));
    let contradiction = json!({"spec": {"$setElementOrder/containers": names(&["b", "a"]), "containers": names(&["a", "b"])}});
    assert_eq!(patched(document, contradiction), Err(Reason::Invalid));
}

#[test]
fn items_can_be_deleted_and_lists_and_objects_replaced() {
    let document =
        || spec(json!([{"name": "a", "image": "a:1", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}]));
    for (patch, expected) in [
        (json!([{"name": "a", "$patch": "delete"}]), json!([{"name": "b"}])),
        (json!([{"name": "gone", "$patch": "delete"}]), document()["spec"]["containers"].clone()),
        (json!([{"$patch": "replace"}, {"name": "c"}]), json!([{"name": "c"}])),
        (
            json!([{"name": "a", "resources": {"$patch": "replace", "requests": {"cpu": "2"}}}]),
            json!([{"name": "a", "image": "a:1", "resources": {"requests": {"cpu": "2"}}}, {"name": "b"}]),
        ),
        (
            json!([{"name": "a", "resources": {"$patch": "delete"}}]),
            json!([{"name": "a", "image": "a:1", "resources": {}}, {"name": "b"}]),
        ),
    ] {
        assert_eq!(patched(document(), spec(patch.clone())), Ok(spec(expected)), "{patch}");
    }
    assert_eq!(patched(document(), json!({"spec": {"containers": null}})), Ok(json!({"spec": {}})));
}

#[test]
fn lists_of_scalars_merge_where_the_schema_says_so_and_are_replaced_elsewhere() {
    let document = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"tolerations": [{"key": "a"}]}});
    let patch = json!({
        "metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a", "zz"]},
        "spec": {"tolerations": [{"key": "b"}]},
    });
    let expected = json!({"metadata": {"finalizers": ["c", "b"]}, "spec": {"tolerations": [{"key": "b"}]}});
    assert_eq!(patched(document.clone(), patch), Ok(expected));
    let order = json!({"metadata": {"finalizers": ["c"], "$setElementOrder/finalizers": ["b", "c"]}});
    assert_eq!(patched(document, order).unwrap()["metadata"]["finalizers"], json!(["a", "b", "c"]));
}

#[test]
fn retained_keys_drop_what_the_patch_does_not_name() {
    let document = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}});
    let patch = json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}});
    assert_eq!(patched(document.clone(), patch), Ok(json!({"strategy": {"type": "Recreate"}})));
    let contradiction = json!({"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}});
    assert_eq!(patched(document, contradiction), Err(Reason::Invalid));
    let document = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
    let patch = json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}});
    assert_eq!(
        patched(document, patch).unwrap()["spec"]["volumes"],
        json!([{"name": "v", "hostPath": {"path": "/x"}}])
    );
}

#[test]
fn nothing_of_a_patch_but_its_values_is_left_in_the_document() {
    let patch = json!({
        "metadata": {"labels": {"a": "b", "c": null}, "$deleteFromPrimitiveList/finalizers": ["x"]},
        "spec": {
            "$setElementOrder/containers": names(&["a"]),
            "containers": [{"name": "a", "env": [{"name": "gone", "$patch": "delete"}, {"name": "X", "value": null}]}],
            "securityContext": {"$patch": "replace", "$retainKeys": ["runAsUser"], "runAsUser": 1},
        },
    });
    let expected = json!({
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "a", "env": [{"name": "X"}]}], "securityContext": {"runAsUser": 1}},
    });
    assert_eq!(patched(json!({}), patch), Ok(expected));
}

#[test]
fn malformed_directives_are_refused() {
    for (patch, reason) in [
        (json!({"spec": {"$patch": "melt"}}), Reason::Invalid),
        (spec(json!([{"image": "x"}])), Reason::Invalid),
        (spec(json!(["x"])), Reason::Invalid),
        (spec(json!([{"$patch": "delete"}])), Reason::Invalid),
        (json!({"spec": {"$retainKeys": "x"}}), Reason::BadRequest),
        (json!({"spec": {"$setElementOrder/containers": "x"}}), Reason::BadRequest),
        (json!({"spec": {"$setElementOrder/containers": ["x"]}}), Reason::BadRequest),
        (json!({"metadata": {"$deleteFromPrimitiveList/finalizers": {}}}), Reason::BadRequest),
        (json!([]), Reason::BadRequest),
    ] {
        let document = json!({"metadata": {"finalizers": ["a"]}, "spec": {"containers": [{"name": "a"}]}});
        assert_eq!(patched(document, patch.clone()), Err(reason), "{patch}");
    }
}

/// Text without `$`, so that no directive arises by chance.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5i64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-d]", any_json(), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The patch as both kinds of merge understand it: they differ on nulls inside lists alone.
fn without_nulls_in_lists(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(without_nulls_in_lists),
        Value::Array(items) => {
            *items = items.iter().filter(|item| !item.is_object() && !item.is_array()).cloned().collect()
        }
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The items of `list` that are in `of`, in their order.
fn only(list: &[String], of: &[String]) -> Vec<String> {
    list.iter().filter(|item| of.contains(item)).cloned().collect()
}

fn unique(list: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    list.into_iter().filter(|item| seen.insert(item.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_rules_it_is_a_merge_patch(document in any_object(), mut patch in any_object()) {
        without_nulls_in_lists(&mut patch);
        let bytes = patch.to_string();
        let expected = merge(document.clone(), bytes.as_bytes()).unwrap();
        prop_assert_eq!(strategic(document, bytes.as_bytes(), &Schema::EMPTY).unwrap(), expected);
    }

    #[test]
    fn a_set_becomes_the_union_less_what_is_removed_and_keeps_both_orders(
        old in proptest::collection::vec("[a-f]", 0..6),
        new in proptest::collection::vec("[a-h]", 0..6),
        removed in proptest::collection::vec("[a-h]", 0..3),
    ) {
        let (old, new) = (unique(old), unique(new));
        let document = json!({"metadata": {"finalizers": old}});
        let patch = json!({"metadata": {"finalizers": new, "$deleteFromPrimitiveList/finalizers": removed}});
        let result = texts(&patched(document, patch).unwrap()["metadata"]["finalizers"]);
        let as_set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
        let union = &as_set(&old) | &as_set(&new);
        prop_assert_eq!(as_set(&result), &union - &as_set(&removed));
        let survives = |list: &[String]| list.iter().filter(|item| !removed.contains(item)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(only(&result, &new), survives(&new));
        let untouched: Vec<String> = old.iter().filter(|item| !new.contains(item)).cloned().collect();
        prop_assert_eq!(only(&result, &untouched), survives(&untouched));
    }

    #[test]
    fn items_of_a_keyed_list_merge_each_by_itself(
        old in proptest::collection::btree_map("[a-e]", any_object(), 0..5),
        new in proptest::collection::btree_map("[a-g]", any_object(), 0..5),
    ) {
        let list = |items: &std::collections::BTreeMap<String, Value>| {
            items.iter().map(|(name, inner)| json!({"name": name, "resources": inner})).collect::<Vec<_>>()
        };
        let mut new = new;
        new.values_mut().for_each(without_nulls_in_lists);
        let result = patched(spec(list(&old).into()), spec(list(&new).into())).unwrap();
        for item in result["spec"]["containers"].as_array().unwrap() {
            let name = item["name"].as_str().unwrap();
            let expected = match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) => merge(old.clone(), new.to_string().as_bytes()).unwrap(),
                (None, Some(new)) => merge(json!({}), new.to_string().as_bytes()).unwrap(),
                (old, None) => old.unwrap().clone(),
            };
            prop_assert_eq!(&item["resources"], &expected);
        }
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        prop_assert_eq!(result["spec"]["containers"].as_array().unwrap().len(), all.len());
    }

    #[test]
    fn no_patch_makes_it_panic(document in any_object(), patch in any_json(), word in "(delete|replace|x)?") {
        let hostile = json!({
            "$patch": word, "spec": {"containers": patch.clone(), "$setElementOrder/containers": patch.clone(),
            "$retainKeys": patch.clone(), "$deleteFromPrimitiveList/x": patch},
        });
        let document = json!({"spec": {"containers": document.clone(), "x": document}});
        if let Ok(result) = patched(document, hostile) {
            prop_assert!(result.is_object());
        }
    }
}
