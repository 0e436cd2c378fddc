//! A kind's description without its type: what the generic code path of each verb works with.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::{DecodeError, Kind, Object};
use jiff::Timestamp;
use schemars::SchemaGenerator;
use serde_json::Value;

use super::{ColumnDefinition, Conversion, Draft, NameRule, Schema, SelectableField, Strategy, Subresource};

/// A [`Strategy`] whose type is known only to itself. Get one by [`strategy`].
///
/// Functions that take a [`Draft`] or [`Object`] take only those of the strategy's own kind, and do nothing
/// with others.
pub trait DynStrategy: Send + Sync + 'static {
    /// The kind.
    fn kind(&self) -> Kind;
    /// See [`Strategy::SINGULAR`].
    fn singular(&self) -> &'static str;
    /// See [`Strategy::SHORT_NAMES`].
    fn short_names(&self) -> &'static [&'static str];
    /// See [`Strategy::CATEGORIES`].
    fn categories(&self) -> &'static [&'static str];
    /// See [`Strategy::SUBRESOURCES`].
    fn subresources(&self) -> &'static [Subresource];
    /// See [`Strategy::NAME_RULE`].
    fn name_rule(&self) -> NameRule;
    /// The keys of all objects begin with this; it ends with a slash.
    fn storage_prefix(&self) -> String;
    /// See [`Strategy::STORED_AS`].
    fn stored_as(&self) -> Option<Conversion>;
    /// See [`Strategy::SELECTABLE`].
    fn selectable(&self) -> &'static [SelectableField];
    /// See [`Strategy::SCHEMA`].
    fn schema(&self) -> &'static Schema;
    /// See [`Strategy::HAS_GENERATION`].
    fn has_generation(&self) -> bool;
    /// See [`Strategy::GRACEFUL`].
    fn is_graceful(&self) -> bool;
    /// See [`Strategy::UNATTENDED`].
    fn unattended(&self) -> Option<&'static str>;
    /// See [`Strategy::TIME_TO_LIVE`].
    fn time_to_live(&self) -> Option<Duration>;
    /// The JSON schema of the objects, with the types that it is made of among the generator's definitions.
    fn json_schema(&self, generator: &mut SchemaGenerator) -> schemars::Schema;
    /// The headings of a table of such objects.
    fn columns(&self) -> Vec<ColumnDefinition>;
    /// The cells of an object in such a table.
    ///
    /// # Errors
    ///
    /// When the stored object does not fit the type.
    fn cells(&self, object: &Object, now: Timestamp) -> Result<Vec<Value>, DecodeError>;
    /// Decodes an object, telling the path of each field that the kind does not have.
    ///
    /// # Errors
    ///
    /// The path of the first field that does not fit the type, with what is wrong with it.
    fn decode(&self, json: &[u8], unknown: Option<&mut Vec<String>>) -> Result<Draft, TypeMismatch>;
    /// The draft of an object that exists already.
    ///
    /// # Errors
    ///
    /// When the object does not fit the type.
    fn draft(&self, object: &Object) -> Result<Draft, DecodeError>;
    /// See [`Strategy::default`].
    fn default(&self, draft: &mut Draft);
    /// See [`Strategy::prepare_create`].
    fn prepare_create(&self, draft: &mut Draft);
    /// See [`Strategy::prepare_update`].
    fn prepare_update(&self, draft: &mut Draft, old: &Draft, part: Part);
    /// See [`Strategy::same_spec`].
    fn same_spec(&self, draft: &Draft, old: &Draft) -> bool;
    /// See [`Strategy::validate`].
    fn validate(&self, draft: &Draft, causes: &mut Vec<Cause>);
    /// See [`Strategy::validate_update`].
    fn validate_update(&self, draft: &Draft, old: &Draft, part: Part, causes: &mut Vec<Cause>);
    /// See [`Strategy::grace_period_seconds`].
    fn grace_period_seconds(&self, draft: &Draft, requested: Option<i64>) -> i64;
    /// See [`Strategy::prepare_delete`].
    fn prepare_delete(&self, draft: &mut Draft);
    /// See [`Strategy::is_held`].
    fn is_held(&self, draft: &Draft) -> bool;
    /// See [`Strategy::warnings`].
    fn warnings(&self, draft: &Draft, old: Option<&Draft>) -> Vec<String>;
}

/// A field whose value does not fit the type of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct TypeMismatch {
    /// The path of the field; empty for the object as a whole.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// The description of `K` without its type.
pub fn strategy<K: Strategy>() -> Arc<dyn DynStrategy> {
    Arc::new(Erased::<K>(PhantomData))
}

struct Erased<K>(PhantomData<fn() -> K>);

impl<K: Strategy> DynStrategy for Erased<K> {
    fn kind(&self) -> Kind {
        Kind::of::<K>()
    }

    fn singular(&self) -> &'static str {
        K::SINGULAR
    }

    fn short_names(&self) -> &'static [&'static str] {
        K::SHORT_NAMES
    }

    fn categories(&self) -> &'static [&'static str] {
        K::CATEGORIES
    }

    fn subresources(&self) -> &'static [Subresource] {
        K::SUBRESOURCES
    }

    fn name_rule(&self) -> NameRule {
        K::NAME_RULE
    }

    fn storage_prefix(&self) -> String {
        format!("/registry/{}/", K::STORAGE_FOLDER.unwrap_or(K::URL_PATH_SEGMENT))
    }

    fn stored_as(&self) -> Option<Conversion> {
        K::STORED_AS
    }

    fn selectable(&self) -> &'static [SelectableField] {
        K::SELECTABLE
    }

    fn schema(&self) -> &'static Schema {
        K::SCHEMA
    }

    fn has_generation(&self) -> bool {
        K::HAS_GENERATION
    }

    fn is_graceful(&self) -> bool {
        K::GRACEFUL
    }

    fn unattended(&self) -> Option<&'static str> {
        K::UNATTENDED
    }

    fn time_to_live(&self) -> Option<Duration> {
        K::TIME_TO_LIVE
    }

    fn json_schema(&self, generator: &mut SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<K>()
    }

    fn columns(&self) -> Vec<ColumnDefinition> {
        K::COLUMNS.iter().map(|column| column.definition).collect()
    }

    fn cells(&self, object: &Object, now: Timestamp) -> Result<Vec<Value>, DecodeError> {
        let typed = object.typed::<K>()?;
        Ok(K::COLUMNS.iter().map(|column| (column.cell)(&typed, now)).collect())
    }

    fn decode(&self, json: &[u8], unknown: Option<&mut Vec<String>>) -> Result<Draft, TypeMismatch> {
        let decoded = match unknown {
            Some(unknown) => {
                let mut deserializer = serde_json::Deserializer::from_slice(json);
                // Behind a pointer, or each kind would have a copy of its own of the code for all that it contains.
                let note: &mut dyn FnMut(serde_ignored::Path<'_>) =
                    &mut |path| unknown.push(field_path(&path));
                serde_ignored::deserialize(&mut deserializer, note)
                    .and_then(|object| deserializer.end().map(|()| object))
            }
            None => K::from_json(json),
        };
        match decoded {
            Ok(object) => Ok(Draft::new(self.kind(), Box::new(object))),
            Err(error) => Err(locate::<K>(json, &error)),
        }
    }

    fn draft(&self, object: &Object) -> Result<Draft, DecodeError> {
        // Not through `Object::typed`: that would keep the decoded form for as long as the object lives.
        let typed = K::from_json(object.json()).map_err(DecodeError::Json)?;
        Ok(Draft::new(self.kind(), Box::new(typed)))
    }

    fn default(&self, draft: &mut Draft) {
        if let Some(object) = draft.typed_mut::<K>() {
            Strategy::default(object);
        }
    }

    fn prepare_create(&self, draft: &mut Draft) {
        if let Some(object) = draft.typed_mut::<K>() {
            object.prepare_create();
        }
    }

    fn prepare_update(&self, draft: &mut Draft, old: &Draft, part: Part) {
        if let (Some(object), Some(old)) = (draft.typed_mut::<K>(), old.typed::<K>()) {
            object.prepare_update(old, part);
        }
    }

    fn same_spec(&self, draft: &Draft, old: &Draft) -> bool {
        match (draft.typed::<K>(), old.typed::<K>()) {
            (Some(object), Some(old)) => object.same_spec(old),
            _ => true,
        }
    }

    fn validate(&self, draft: &Draft, causes: &mut Vec<Cause>) {
        if let Some(object) = draft.typed::<K>() {
            object.validate(causes);
        }
    }

    fn validate_update(&self, draft: &Draft, old: &Draft, part: Part, causes: &mut Vec<Cause>) {
        if let (Some(object), Some(old)) = (draft.typed::<K>(), old.typed::<K>()) {
            object.validate_update(old, part, causes);
        }
    }

    fn grace_period_seconds(&self, draft: &Draft, requested: Option<i64>) -> i64 {
        draft.typed::<K>().map_or(0, |object| object.grace_period_seconds(requested))
    }

    fn prepare_delete(&self, draft: &mut Draft) {
        if let Some(object) = draft.typed_mut::<K>() {
            object.prepare_delete();
        }
    }

    fn is_held(&self, draft: &Draft) -> bool {
        draft.typed::<K>().is_some_and(K::is_held)
    }

    fn warnings(&self, draft: &Draft, old: Option<&Draft>) -> Vec<String> {
        let old = old.and_then(Draft::typed::<K>);
        draft.typed::<K>().map_or_else(Vec::new, |object| object.warnings(old))
    }
}

/// Decodes again, slower, to learn where an error is: through an erased deserializer, since a copy of all types'
/// code for what hardly ever happens would be megabytes.
fn locate<K: Strategy>(json: &[u8], first: &serde_json::Error) -> TypeMismatch {
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    match erased_serde::deserialize::<K>(&mut <dyn erased_serde::Deserializer<'_>>::erase(tracked)) {
        Err(error) => {
            let path = track.path().to_string();
            let path = if path == "." { String::new() } else { path };
            TypeMismatch { path, message: error.to_string() }
        }
        Ok(_) => TypeMismatch { path: String::new(), message: first.to_string() },
    }
}

/// The path of a field as Kubernetes writes it: `spec.containers[0].image`.
fn field_path(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", field_path(parent)),
        Path::Map { parent, key } => match field_path(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            field_path(parent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn a_value_of_the_wrong_type_is_told_with_its_path() {
        let wrong = |json: &[u8]| strategy::<Pod>().decode(json, None).unwrap_err();
        let port =
            wrong(br#"{"spec":{"containers":[{"name":"a"},{"name":"b","ports":[{"containerPort":"x"}]}]}}"#);
        assert_eq!(port.path, "spec.containers[1].ports[0].containerPort");
        assert!(port.message.starts_with("invalid type: string \"x\", expected i32"), "{}", port.message);
        let whole = wrong(b"[1]");
        assert_eq!(whole.path, "");
        assert!(whole.message.starts_with("invalid type: sequence, expected Pod"), "{}", whole.message);
    }
}
