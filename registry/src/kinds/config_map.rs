//! ConfigMap: configuration that pods read.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::ConfigMap;

use crate::resource::{Column, Strategy};

/// The bytes that all values of a ConfigMap or Secret may have together.
pub(super) const MAX_DATA_BYTES: usize = 1 << 20;

impl Strategy for ConfigMap {
    const SINGULAR: &'static str = "configmap";
    const SHORT_NAMES: &'static [&'static str] = &["cm"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::integer("Data", "Data contains the configuration data.", |map, _| {
            let text = map.data.as_ref().map_or(0, |data| data.len());
            (text + map.binary_data.as_ref().map_or(0, |data| data.len())).into()
        }),
        Column::AGE,
    ];

    fn validate(&self, causes: &mut Vec<Cause>) {
        let text = self.data.iter().flatten().map(|(key, value)| (key, value.len()));
        let binary = self.binary_data.iter().flatten().map(|(key, value)| (key, value.0.len()));
        let mut bytes = 0;
        for (field, (key, length)) in
            text.map(|item| ("data", item)).chain(binary.map(|item| ("binaryData", item)))
        {
            bytes += length;
            check_data_key(field, key, causes);
        }
        for key in self.binary_data.iter().flatten().map(|(key, _)| key) {
            if self.data.as_ref().is_some_and(|data| data.contains_key(key)) {
                causes.push(Cause::invalid(
                    format!("data[{key}]"),
                    key,
                    "duplicate of key present in binaryData",
                ));
            }
        }
        if bytes > MAX_DATA_BYTES {
            causes.push(Cause::too_long("", MAX_DATA_BYTES));
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if old.immutable != Some(true) {
            return;
        }
        let immutable = "field is immutable when `immutable` is set";
        if self.immutable != Some(true) {
            causes.push(Cause::forbidden("immutable", immutable));
        }
        if self.data != old.data {
            causes.push(Cause::forbidden("data", immutable));
        }
        if self.binary_data != old.binary_data {
            causes.push(Cause::forbidden("binaryData", immutable));
        }
    }
}

/// The keys of a ConfigMap or Secret are file names.
pub(super) fn check_data_key(field: &str, key: &str, causes: &mut Vec<Cause>) {
    let fits = !key.is_empty()
        && key.len() <= 253
        && key != "."
        && !key.starts_with("..")
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !fits {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
            or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        causes.push(Cause::invalid(format!("{field}[{key}]"), key, rule));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, cell, from_json};
    use serde_json::json;

    #[test]
    fn a_table_counts_text_and_binary_entries() {
        let map: ConfigMap = from_json(json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "eA=="}}));
        assert_eq!(cell(&map, "Data"), 3);
    }

    #[test]
    fn keys_are_file_names_and_occur_once() {
        for (key, fits) in
            [("app.conf", true), ("A_b-c", true), ("", false), ("a/b", false), ("..", false), ("..a", false)]
        {
            let map: ConfigMap = from_json(json!({"data": {key: "x"}}));
            assert_eq!(causes(&map).is_empty(), fits, "{key}");
        }
        let twice: ConfigMap = from_json(json!({"data": {"a": "x"}, "binaryData": {"a": "eA=="}}));
        assert_eq!(causes(&twice), ["data[a]: Invalid value: \"a\": duplicate of key present in binaryData"]);
    }

    #[test]
    fn all_values_together_are_at_most_a_mebibyte() {
        let map = |bytes: usize| -> ConfigMap {
            from_json(json!({"data": {"a": "x".repeat(bytes - 1), "b": "y"}}))
        };
        assert!(causes(&map(MAX_DATA_BYTES)).is_empty());
        assert_eq!(causes(&map(MAX_DATA_BYTES + 1)).len(), 1);
    }

    #[test]
    fn an_immutable_map_stays_as_it_is() {
        let old: ConfigMap = from_json(json!({"immutable": true, "data": {"a": "x"}}));
        assert!(causes_of_change(&old, &old).is_empty());
        let loosened: ConfigMap = from_json(json!({"data": {"a": "y"}}));
        let why = "Forbidden: field is immutable when `immutable` is set";
        assert_eq!(causes_of_change(&loosened, &old), [format!("immutable: {why}"), format!("data: {why}")]);
    }
}
