//! Managers that a writer names by itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use super::entries::seconds;

/// Longer names of managers are refused, as in the `fieldManager` of a request.
const MAX_MANAGER: usize = 128;

/// The managers that an object about to be written has instead of those it had, because its writer names them: so
/// kubectl turns what it wrote into what it applies. Nothing when they stay as they are.
///
/// One entry without anything in it takes them all away. No entries at all do not, and neither do some that are
/// wrong: they come from writers that know nothing of managers.
pub(crate) fn given_instead(
    given: Option<Vec<ManagedFieldsEntry>>,
    old: Option<&Vec<ManagedFieldsEntry>>,
) -> Option<Vec<ManagedFieldsEntry>> {
    let given = given.filter(|given| Some(given) != old)?;
    if given == [ManagedFieldsEntry::default()] {
        return Some(Vec::new());
    }
    (!given.is_empty() && given.iter().all(is_right)).then_some(given)
}

/// Writes managers down in an object that has none.
pub(crate) fn attach(object: &mut Value, managers: Option<Vec<ManagedFieldsEntry>>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(managers) = managers.filter(|managers| !managers.is_empty()) else { return };
    let managers = managers.into_iter().map(into_value).collect();
    metadata.insert("managedFields".to_owned(), Value::Array(managers));
}

/// An entry's JSON form. The fields, which are a tree already, are not copied.
fn into_value(entry: ManagedFieldsEntry) -> Value {
    let ManagedFieldsEntry { api_version, fields_type, fields_v1, manager, operation, subresource, time } =
        entry;
    let time = time.map(|time| seconds(time.0));
    let texts = [
        ("apiVersion", api_version),
        ("fieldsType", fields_type),
        ("manager", manager),
        ("operation", operation),
        ("subresource", subresource),
        ("time", time),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))));
    let fields = fields_v1.map(|fields| ("fieldsV1".to_owned(), fields.0));
    Value::Object(texts.chain(fields).collect())
}

fn is_right(entry: &ManagedFieldsEntry) -> bool {
    matches!(entry.operation.as_deref(), Some("Apply" | "Update"))
        && entry.fields_type.as_deref() == Some("FieldsV1")
        && entry.api_version.as_ref().is_some_and(|version| !version.is_empty())
        && entry.manager.as_ref().is_none_or(|manager| manager.len() <= MAX_MANAGER)
        && entry.fields_v1.as_ref().is_some_and(|fields| is_set(&fields.0))
}

/// Whether a value is a set of fields: objects all the way down, whose members are named as fields are.
fn is_set(node: &Value) -> bool {
    let is_name = |name: &str| {
        name == "." || ["f:", "i:"].iter().any(|prefix| name.starts_with(prefix)) || is_json(name)
    };
    node.as_object().is_some_and(|node| node.iter().all(|(name, below)| is_name(name) && is_set(below)))
}

/// Whether a name is that of an item: of a keyed list, with an object of keys; or of a set, with a value.
fn is_json(name: &str) -> bool {
    match name.split_at_checked(2) {
        Some(("k:", keys)) => serde_json::from_str::<serde_json::Map<String, Value>>(keys).is_ok(),
        Some(("v:", value)) => serde_json::from_str::<Value>(value).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entries(value: Value) -> Option<Vec<ManagedFieldsEntry>> {
        serde_json::from_value(value).unwrap()
    }

    fn entry(change: &str, value: Value) -> Value {
        let mut entry = json!({"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}, "f:l": {"k:{\"name\":\"x\"}": {}, "v:1": {}}}});
        entry[change] = value;
        json!([entry])
    }

    #[test]
    fn right_entries_replace_the_managers_and_an_empty_one_takes_them_away() {
        let old = entries(entry("manager", json!("old")));
        let new = entries(entry("manager", json!("new")));
        assert_eq!(given_instead(new.clone(), old.as_ref()), new);
        assert_eq!(given_instead(entries(json!([{}])), old.as_ref()), Some(Vec::new()));
    }

    #[test]
    fn what_says_nothing_or_is_wrong_leaves_the_managers_as_they_are() {
        let old = entries(entry("manager", json!("old")));
        for given in [
            json!(null),
            json!([]),
            json!([{}, {}]),
            entry("operation", json!("Delete")),
            entry("fieldsType", json!("FieldsV2")),
            entry("apiVersion", json!("")),
            entry("manager", json!("m".repeat(129))),
            entry("fieldsV1", json!(null)),
            entry("fieldsV1", json!({"data": {}})),
            entry("fieldsV1", json!({"f:data": 1})),
            entry("fieldsV1", json!({"f:l": {"k:name": {}}})),
            entry("fieldsV1", json!({"f:l": {"v:": {}}})),
        ] {
            assert_eq!(given_instead(entries(given.clone()), old.as_ref()), None, "{given}");
        }
    }

    #[test]
    fn managers_are_attached_as_they_are_encoded() {
        let given = json!([
            {"apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}, "manager": "a",
                "operation": "Update", "subresource": "status", "time": "2026-01-01T00:00:00Z"},
            {"manager": "b", "operation": "Apply"},
        ]);
        let mut object = json!({"metadata": {"name": "x"}});
        attach(&mut object, entries(given.clone()));
        assert_eq!(object["metadata"]["managedFields"], given);
        let mut object = json!({"metadata": {"name": "x"}});
        attach(&mut object, entries(json!([])));
        assert_eq!(object, json!({"metadata": {"name": "x"}}));
    }
}
