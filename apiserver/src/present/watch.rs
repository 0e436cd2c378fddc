//! The frames of a watch: one JSON document on a line for each event.

use bireme_core::client::ApiEvent;
use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Object};
use bireme_core::store::Revision;
use bytes::BytesMut;

use super::Presenter;
use super::table::{ListMeta, append, write_head};
use crate::negotiate::Form;

impl Presenter {
    /// Appends the frame of an event.
    pub(crate) fn write_event(&self, event: &ApiEvent, out: &mut BytesMut) -> Result<(), DecodeError> {
        match event {
            ApiEvent::Added(object) => self.write_frame("ADDED", object, out),
            ApiEvent::Modified(object) => self.write_frame("MODIFIED", object, out),
            ApiEvent::Deleted(object) => self.write_frame("DELETED", object, out),
            ApiEvent::Bookmark { revision, initial_events_end } => {
                self.write_bookmark(*revision, *initial_events_end, out)
            }
        }
    }

    fn write_frame(&self, name: &str, object: &Object, out: &mut BytesMut) -> Result<(), DecodeError> {
        open(name, out);
        self.write(object, out)?;
        close(out);
        Ok(())
    }

    fn write_bookmark(
        &self,
        revision: Revision,
        initial_events_end: bool,
        out: &mut BytesMut,
    ) -> Result<(), DecodeError> {
        open("BOOKMARK", out);
        let (kind, api_version) = match self.form {
            Form::Table => {
                write_head(&self.strategy.columns(), &ListMeta::of(revision), out)?;
                out.extend_from_slice(b"]}");
                close(out);
                return Ok(());
            }
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
            Form::Object => (self.strategy.kind().name(), self.strategy.kind().api_version()),
        };
        // KEP-3157: clients wait for this annotation.
        let annotations =
            if initial_events_end { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
        let object = format!(
            r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"resourceVersion":"{revision}","creationTimestamp":null{annotations}}}}}"#
        );
        out.extend_from_slice(object.as_bytes());
        close(out);
        Ok(())
    }
}

/// Appends the frame that tells why a watch ends.
pub(crate) fn error_frame(error: &ApiError, out: &mut BytesMut) -> Result<(), DecodeError> {
    open("ERROR", out);
    append(&error.status(), out)?;
    close(out);
    Ok(())
}

fn open(name: &str, out: &mut BytesMut) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(br#"","object":"#);
}

fn close(out: &mut BytesMut) {
    out.extend_from_slice(b"}\n");
}
