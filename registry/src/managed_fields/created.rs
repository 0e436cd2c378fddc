//! The managers of a new object, written into its encoding.
//!
//! Everything in a new object is its author's. The set of these fields is what [`Difference`](super::Difference)
//! finds between nothing and the object, but it is written down while the encoding is read, without a tree of either:
//! objects are created far more often than anything else that takes this much work.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Writer;
use super::compare::UNOWNED;
use super::entries::seconds;
use crate::resource::{Field, ListType, Schema};

/// The encoding of a new object with its author as the manager of all that is in it.
///
/// # Errors
///
/// When `json` is not the encoding of an object.
pub(crate) fn created(json: Vec<u8>, writer: &Writer<'_>, schema: &Schema) -> serde_json::Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(json.len());
    let mut metadata = None;
    let root = Root { json: &json, schema, metadata: &mut metadata, fields: &mut fields };
    root.deserialize(&mut serde_json::Deserializer::from_slice(&json))?;
    let (Some(Members { begin, any }), false) = (metadata, fields == b"{}") else { return Ok(json) };
    let mut owned = Vec::with_capacity(json.len() + fields.len() + 256);
    owned.extend_from_slice(&json[..begin]);
    owned.extend_from_slice(b"\"managedFields\":[{\"apiVersion\":");
    serde_json::to_writer(&mut owned, writer.api_version)?;
    owned.extend_from_slice(b",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":");
    owned.extend_from_slice(&fields);
    if !writer.manager.is_empty() {
        owned.extend_from_slice(b",\"manager\":");
        serde_json::to_writer(&mut owned, writer.manager)?;
    }
    owned.extend_from_slice(b",\"operation\":\"Update\",\"time\":");
    serde_json::to_writer(&mut owned, &seconds(writer.now))?;
    owned.extend_from_slice(if any { b"}]," } else { b"}]" });
    owned.extend_from_slice(&json[begin..]);
    Ok(owned)
}

/// Where the members of an object begin in a text, and whether there are any.
struct Members {
    begin: usize,
    any: bool,
}

/// The object as a whole.
struct Root<'a> {
    json: &'a [u8],
    schema: &'a Schema,
    metadata: &'a mut Option<Members>,
    fields: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Root { json, schema, metadata, fields } = self;
        let mut node = Node::open(fields, false);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &*name {
                "apiVersion" | "kind" | "status" => {
                    map.next_value::<IgnoredAny>()?;
                }
                "metadata" => {
                    let text: &'de RawValue = map.next_value()?;
                    let text = text.get();
                    // A borrowed value is a slice of the input, so the distance of the two is its place there.
                    let begin = text.as_ptr() as usize - json.as_ptr() as usize + 1;
                    let any = !text[1..].trim_start().starts_with('}');
                    *metadata = Some(Members { begin, any });
                    let rule = Rule::of(schema.field(&name), true);
                    node.put("f:", &name, |out| Emit { rule, is_metadata: true, out }.read(text))?;
                }
                _ => {
                    let mut rule = Rule::of(schema.field(&name), true);
                    // Every object has it, so that what creates it does not come to own it as a whole.
                    rule.known |= &*name == "spec";
                    node.put("f:", &name, |out| map.next_value_seed(Emit { rule, is_metadata: false, out }))?;
                }
            }
        }
        node.close();
        Ok(())
    }
}

/// How a value is to be owned.
#[derive(Clone, Copy)]
struct Rule {
    list: ListType,
    inside: &'static Schema,
    /// Whether even an object without it has it, but empty: then nobody owns it as a whole.
    known: bool,
}

impl Rule {
    /// The rule of a member of something that is known or not.
    fn of(field: Option<&'static Field>, known: bool) -> Rule {
        match field {
            Some(field) => Rule { list: field.list, inside: field.inside, known: known && field.inherent },
            None => Rule { list: ListType::Granular, inside: &Schema::EMPTY, known: false },
        }
    }
}

/// Writes the node of a value; tells whether there is one.
struct Emit<'a> {
    rule: Rule,
    /// Whether some members are the server's.
    is_metadata: bool,
    out: &'a mut Vec<u8>,
}

impl Emit<'_> {
    fn read<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        self.deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(E::custom)
    }

    /// A value that is owned as a whole, unless it says no more than leaving it out would.
    fn whole(self, is_empty: bool) -> bool {
        let is_owned = !(self.rule.known && is_empty);
        if is_owned {
            self.out.extend_from_slice(b"{}");
        }
        is_owned
    }
}

impl<'de> DeserializeSeed<'de> for Emit<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Emit<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(self.whole(true))
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(self.whole(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(self.whole(false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(self.whole(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(self.whole(false))
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(self.whole(false))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Rule { list, inside, known } = self.rule;
        let mut name = map.next_key::<Cow<'de, str>>()?;
        if list != ListType::Granular || name.is_none() {
            let is_empty = name.is_none();
            while name.is_some() {
                map.next_value::<IgnoredAny>()?;
                name = map.next_key()?;
            }
            return Ok(self.whole(is_empty));
        }
        let is_member = !known && !self.is_metadata;
        let mut node = Node::open(self.out, is_member);
        while let Some(member) = name {
            if self.is_metadata && UNOWNED.contains(&&*member) {
                map.next_value::<IgnoredAny>()?;
            } else {
                let rule = Rule::of(inside.field(&member), known && !self.is_metadata);
                let below = |out: &mut Vec<u8>| map.next_value_seed(Emit { rule, is_metadata: false, out });
                node.put("f:", &member, below)?;
            }
            name = map.next_key()?;
        }
        Ok(node.close())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let Rule { list, inside, known } = self.rule;
        let mut items: Vec<&'de RawValue> = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        let names = match list {
            _ if items.is_empty() => None,
            ListType::Atomic | ListType::Granular => None,
            ListType::Set => Some(items.iter().map(|item| format!("v:{}", item.get())).collect()),
            ListType::Map { keys, .. } => {
                items.iter().map(|item| item_name(item.get(), keys, inside)).collect::<Option<Vec<_>>>()
            }
        };
        let Some(names) = names else { return Ok(self.whole(items.is_empty())) };
        let rule = match list {
            ListType::Set => Rule { list: ListType::Atomic, inside: &Schema::EMPTY, known: false },
            _ => Rule { list: inside.item(), inside, known: false },
        };
        let mut node = Node::open(self.out, !known);
        let mut seen = BTreeSet::new();
        for (name, item) in names.iter().zip(items) {
            // Of two with the same name only the first can be meant.
            if seen.insert(name) {
                node.put("", name, |out| Emit { rule, is_metadata: false, out }.read(item.get()))?;
            }
        }
        Ok(node.close())
    }
}

/// A node being written: an object whose members are the nodes below it.
struct Node<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    is_member: bool,
    is_empty: bool,
}

impl<'a> Node<'a> {
    fn open(out: &'a mut Vec<u8>, is_member: bool) -> Self {
        let begin = out.len();
        out.extend_from_slice(if is_member { b"{\".\":{}" } else { b"{" });
        Self { out, begin, is_member, is_empty: true }
    }

    /// Puts what `write` writes below this node, under a name with its prefix, unless it is nothing.
    fn put<E: serde::de::Error>(
        &mut self,
        prefix: &str,
        name: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let before = self.out.len();
        if !self.is_empty || self.is_member {
            self.out.push(b',');
        }
        let quote = self.out.len();
        serde_json::to_writer(&mut *self.out, name).map_err(E::custom)?;
        self.out.splice(quote + 1..quote + 1, prefix.bytes());
        self.out.push(b':');
        if write(self.out)? {
            self.is_empty = false;
        } else {
            self.out.truncate(before);
        }
        Ok(())
    }

    /// Ends the node; one with nothing below it is left out, unless it is a field that is owned itself. Tells
    /// whether there is one.
    fn close(self) -> bool {
        if self.is_empty {
            self.out.truncate(self.begin);
            self.out.push(b'{');
        }
        self.out.push(b'}');
        !self.is_empty || self.is_member
    }
}

/// The name of an item of a keyed list; none where nothing tells it from others.
fn item_name(item: &str, keys: &[&str], inside: &Schema) -> Option<String> {
    let mut found = vec![None; keys.len()];
    let pick = Pick { keys, found: &mut found };
    pick.deserialize(&mut serde_json::Deserializer::from_str(item)).ok()?;
    let mut parts: Vec<(&str, String)> = Vec::with_capacity(keys.len());
    for (key, value) in keys.iter().zip(found) {
        let left_out = || inside.default_of(key).map(|text| serde_json::Value::from(text).to_string());
        parts.extend(
            value.map(|value: &RawValue| value.get().to_owned()).or_else(left_out).map(|it| (*key, it)),
        );
    }
    parts.sort_unstable();
    let parts: Vec<String> = parts.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    (!parts.is_empty()).then(|| format!("k:{{{}}}", parts.join(",")))
}

/// Takes the values of some members out of an object.
struct Pick<'a, 'de> {
    keys: &'a [&'a str],
    found: &'a mut [Option<&'de RawValue>],
}

impl<'de> DeserializeSeed<'de> for Pick<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match self.keys.iter().position(|key| *key == name) {
                Some(index) => self.found[index] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
