//! From what a writer sent to a draft.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bireme_core::client::FieldValidation;
use bireme_core::error::ApiError;
use bireme_core::store::Revision;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::request::Body;
use crate::resource::{Draft, TypeMismatch};
use crate::table::KindEntry;

/// An object that has been received: what it says, and at what revision its writer read it.
pub(crate) struct Received {
    pub(crate) draft: Draft,
    /// Zero when the writer named none.
    pub(crate) revision: Revision,
    pub(crate) warnings: Vec<String>,
}

/// Unknown and duplicate fields listed in one answer at most.
pub(crate) const MAX_REPORTED: usize = 100;

/// Decodes what a writer sent, and reports unknown and duplicate fields as it asked for.
pub(crate) fn receive(
    entry: &KindEntry,
    body: &Body<'_>,
    validation: FieldValidation,
) -> Result<Received, ApiError> {
    let (json, revision, validation) = match body {
        Body::Json(json) => (json, None, validation),
        // There is nobody to warn in this process.
        Body::Object(object) if validation == FieldValidation::Warn => {
            (object.json(), Some(object.revision()), FieldValidation::Ignore)
        }
        Body::Object(object) => (object.json(), Some(object.revision()), validation),
    };
    let mut unknown = Vec::new();
    let wanted = (validation != FieldValidation::Ignore).then_some(&mut unknown);
    let (json, managers) = without_managed_fields(json);
    let mut draft = entry.strategy.decode(&json, wanted).map_err(|error| cannot_handle(entry, &error))?;
    if let Some(managers) = managers {
        let decoded = serde_json::from_str(managers).map_err(|error| {
            let error =
                TypeMismatch { path: "metadata.managedFields".to_owned(), message: error.to_string() };
            cannot_handle(entry, &error)
        })?;
        draft.metadata_mut().managed_fields = Some(decoded);
    }
    let mut faults: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    if validation != FieldValidation::Ignore {
        faults.extend(duplicates(&json).into_iter().map(|path| format!("duplicate field \"{path}\"")));
    }
    faults.truncate(MAX_REPORTED);
    if validation == FieldValidation::Strict && !faults.is_empty() {
        return Err(cannot_handle(entry, &format!("strict decoding error: {}", faults.join(", "))));
    }
    let named = draft.metadata_mut().resource_version.take();
    let revision = match (revision, named) {
        (Some(revision), _) => revision,
        (None, named) => revision_named(named.as_deref().unwrap_or_default())?,
    };
    Ok(Received { draft, revision, warnings: faults })
}

/// An object's JSON with nothing in its managed fields, and those fields: what nobody writes by hand is not looked
/// through for mistakes.
fn without_managed_fields(json: &Bytes) -> (Cow<'_, [u8]>, Option<&str>) {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: Option<Metadata<'a>>,
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow, rename = "managedFields")]
        managers: Option<&'a RawValue>,
    }
    // What is no object with metadata is found out by who decodes it.
    let head = serde_json::from_slice::<Head<'_>>(json).ok();
    let managers = head.and_then(|head| head.metadata?.managers).map(RawValue::get);
    let Some(managers) = managers.filter(|managers| *managers != "null") else {
        return (Cow::Borrowed(json), None);
    };
    // A borrowed raw value is a slice of the input, so the distance of the two is its place there.
    let begin = managers.as_ptr() as usize - json.as_ptr() as usize;
    let rest = &json[begin + managers.len()..];
    (Cow::Owned([&json[..begin], b"null", rest].concat()), Some(managers))
}

/// The revision that a resource version in an object names; zero where it is empty.
pub(crate) fn revision_named(version: &str) -> Result<Revision, ApiError> {
    match version {
        "" => Ok(Revision::ZERO),
        version => version.parse().map(Revision).map_err(|_| {
            ApiError::bad_request(format!("invalid resource version {version:?}: not a decimal number"))
        }),
    }
}

fn cannot_handle(entry: &KindEntry, why: &dyn fmt::Display) -> ApiError {
    let (kind, version) = (entry.kind.name(), entry.kind.version());
    ApiError::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
}

/// The paths of members that occur more than once in their object.
pub(crate) fn duplicates(json: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut path = String::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    // The same bytes have been decoded before, so there is no error left to be found.
    let walked = Duplicates { path: &mut path, found: &mut found }.deserialize(&mut deserializer);
    walked.map_or_else(|_| Vec::new(), |()| found)
}

struct Duplicates<'a> {
    path: &'a mut String,
    found: &'a mut Vec<String>,
}

impl Duplicates<'_> {
    fn below(&mut self) -> Duplicates<'_> {
        Duplicates { path: self.path, found: self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Duplicates<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Duplicates<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Most objects are small, where looking through a list is the faster way.
        let (mut few, mut many): (Vec<Cow<'de, str>>, HashSet<Cow<'de, str>>) = (Vec::new(), HashSet::new());
        let length = self.path.len();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            let is_new = if few.len() < 16 {
                let is_new = !few.contains(&key);
                few.extend(is_new.then_some(key));
                is_new
            } else {
                !few.contains(&key) && many.insert(key)
            };
            if !is_new && self.found.len() < MAX_REPORTED {
                self.found.push(self.path.clone());
            }
            map.next_value_seed(self.below())?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let length = self.path.len();
        for index in 0usize.. {
            self.path.push_str(&format!("[{index}]"));
            let item = seq.next_element_seed(self.below())?;
            self.path.truncate(length);
            if item.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::duplicates;

    #[test]
    fn every_repeated_member_is_found_with_its_path() {
        let json = br#"{"a":1,"spec":{"x":1,"y":[{"z":1},{"z":1,"z":2}],"x":2},"a":null}"#;
        assert_eq!(duplicates(json), ["spec.y[1].z", "spec.x", "a"]);
        assert!(duplicates(br#"{"a":{"b":1},"c":{"b":1}}"#).is_empty());
    }

    #[test]
    fn repetitions_are_found_in_large_objects_too() {
        let mut members: Vec<String> = (0..40).map(|i| format!("\"k{i}\":0")).collect();
        members.push("\"k3\":0".into());
        members.push("\"k39\":0".into());
        assert_eq!(duplicates(format!("{{{}}}", members.join(",")).as_bytes()), ["k3", "k39"]);
    }
}
