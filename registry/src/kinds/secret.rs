//! Secret: configuration that pods read and nobody else should.

use std::collections::BTreeMap;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::check::{Path, immutable, text};
use super::config_map::{MAX_DATA_BYTES, check_data_key};
use crate::resource::{Column, SelectableField, Strategy};

/// The annotation that binds a token to its service account.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";

impl Strategy for Secret {
    const SINGULAR: &'static str = "secret";
    const SELECTABLE: &'static [SelectableField] = &[SelectableField::text(&"type")];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Type", "What the secret is for.", |secret, _| text(&secret.type_).into()),
        Column::integer("Data", "How many entries the secret has.", |secret, _| {
            secret.data.as_ref().map_or(0, BTreeMap::len).into()
        }),
        Column::AGE,
    ];

    /// `stringData` exists on the way in alone.
    fn default(&mut self) {
        super::check::default_text(&mut self.type_, "Opaque");
        for (key, value) in self.string_data.take().into_iter().flatten() {
            self.data.get_or_insert_default().insert(key, ByteString(value.into_bytes()));
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        for key in self.data.iter().flatten().map(|(key, _)| key) {
            check_data_key("data", key, causes);
        }
        if self.data.iter().flatten().map(|(_, value)| value.0.len()).sum::<usize>() > MAX_DATA_BYTES {
            causes.push(Cause::too_long("data", MAX_DATA_BYTES));
        }
        check_type(self, causes);
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        immutable(Path::root("type"), &self.type_, &old.type_, causes);
        if old.immutable == Some(true) {
            let why = "field is immutable when `immutable` is set";
            if self.immutable != Some(true) {
                causes.push(Cause::forbidden("immutable", why));
            }
            if self.data != old.data {
                causes.push(Cause::forbidden("data", why));
            }
        }
    }
}

/// A secret of a type that Kubernetes knows must have what such a secret is for.
fn check_type(secret: &Secret, causes: &mut Vec<Cause>) {
    let value = |key: &str| secret.data.as_ref().and_then(|data| data.get(key));
    let mut require = |keys: &[&str]| {
        if !keys.iter().any(|key| value(key).is_some()) {
            causes.extend(keys.iter().map(|key| Cause::required(Path::root("data").key(key), "")));
        }
    };
    match text(&secret.type_) {
        "kubernetes.io/service-account-token" => {
            let annotations = secret.metadata.annotations.as_ref();
            if annotations.and_then(|all| all.get(SERVICE_ACCOUNT)).is_none_or(String::is_empty) {
                let path = Path::root("metadata");
                let annotations = path.child("annotations");
                causes.push(Cause::required(annotations.key(SERVICE_ACCOUNT), ""));
            }
        }
        "kubernetes.io/dockercfg" => check_json(".dockercfg", value(".dockercfg"), causes),
        "kubernetes.io/dockerconfigjson" => {
            check_json(".dockerconfigjson", value(".dockerconfigjson"), causes);
        }
        "kubernetes.io/basic-auth" => require(&["username", "password"]),
        "kubernetes.io/ssh-auth" => require(&["ssh-privatekey"]),
        "kubernetes.io/tls" => {
            require(&["tls.crt"]);
            require(&["tls.key"]);
        }
        _ => {}
    }
}

fn check_json(key: &str, value: Option<&ByteString>, causes: &mut Vec<Cause>) {
    let data = Path::root("data");
    let path = data.key(key);
    match value {
        None => causes.push(Cause::required(path, "")),
        Some(value) => {
            if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&value.0) {
                causes.push(Cause::invalid(path, "<secret contents redacted>", error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, from_json};
    use serde_json::json;

    fn secret(type_: &str, keys: &[&str]) -> Secret {
        let data: BTreeMap<&str, &str> = keys.iter().map(|key| (*key, "e30=")).collect();
        from_json(json!({"metadata": {"name": "s"}, "type": type_, "data": data}))
    }

    #[test]
    fn plain_text_becomes_data() {
        let mut secret: Secret =
            from_json(json!({"stringData": {"a": "new"}, "data": {"a": "b2xk", "b": "b2xk"}}));
        Strategy::default(&mut secret);
        let data = secret.data.unwrap();
        assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (&b"new"[..], &b"old"[..]));
        assert_eq!((secret.string_data, secret.type_.as_deref()), (None, Some("Opaque")));
    }

    #[test]
    fn known_types_must_have_their_keys() {
        for (type_, keys, missing) in [
            ("Opaque", &[][..], &[][..]),
            ("kubernetes.io/tls", &["tls.crt"], &["data[tls.key]: Required value"]),
            ("kubernetes.io/basic-auth", &["password"], &[]),
            ("kubernetes.io/ssh-auth", &[], &["data[ssh-privatekey]: Required value"]),
            ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"], &[]),
            ("kubernetes.io/dockercfg", &[], &["data[.dockercfg]: Required value"]),
            (
                "kubernetes.io/service-account-token",
                &[],
                &["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
            ),
        ] {
            assert_eq!(causes(&secret(type_, keys)), missing, "{type_}");
        }
    }

    #[test]
    fn the_type_never_changes_and_an_immutable_secret_not_at_all() {
        let (old, mut new) = (secret("Opaque", &["a"]), secret("mine", &["a"]));
        assert_eq!(causes_of_change(&new, &old), [r#"type: Invalid value: "mine": field is immutable"#]);
        new = secret("Opaque", &["b"]);
        let old = Secret { immutable: Some(true), ..old };
        assert_eq!(causes_of_change(&new, &old).len(), 2);
    }
}
