//! kubectl's way from client-side to server-side apply, and back.
//!
//! `kubectl apply` without `--server-side` keeps the configuration in an annotation, and owns what it writes
//! like any other writer. So that `--server-side` does not meet conflicts with the same person's earlier work,
//! what the annotation says is free for the manager `kubectl`; and the annotation follows what it applies, so
//! that the client side finds its way again.

use serde_json::{Map, Value};

use super::owned;
use crate::managed_fields::{Difference, FieldSet, Writer};
use crate::resource::Schema;

/// The manager's name, and the annotation.
const KUBECTL: &str = "kubectl";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What all annotations of an object may have together.
const MAX_ANNOTATIONS: usize = 256 << 10;

/// The fields that kubectl applied on the client's side, and that are still as it applied them.
pub(super) fn applied_by_client(live: &Value, schema: &Schema, writer: &Writer<'_>) -> FieldSet {
    let annotations = live.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let text = annotations.and_then(|annotations| annotations.get(LAST_APPLIED)).and_then(Value::as_str);
    // What is no object of this version is nobody's word.
    let last = text.filter(|_| writer.manager == KUBECTL).and_then(|text| serde_json::from_str(text).ok());
    let last: Option<Value> =
        last.filter(|last: &Value| last.get("apiVersion").is_some_and(|v| v == writer.api_version));
    let fields = last.as_ref().and_then(|last| Some((last, owned::fields(last, schema).ok()?)));
    let Some((last, mut fields)) = fields else { return FieldSet::default() };
    let since = Difference::of_objects(Some(last), live, schema, writer.subresource);
    fields.subtract(&since.written);
    fields.subtract(&since.removed);
    fields
}

/// Brings the annotation up to date, where there is one.
pub(super) fn note(metadata: &mut Map<String, Value>, configuration: &Value, writer: &Writer<'_>) {
    let Some(Value::Object(annotations)) = metadata.get_mut("annotations") else { return };
    if writer.manager != KUBECTL || writer.subresource.is_some() || !annotations.contains_key(LAST_APPLIED) {
        return;
    }
    annotations.remove(LAST_APPLIED);
    let mut configuration = configuration.clone();
    if let Some(Value::Object(own)) = configuration.pointer_mut("/metadata/annotations") {
        own.remove(LAST_APPLIED);
    }
    let text = format!("{configuration}\n");
    let others: usize = annotations.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
    if LAST_APPLIED.len() + text.len() + others <= MAX_ANNOTATIONS {
        annotations.insert(LAST_APPLIED.to_owned(), text.into());
    }
}
