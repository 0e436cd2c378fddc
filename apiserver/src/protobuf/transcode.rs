//! One message after the other into JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::wire::{Fields, Payload, varint};
use super::{Field, Message, ProtobufError, Shape, Type, utf8};

/// Deeper than any Kubernetes type goes.
const MAX_DEPTH: usize = 48;

/// More than any object holds, and few enough to bound the memory that a small hostile body can take.
const MAX_VALUES: usize = 400_000;

#[derive(Default)]
pub(super) struct Transcoder {
    depth: usize,
    values: usize,
}

impl Transcoder {
    /// Adds the fields of an encoded message to an object.
    pub(super) fn message(
        &mut self,
        message: &'static Message,
        bytes: &[u8],
        object: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ProtobufError::Depth);
        }
        for field in Fields::of(bytes) {
            let (number, payload) = field?;
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(ProtobufError::TooMany);
            }
            if let Some(field) = message.0.iter().find(|field| field.number == number) {
                self.field(field, payload, object)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn field(
        &mut self,
        field: &'static Field,
        payload: Payload<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        let name = field.name;
        match (field.shape, field.value) {
            (Shape::Inline, Type::Nested(message)) => {
                self.message(message, bytes_of(&payload, name)?, object)
            }
            (Shape::Many, Type::Integer) => {
                let list = array(object, name);
                match payload {
                    Payload::Bytes(mut packed) => {
                        while !packed.is_empty() {
                            list.push(integer(varint(&mut packed)?));
                        }
                    }
                    payload => list.push(integer(varint_of(&payload, name)?)),
                }
                Ok(())
            }
            (Shape::Many, kind) => {
                let value = self.value(kind, name, &payload, None)?;
                array(object, name).push(value);
                Ok(())
            }
            (Shape::Map, kind) => self.entry(kind, name, bytes_of(&payload, name)?, object),
            (shape, kind) => {
                // A message that occurs again adds to what was there, as protobuf has it.
                let value = self.value(kind, name, &payload, object.remove(name))?;
                if !is_absent(&value, shape) {
                    object.insert(name.to_owned(), value);
                }
                Ok(())
            }
        }
    }

    /// Adds one pair of a map.
    fn entry(
        &mut self,
        kind: Type,
        name: &'static str,
        bytes: &[u8],
        object: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        let (mut key, mut value) = ("", Payload::Bytes(&[]));
        for field in Fields::of(bytes) {
            match field? {
                (1, payload) => key = utf8(bytes_of(&payload, name)?, name)?,
                (2, payload) => value = payload,
                _ => {}
            }
        }
        let value = self.value(kind, name, &value, None)?;
        let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(map) = map {
            map.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn value(
        &mut self,
        kind: Type,
        name: &'static str,
        payload: &Payload<'_>,
        before: Option<Value>,
    ) -> Result<Value, ProtobufError> {
        Ok(match kind {
            Type::Bool => Value::Bool(varint_of(payload, name)? != 0),
            Type::Integer => integer(varint_of(payload, name)?),
            Type::Text => Value::String(utf8(bytes_of(payload, name)?, name)?.to_owned()),
            Type::Bytes => Value::String(STANDARD.encode(bytes_of(payload, name)?)),
            Type::Quantity => quantity(bytes_of(payload, name)?)?,
            Type::IntOrString => int_or_string(bytes_of(payload, name)?)?,
            Type::Time => time(bytes_of(payload, name)?, name, 0)?,
            Type::MicroTime => time(bytes_of(payload, name)?, name, 6)?,
            Type::Json => embedded_json(bytes_of(payload, name)?, name)?,
            Type::Nested(message) => {
                let mut object = match before {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                self.message(message, bytes_of(payload, name)?, &mut object)?;
                Value::Object(object)
            }
        })
    }
}

/// Whether Go would have left the value out of the JSON.
fn is_absent(value: &Value, shape: Shape) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => shape == Shape::One && text.is_empty(),
        Value::Number(number) => shape == Shape::One && number.as_i64() == Some(0),
        Value::Bool(flag) => shape == Shape::One && !flag,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn array<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let slot = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    match slot {
        Value::Array(list) => list,
        _ => unreachable!("made a list just above"),
    }
}

fn bytes_of<'a>(payload: &Payload<'a>, name: &'static str) -> Result<&'a [u8], ProtobufError> {
    match payload {
        Payload::Bytes(bytes) => Ok(bytes),
        _ => Err(ProtobufError::WireType(name)),
    }
}

fn varint_of(payload: &Payload<'_>, name: &'static str) -> Result<u64, ProtobufError> {
    match payload {
        Payload::Varint(number) => Ok(*number),
        _ => Err(ProtobufError::WireType(name)),
    }
}

/// Negative numbers are sent as their two's complement in 64 bits, also those of 32.
fn integer(number: u64) -> Value {
    Value::from(number.cast_signed())
}

fn quantity(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut text = String::new();
    for field in Fields::of(bytes) {
        if let (1, payload) = field? {
            utf8(bytes_of(&payload, "quantity")?, "quantity")?.clone_into(&mut text);
        }
    }
    Ok(Value::String(text))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in Fields::of(bytes) {
        match field? {
            (1, payload) => is_text = varint_of(&payload, "type")? == 1,
            (2, payload) => number = varint_of(&payload, "intVal")?,
            (3, payload) => utf8(bytes_of(&payload, "strVal")?, "strVal")?.clone_into(&mut text),
            _ => {}
        }
    }
    Ok(if is_text { Value::String(text) } else { integer(number) })
}

/// A time with so many digits behind its seconds; the zero time is sent as an empty message and becomes null.
fn time(bytes: &[u8], name: &'static str, digits: usize) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(bytes) {
        match field? {
            (1, payload) => seconds = varint_of(&payload, name)?.cast_signed(),
            (2, payload) => nanos = varint_of(&payload, name)?.cast_signed(),
            _ => {}
        }
    }
    let nanos = i32::try_from(nanos).map_err(|_| ProtobufError::Time(name))?;
    // Times cut off what lies below their precision, as upstream does.
    let nanos = if digits == 0 { 0 } else { nanos };
    let time = Timestamp::new(seconds, nanos).map_err(|_| ProtobufError::Time(name))?;
    Ok(Value::String(format!("{time:.digits$}")))
}

fn embedded_json(bytes: &[u8], name: &'static str) -> Result<Value, ProtobufError> {
    let mut json = None;
    for field in Fields::of(bytes) {
        if let (1, payload) = field? {
            json = Some(bytes_of(&payload, name)?);
        }
    }
    match json {
        Some(json) if !json.is_empty() => serde_json::from_slice(json).map_err(|_| ProtobufError::Json(name)),
        _ => Ok(Value::Null),
    }
}
