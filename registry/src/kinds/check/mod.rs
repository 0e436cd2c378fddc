//! What the rules of many kinds are made of: paths of fields, and checks of single values in the words that
//! clients know.

mod amount;
mod labels;
mod path;
mod reference;
mod resources;
mod text;

#[cfg(test)]
pub(crate) use amount::PERCENT;
pub(crate) use amount::{Amount, amount, share};
pub(crate) use labels::{annotations, is_empty, joined, labels, or_none, or_unset, selector, shown};
pub(crate) use path::Path;
pub(crate) use reference::{domain_prefixed_path, local_reference, path_segment};
pub(crate) use resources::{Amounts, canonical, positive_quantity, quantities};
pub(crate) use text::{
    dns_label, dns_subdomain, ip, label_name, label_value, port_name, qualified_name, relative_path,
    wildcard_subdomain,
};

use std::fmt;

use bireme_core::error::Cause;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

/// A value that messages show as JSON.
pub(crate) struct Json<'a, T>(pub &'a T);

impl<T: Serialize> fmt::Debug for Json<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// The text in an optional field; empty where there is none.
pub(crate) fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// Sets a field that its author left out. An empty text counts as left out, as in Kubernetes' own types.
pub(crate) fn default_text(field: &mut Option<String>, value: &str) {
    if text(field).is_empty() {
        *field = Some(value.to_owned());
    }
}

/// The value must not be negative.
pub(crate) fn non_negative(path: Path<'_>, value: i64, causes: &mut Vec<Cause>) {
    if value < 0 {
        causes.push(Cause::invalid(path, value, "must be greater than or equal to 0"));
    }
}

/// The optional value must not be negative.
pub(crate) fn non_negative_if_set<T: Into<i64> + Copy>(
    path: Path<'_>,
    value: Option<T>,
    causes: &mut Vec<Cause>,
) {
    non_negative(path, value.map_or(0, T::into), causes);
}

/// The text must be there.
pub(crate) fn required(path: Path<'_>, value: &str, causes: &mut Vec<Cause>) {
    if value.is_empty() {
        causes.push(Cause::required(path, ""));
    }
}

/// There must not be more items than this.
pub(crate) fn at_most(path: Path<'_>, count: usize, most: usize, causes: &mut Vec<Cause>) {
    if count > most {
        causes.push(Cause {
            reason: "FieldValueTooMany",
            field: path.into(),
            message: format!("Too many: {count}: must have at most {most} items"),
        });
    }
}

/// What is there is wrong as a whole, whatever exactly it is.
pub(crate) fn wrong(path: Path<'_>, why: impl fmt::Display) -> Cause {
    Cause { reason: "FieldValueInvalid", field: path.into(), message: format!("Invalid value: {why}") }
}

/// The value must be greater than zero.
pub(crate) fn positive(path: Path<'_>, value: i64, causes: &mut Vec<Cause>) {
    if value <= 0 {
        causes.push(Cause::invalid(path, value, "must be greater than zero"));
    }
}

/// The value must be there, and one of those allowed.
pub(crate) fn one_of(path: Path<'_>, value: &str, allowed: &[&str], causes: &mut Vec<Cause>) {
    if value.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if !allowed.contains(&value) {
        causes.push(Cause::not_supported(path, value, allowed));
    }
}

/// A number must be that of a port.
pub(crate) fn port_number(path: Path<'_>, port: i64, causes: &mut Vec<Cause>) {
    if !(1..=65_535).contains(&port) {
        causes.push(Cause::invalid(path, port, "must be between 1 and 65535, inclusive"));
    }
}

/// A port must be a number, or the name of one.
pub(crate) fn port(path: Path<'_>, port: &IntOrString, causes: &mut Vec<Cause>) {
    match port {
        IntOrString::Int(number) => port_number(path, i64::from(*number), causes),
        IntOrString::String(name) => {
            causes.extend(port_name(name).map(|why| Cause::invalid(path, name, why)))
        }
    }
}

/// The field must be what it was.
pub(crate) fn immutable<T: PartialEq + Serialize>(path: Path<'_>, new: &T, old: &T, causes: &mut Vec<Cause>) {
    if new != old {
        causes.push(Cause::invalid(path, Json(new), "field is immutable"));
    }
}
