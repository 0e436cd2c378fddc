//! `PartialObjectMetadata`: an object without its spec and status.

use bireme_core::object::{DecodeError, Object};
use bytes::BytesMut;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: &'a RawValue,
}

/// Appends the metadata of an object as an object of its own.
pub(super) fn write(object: &Object, out: &mut BytesMut) -> Result<(), DecodeError> {
    let json = object.wire().concat();
    let head: Head<'_> = serde_json::from_slice(&json).map_err(DecodeError::Json)?;
    out.extend_from_slice(br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#);
    out.extend_from_slice(head.metadata.get().as_bytes());
    out.extend_from_slice(b"}");
    Ok(())
}
