//! An object's JSON: stored without its resource version, sent with it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{DecodeError, Metadata};
use crate::store::Revision;

/// An object's JSON without `metadata.resourceVersion`, and where that goes.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) json: Bytes,
    /// The offset just behind the opening brace of `metadata`.
    splice: usize,
    /// Whether `metadata` has no member, so that no comma may follow the resource version.
    bare: bool,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Managed<'a> {
    #[serde(borrow, rename = "managedFields")]
    fields: Option<&'a RawValue>,
}

impl Encoded {
    /// Finds the metadata in `json`, and decodes the part of it that everything generic needs.
    pub(super) fn read(json: Bytes) -> Result<(Encoded, Metadata), DecodeError> {
        reject_foreign_encoding(&json)?;
        let head: Head<'_> = serde_json::from_slice(&json).map_err(DecodeError::Json)?;
        let raw = head.metadata.ok_or(DecodeError::NoMetadata)?.get();
        if !raw.starts_with('{') {
            return Err(DecodeError::NoMetadata);
        }
        let metadata: Metadata = serde_json::from_str(raw).map_err(DecodeError::Json)?;
        // A borrowed raw value is a slice of the input, so the distance of the two is its offset there.
        let splice = raw.as_ptr() as usize - json.as_ptr() as usize + 1;
        let bare = raw[1..].trim_start().starts_with('}');
        Ok((Encoded { json, splice, bare }, metadata))
    }

    /// The JSON with nothing in `metadata.managedFields`.
    pub(super) fn without_managed_fields(&self) -> Result<Cow<'_, [u8]>, DecodeError> {
        let metadata = &self.json[self.splice - 1..];
        let Managed { fields } = Managed::deserialize(&mut serde_json::Deserializer::from_slice(metadata))
            .map_err(DecodeError::Json)?;
        let Some(fields) = fields.map(RawValue::get) else { return Ok(Cow::Borrowed(&self.json)) };
        // A borrowed raw value is a slice of the input, as above.
        let begin = fields.as_ptr() as usize - self.json.as_ptr() as usize;
        let rest = &self.json[begin + fields.len()..];
        Ok(Cow::Owned([&self.json[..begin], b"null", rest].concat()))
    }

    /// The JSON with the resource version in place, as three slices to be sent one after the other.
    pub(super) fn with_revision(&self, revision: Revision) -> [Bytes; 3] {
        let version = format!("\"resourceVersion\":\"{revision}\"{}", if self.bare { "" } else { "," });
        [self.json.slice(..self.splice), Bytes::from(version), self.json.slice(self.splice..)]
    }
}

/// Values that upstream wrote as protobuf or encrypted are recognised, so that the error can say so.
fn reject_foreign_encoding(value: &[u8]) -> Result<(), DecodeError> {
    if value.starts_with(b"k8s\0") {
        Err(DecodeError::ForeignEncoding("protobuf"))
    } else if value.starts_with(b"k8s:enc:") {
        Err(DecodeError::ForeignEncoding("encryption at rest"))
    } else {
        Ok(())
    }
}
