//! The difference of two states of an object, as a patch.

use serde_json::{Map, Value};

use crate::object::{DecodeError, Resource};

/// The RFC 7386 merge patch that turns `from` into `to`, provided that the object still is `from`: it names the
/// resource version and uid. None if the two are equal.
///
/// # Errors
///
/// When an object cannot be encoded.
pub fn merge_patch<K: Resource>(from: &K, to: &K) -> Result<Option<Value>, DecodeError> {
    let (old, new) = (from.to_value(), to.to_value());
    let (old, new) = (old.map_err(DecodeError::Json)?, new.map_err(DecodeError::Json)?);
    let Some(mut patch) = difference(&old, &new) else { return Ok(None) };
    for (field, value) in
        [("resourceVersion", &from.metadata().resource_version), ("uid", &from.metadata().uid)]
    {
        if let Some(value) = value {
            patch["metadata"][field] = Value::String(value.clone());
        }
    }
    Ok(Some(patch))
}

/// What has to be merged into `old` to make it `new`; lists and scalars are replaced whole.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (old, new) if old == new => None,
        (Value::Object(old), Value::Object(new)) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            let gone = gone.map(|key| (key.clone(), Value::Null));
            let changed = new.iter().filter_map(|(key, value)| {
                let change = old.get(key).map_or_else(|| Some(value.clone()), |old| difference(old, value));
                Some((key.clone(), change?))
            });
            Some(Value::Object(gone.chain(changed).collect::<Map<_, _>>()))
        }
        (_, new) => Some(new.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use serde_json::json;

    fn settings(data: &[(&str, &str)]) -> ConfigMap {
        let metadata = ObjectMeta {
            name: Some("a".into()),
            uid: Some("u".into()),
            resource_version: Some("7".into()),
            ..ObjectMeta::default()
        };
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ConfigMap { metadata, data: Some(data), ..ConfigMap::default() }
    }

    #[test]
    fn a_patch_names_what_changed_what_is_gone_and_what_must_hold() {
        let (from, to) = (
            settings(&[("same", "1"), ("gone", "2"), ("new", "3")]),
            settings(&[("same", "1"), ("new", "4")]),
        );
        let expected = json!({
            "metadata": {"resourceVersion": "7", "uid": "u"},
            "data": {"gone": null, "new": "4"},
        });
        assert_eq!(merge_patch(&from, &to).unwrap(), Some(expected));
    }

    #[test]
    fn equal_states_need_no_patch() {
        assert_eq!(merge_patch(&settings(&[("a", "1")]), &settings(&[("a", "1")])).unwrap(), None);
    }
}
