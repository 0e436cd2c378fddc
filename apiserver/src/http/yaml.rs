//! YAML bodies, turned into JSON values within bounds.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// More values than any object has; what aliases stand for counts each time.
const MAX_VALUES: usize = 400_000;

/// More text than a body within the size limit has, unless aliases repeat it.
const MAX_TEXT: usize = 8 << 20;

/// Deeper than any Kubernetes type goes.
const MAX_DEPTH: usize = 100;

/// The JSON value of a YAML document.
///
/// # Errors
///
/// When it is not one YAML document, has keys that are not scalars, or goes beyond the bounds.
pub(crate) fn parse(text: &[u8]) -> Result<Value, serde_norway::Error> {
    let bounds = Bounds { values: Cell::new(MAX_VALUES), text: Cell::new(MAX_TEXT) };
    let deserializer = serde_norway::Deserializer::from_slice(text);
    Bounded { bounds: &bounds, depth: MAX_DEPTH }.deserialize(deserializer)
}

struct Bounds {
    values: Cell<usize>,
    text: Cell<usize>,
}

#[derive(Clone, Copy)]
struct Bounded<'a> {
    bounds: &'a Bounds,
    depth: usize,
}

impl Bounded<'_> {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth =
            self.depth.checked_sub(1).ok_or_else(|| E::custom("the document is nested too deeply"))?;
        Ok(Bounded { depth, ..self })
    }

    fn value<E: serde::de::Error>(self, value: Value) -> Result<Value, E> {
        let left = self.bounds.values.get().checked_sub(1);
        self.bounds.values.set(left.ok_or_else(|| E::custom("the document has too many values"))?);
        Ok(value)
    }

    fn text<E: serde::de::Error>(self, text: String) -> Result<String, E> {
        let left = self.bounds.text.get().checked_sub(text.len());
        self.bounds.text.set(left.ok_or_else(|| E::custom("the document is too large with its aliases"))?);
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.value(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.value(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.value(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.value(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
        self.value(Value::Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        let text = self.text(text)?;
        self.value(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let (inside, mut list) = (self.below()?, Vec::new());
        while let Some(item) = seq.next_element_seed(inside)? {
            list.push(item);
        }
        self.value(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (inside, mut object) = (self.below()?, Map::new());
        while let Some(key) = map.next_key_seed(inside)? {
            let key = match key {
                Value::String(key) => key,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(A::Error::custom("a key is neither text, number nor boolean")),
            };
            let value = map.next_value_seed(inside)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key occurs twice in one mapping"));
            }
        }
        self.value(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manifest_becomes_json() {
        let text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &l {x: '1'}}\ndata: *l\nn: [1, -2, 1.5, true, null]\n5: five\n";
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"x": "1"}},
            "data": {"x": "1"}, "n": [1, -2, 1.5, true, null], "5": "five",
        });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn hostile_documents_are_refused_in_bounded_work() {
        let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..10 {
            let below = vec![format!("*a{}", level - 1); 9].join(",");
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(","));
        for text in [
            laughs,
            long,
            "[".repeat(5000),
            "a: 1\na: 2\n".to_owned(),
            "a: 1\n---\nb: 2\n".to_owned(),
            "? [x]\n: 1\n".to_owned(),
            "a: [b".to_owned(),
            "a: .nan".to_owned(),
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }
}
