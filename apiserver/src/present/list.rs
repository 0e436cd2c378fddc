//! Lists, sent in chunks of bounded size while they are being put together.

use std::sync::Arc;

use bireme_core::client::ObjectList;
use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Object};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode};

use super::Presenter;
use super::table::{ListMeta, append, write_head};
use crate::http::{BoxError, Reply, ReplyBody, reply};
use crate::negotiate::Form;

/// About how many bytes are put together before they are sent.
const CHUNK: usize = 64 << 10;

/// The answer that is a list.
pub(crate) fn list(presenter: Presenter, list: ObjectList) -> Result<Reply, ApiError> {
    let mut head = BytesMut::with_capacity(1024);
    write_list_head(&presenter, &list, &mut head)?;
    let pretty = presenter.pretty;
    let mut chunks = Chunks { presenter, items: list.items, next: 0, head, done: false };
    let first = chunks.chunk()?;
    // Most lists fit into one chunk, and then have a length that the client is told.
    if chunks.done || pretty {
        let mut whole = BytesMut::from(first);
        while !chunks.done {
            whole.extend_from_slice(&chunks.chunk()?);
        }
        return Ok(reply::json_chunks(StatusCode::OK, [chunks.presenter.prettied(whole.freeze())?]));
    }
    let all = std::iter::once(Ok(first)).chain(chunks);
    let body = ReplyBody::stream(futures::stream::iter(all));
    Ok(reply::with_type(StatusCode::OK, HeaderValue::from_static("application/json"), body))
}

/// Appends a list up to the opening bracket of its items.
fn write_list_head(presenter: &Presenter, list: &ObjectList, out: &mut BytesMut) -> Result<(), DecodeError> {
    let meta = ListMeta {
        continue_token: list.continue_token.as_deref(),
        remaining_item_count: list.remaining,
        ..ListMeta::of(list.revision)
    };
    let (kind, api_version) = match presenter.form {
        Form::Table => return write_head(&presenter.strategy.columns(), &meta, out),
        Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        Form::Object => {
            let kind = presenter.strategy.kind();
            (format!("{}List", kind.name()), kind.api_version())
        }
    };
    out.extend_from_slice(
        format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":"#).as_bytes(),
    );
    append(&meta, out)?;
    out.extend_from_slice(br#","items":["#);
    Ok(())
}

/// The text of a list, piece by piece.
struct Chunks {
    presenter: Presenter,
    items: Vec<Arc<Object>>,
    next: usize,
    /// What goes out first.
    head: BytesMut,
    done: bool,
}

impl Chunks {
    fn chunk(&mut self) -> Result<Bytes, DecodeError> {
        let mut out = std::mem::take(&mut self.head);
        while out.len() < CHUNK {
            let Some(object) = self.items.get(self.next) else {
                out.extend_from_slice(b"]}");
                self.done = true;
                break;
            };
            if self.next > 0 {
                out.extend_from_slice(b",");
            }
            match self.presenter.form {
                Form::Table => self.presenter.write_row(object, &mut out)?,
                Form::Object | Form::Metadata => self.presenter.write(object, &mut out)?,
            }
            self.next += 1;
        }
        Ok(out.freeze())
    }
}

impl Iterator for Chunks {
    type Item = Result<Bytes, BoxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.chunk();
        self.done |= chunk.is_err();
        Some(chunk.map_err(Into::into))
    }
}
