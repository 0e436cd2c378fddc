//! What the tests of kinds share.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use jiff::Timestamp;
use serde_json::Value;

use crate::resource::Strategy;

/// The time at which tables are made.
pub(super) fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// An object, before anything is defaulted.
pub(super) fn from_json<K: Strategy>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// An object as it is once defaulted.
pub(super) fn defaulted<K: Strategy>(value: Value) -> K {
    let mut object: K = from_json(value);
    object.prepare_create();
    Strategy::default(&mut object);
    object
}

/// What is wrong with an object once it is defaulted.
pub(super) fn causes<K: Strategy>(object: &K) -> Vec<String> {
    let (mut object, mut causes) = (object.clone(), Vec::new());
    Strategy::default(&mut object);
    object.validate(&mut causes);
    causes.iter().map(Cause::to_string).collect()
}

/// What is wrong with a change of the main part, once both sides are defaulted.
pub(super) fn causes_of_change<K: Strategy>(new: &K, old: &K) -> Vec<String> {
    let (mut new, mut old, mut causes) = (new.clone(), old.clone(), Vec::new());
    Strategy::default(&mut old);
    new.prepare_update(&old, Part::Main);
    Strategy::default(&mut new);
    new.validate_update(&old, Part::Main, &mut causes);
    causes.iter().map(Cause::to_string).collect()
}

/// A cell of the object's row.
pub(super) fn cell<K: Strategy>(object: &K, column: &str) -> Value {
    let column = K::COLUMNS.iter().find(|known| known.definition.name == column).unwrap();
    (column.cell)(object, now())
}

/// The cells of the object's row, as `kubectl get` prints them; the wide ones too if asked for.
pub(super) fn row<K: Strategy>(object: &K, wide: bool) -> Vec<String> {
    let columns = K::COLUMNS.iter().filter(|column| wide || column.definition.priority == 0);
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    columns.map(|column| text((column.cell)(object, now()))).collect()
}
