//! Requests in Kubernetes' protobuf encoding, turned into JSON.
//!
//! Such a body is four magic bytes and a `runtime.Unknown`, which names the kind and carries the object. A table
//! of messages (generated, see `tests/protobuf_table`) says for every field number what it is called in JSON and
//! what becomes of it; what the table does not know is skipped, as every protobuf reader does.

#[rustfmt::skip]
mod messages;
mod transcode;
mod wire;

use serde_json::{Map, Value};

use wire::{Fields, Payload};

/// What protobuf bodies begin with.
const MAGIC: &[u8] = b"k8s\0";

/// Why a body is not an object in protobuf.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The first four bytes are not those of Kubernetes.
    #[error("the body does not begin with the magic bytes of Kubernetes' protobuf encoding")]
    Magic,
    /// It ends within a field.
    #[error("the body ends within a field")]
    Truncated,
    /// A field has a form that protobuf does not have.
    #[error("the body is not protobuf")]
    Malformed,
    /// A field has a type other than it should.
    #[error("field {0:?} has the wrong wire type")]
    WireType(&'static str),
    /// A text is not UTF-8.
    #[error("field {0:?} is not valid UTF-8")]
    Utf8(&'static str),
    /// A time does not exist.
    #[error("field {0:?} is not a time")]
    Time(&'static str),
    /// Embedded JSON is not JSON.
    #[error("field {0:?} does not hold JSON")]
    Json(&'static str),
    /// Messages lie too deep within each other.
    #[error("messages are nested too deeply")]
    Depth,
    /// The body holds too many values.
    #[error("the body holds too many values")]
    TooMany,
    /// This kind cannot be sent in protobuf.
    #[error("no protobuf encoding is known for kind {kind:?} of {api_version:?}; send JSON")]
    Kind {
        /// The version it was said to be of.
        api_version: String,
        /// The kind it was said to be.
        kind: String,
    },
}

/// How often a field occurs, and whether its zero is left out of the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Once; left out when zero, as Go's `omitempty` does with plain values.
    One,
    /// Once; kept when zero, because that means something or because it is always there.
    Kept,
    /// Any number of times: a list.
    Many,
    /// Any number of times: pairs of a text and a value.
    Map,
    /// Once; its own fields lie in the object that has it.
    Inline,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    Bool,
    Integer,
    Bytes,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    Json,
    Nested(&'static Message),
}

/// What a message is made of.
#[derive(Debug)]
struct Message(&'static [Field]);

#[derive(Debug)]
struct Field {
    number: u32,
    name: &'static str,
    shape: Shape,
    value: Type,
}

const fn field(number: u32, name: &'static str, shape: Shape, value: Type) -> Field {
    Field { number, name, shape, value }
}

/// The JSON of a protobuf body, with `apiVersion` and `kind` as the body names them.
///
/// # Errors
///
/// When the body is not of that encoding, or of a kind that the table does not have.
pub fn transcode(body: &[u8]) -> Result<Value, ProtobufError> {
    let unknown = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields::of(unknown) {
        match field? {
            (1, Payload::Bytes(type_meta)) => {
                for field in Fields::of(type_meta) {
                    match field? {
                        (1, Payload::Bytes(text)) => api_version = utf8(text, "apiVersion")?.to_owned(),
                        (2, Payload::Bytes(text)) => kind = utf8(text, "kind")?.to_owned(),
                        _ => {}
                    }
                }
            }
            (2, Payload::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let Some(message) = messages::root(&api_version, &kind) else {
        return Err(ProtobufError::Kind { api_version, kind });
    };
    let mut object = Map::new();
    transcode::Transcoder::default().message(message, raw, &mut object)?;
    object.insert("apiVersion".to_owned(), Value::String(api_version));
    object.insert("kind".to_owned(), Value::String(kind));
    Ok(Value::Object(object))
}

fn utf8<'a>(bytes: &'a [u8], name: &'static str) -> Result<&'a str, ProtobufError> {
    std::str::from_utf8(bytes).map_err(|_| ProtobufError::Utf8(name))
}

#[cfg(test)]
mod tests;
