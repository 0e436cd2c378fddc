//! `Table`: objects as `kubectl get` prints them.

use bireme_core::object::{DecodeError, Object};
use bireme_core::store::Revision;
use bireme_registry::resource::ColumnDefinition;
use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::Value;

use super::{IncludeObject, metadata};

/// The metadata of a list or table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta<'a> {
    pub(super) resource_version: String,
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    pub(super) continue_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_item_count: Option<u64>,
}

impl ListMeta<'_> {
    /// That of something at a revision.
    pub(super) fn of(revision: Revision) -> Self {
        Self { resource_version: revision.to_string(), continue_token: None, remaining_item_count: None }
    }
}

#[derive(Serialize)]
struct Definition {
    name: &'static str,
    #[serde(rename = "type")]
    data_type: &'static str,
    format: &'static str,
    description: &'static str,
    priority: i32,
}

/// Appends a table up to the opening bracket of its rows.
pub(super) fn write_head(
    columns: &[ColumnDefinition],
    meta: &ListMeta<'_>,
    out: &mut BytesMut,
) -> Result<(), DecodeError> {
    let definitions: Vec<Definition> = columns
        .iter()
        .map(|column| Definition {
            name: column.name,
            data_type: column.data_type,
            format: column.format,
            description: column.description,
            priority: column.priority,
        })
        .collect();
    out.extend_from_slice(br#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":"#);
    append(meta, out)?;
    out.extend_from_slice(br#","columnDefinitions":"#);
    append(&definitions, out)?;
    out.extend_from_slice(br#","rows":["#);
    Ok(())
}

/// Appends a row.
pub(super) fn write_row(
    cells: &[Value],
    object: &Object,
    include: IncludeObject,
    out: &mut BytesMut,
) -> Result<(), DecodeError> {
    out.extend_from_slice(br#"{"cells":"#);
    append(&cells, out)?;
    match include {
        IncludeObject::None => {}
        IncludeObject::Metadata => {
            out.extend_from_slice(br#","object":"#);
            metadata::write(object, out)?;
        }
        IncludeObject::Object => {
            out.extend_from_slice(br#","object":"#);
            object.wire().iter().for_each(|slice| out.extend_from_slice(slice));
        }
    }
    out.extend_from_slice(b"}");
    Ok(())
}

/// Appends a value as JSON.
pub(super) fn append(value: &impl Serialize, out: &mut BytesMut) -> Result<(), DecodeError> {
    serde_json::to_writer(out.writer(), value).map_err(DecodeError::Json)
}
