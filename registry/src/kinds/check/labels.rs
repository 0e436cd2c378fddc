//! Labels, annotations and selectors over labels.

use std::collections::BTreeMap;

use bireme_core::error::Cause;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Path, label_name, label_value, text};

/// All annotations of an object may have this many bytes together.
const MAX_ANNOTATION_BYTES: usize = 256 << 10;

/// Keys and values must be those of labels.
pub(crate) fn labels(path: Path<'_>, labels: &Option<BTreeMap<String, String>>, causes: &mut Vec<Cause>) {
    for (key, value) in labels.iter().flatten() {
        causes.extend(label_name(key).map(|why| Cause::invalid(path, key, why)));
        causes.extend(label_value(value).map(|why| Cause::invalid(path, value, why)));
    }
}

/// Keys must be those of annotations, and the whole of a bounded size.
pub(crate) fn annotations(
    path: Path<'_>,
    annotations: &Option<BTreeMap<String, String>>,
    causes: &mut Vec<Cause>,
) {
    let mut bytes = 0;
    for (key, value) in annotations.iter().flatten() {
        bytes += key.len() + value.len();
        // Upper case is tolerated in the prefix of annotations.
        causes.extend(label_name(&key.to_lowercase()).map(|why| Cause::invalid(path, key, why)));
    }
    if bytes > MAX_ANNOTATION_BYTES {
        causes.push(Cause::too_long(path, MAX_ANNOTATION_BYTES));
    }
}

/// A selector must be one that can match.
pub(crate) fn selector(path: Path<'_>, selector: &LabelSelector, causes: &mut Vec<Cause>) {
    labels(path.child("matchLabels"), &selector.match_labels, causes);
    let expressions = path.child("matchExpressions");
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = expressions.index(index);
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(path.child("values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(path.child("values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                causes.push(Cause::invalid(path.child("operator"), other, why));
            }
        }
        causes.extend(
            label_name(&expression.key).map(|why| Cause::invalid(path.child("key"), &expression.key, why)),
        );
        for (index, value) in values.iter().enumerate() {
            let place = path.child("values");
            causes.extend(label_value(value).map(|why| Cause::invalid(place.index(index), value, why)));
        }
    }
}

/// Whether a selector selects anything in particular.
pub(crate) fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

/// A selector as tables show it: `a=b,c in (d)`.
pub(crate) fn shown(selector: &LabelSelector) -> String {
    match bireme_core::selector::LabelSelector::try_from(selector) {
        Ok(parsed) if parsed.is_everything() => "<none>".to_owned(),
        Ok(parsed) => parsed.to_string(),
        Err(_) => "<error>".to_owned(),
    }
}

/// Labels as tables show them: `a=b,c=d`.
pub(crate) fn joined(labels: &Option<BTreeMap<String, String>>) -> String {
    let pairs: Vec<String> = labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") }
}

/// The text of a field, or what tables show where there is none.
pub(crate) fn or_none(field: &Option<String>) -> &str {
    match text(field) {
        "" => "<none>",
        value => value,
    }
}

/// The same where a field that is not there means nothing in particular.
pub(crate) fn or_unset(field: &Option<String>) -> &str {
    match text(field) {
        "" => "<unset>",
        value => value,
    }
}
