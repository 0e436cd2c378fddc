//! Objects as clients see them: as they are, as rows of a table, or as their metadata alone; one by one, in lists,
//! and in the frames of a watch.

mod list;
mod metadata;
mod table;
mod watch;

use std::sync::Arc;

use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Object};
use bireme_registry::resource::DynStrategy;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use jiff::Timestamp;

use crate::http::{Reply, reply};
use crate::negotiate::{self, Form};
use crate::query::Query;

pub(crate) use list::list;
pub(crate) use watch::error_frame;

/// What a row of a table says about its object besides the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncludeObject {
    None,
    Metadata,
    Object,
}

/// How objects are presented to one client.
#[derive(Clone)]
pub(crate) struct Presenter {
    pub(crate) strategy: Arc<dyn DynStrategy>,
    pub(crate) form: Form,
    pub(crate) include: IncludeObject,
    pub(crate) pretty: bool,
    /// What ages are relative to.
    pub(crate) now: Timestamp,
}

impl Presenter {
    /// As the request's headers and parameters ask for.
    pub(crate) fn of(
        strategy: &Arc<dyn DynStrategy>,
        headers: &http::HeaderMap,
        query: &Query,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let include = match query.text("includeObject") {
            None | Some("Metadata") => IncludeObject::Metadata,
            Some("None") => IncludeObject::None,
            Some("Object") => IncludeObject::Object,
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "invalid parameter includeObject: {other:?}: must be None, Metadata or Object"
                )));
            }
        };
        let form = negotiate::form(headers)?;
        // `pretty=0` and `pretty=false` say no; curl asks for nothing and gets what is stored.
        let pretty = query.flag("pretty")?;
        Ok(Self { strategy: strategy.clone(), form, include, pretty, now })
    }

    /// The answer that consists of one object.
    pub(crate) fn reply(&self, code: StatusCode, object: &Object) -> Result<Reply, ApiError> {
        let mut bytes = BytesMut::new();
        if self.form == Form::Object {
            let [head, version, tail] = object.wire();
            // A small object is sent in one piece, a large one in those that are there.
            if tail.len() > COPY_LIMIT && !self.pretty {
                return Ok(reply::json_chunks(code, [head, version, tail]));
            }
        }
        self.write(object, &mut bytes)?;
        Ok(reply::json_chunks(code, [self.prettied(bytes.freeze())?]))
    }

    /// Appends the object in its form.
    pub(crate) fn write(&self, object: &Object, out: &mut BytesMut) -> Result<(), DecodeError> {
        match self.form {
            Form::Object => object.wire().iter().for_each(|slice| out.extend_from_slice(slice)),
            Form::Metadata => metadata::write(object, out)?,
            Form::Table => {
                table::write_head(&self.strategy.columns(), &table::ListMeta::of(object.revision()), out)?;
                self.write_row(object, out)?;
                out.extend_from_slice(b"]}");
            }
        }
        Ok(())
    }

    /// Indents an answer for the eyes of a person, if that was asked for.
    pub(crate) fn prettied(&self, json: Bytes) -> Result<Bytes, ApiError> {
        if !self.pretty {
            return Ok(json);
        }
        let value: serde_json::Value = serde_json::from_slice(&json).map_err(DecodeError::Json)?;
        let mut text = serde_json::to_vec_pretty(&value).map_err(DecodeError::Json)?;
        text.push(b'\n');
        Ok(text.into())
    }

    fn write_row(&self, object: &Object, out: &mut BytesMut) -> Result<(), DecodeError> {
        let cells = self.strategy.cells(object, self.now)?;
        table::write_row(&cells, object, self.include, out)
    }
}

/// Up to this many bytes copying an object is cheaper than sending it in pieces.
const COPY_LIMIT: usize = 32 << 10;
