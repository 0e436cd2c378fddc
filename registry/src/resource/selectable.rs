//! The fields that objects can be selected by, read from their JSON without decoding the rest.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field that a field selector may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectableField {
    /// Its name in selectors, such as `spec.nodeName`.
    pub label: &'static str,
    /// Where it lies in the object, as dotted paths: the first that has a value counts.
    pub paths: &'static [&'static str],
    /// The value where the object has none: empty, or `false` for a condition.
    pub absent: &'static str,
}

impl SelectableField {
    /// A text field whose name in selectors is its path.
    pub const fn text(path: &'static &'static str) -> Self {
        Self { label: path, paths: std::slice::from_ref(path), absent: "" }
    }

    /// A boolean field whose name in selectors is its path.
    pub const fn boolean(path: &'static &'static str) -> Self {
        Self { label: path, paths: std::slice::from_ref(path), absent: "false" }
    }

    /// The index of the field that says which node an object belongs to.
    pub fn node(fields: &[SelectableField]) -> Option<usize> {
        fields.iter().position(|field| field.label == "spec.nodeName")
    }

    /// The values of `fields` in the object that `json` encodes, in their order.
    ///
    /// # Errors
    ///
    /// When `json` is not JSON.
    pub fn read(fields: &[SelectableField], json: &[u8]) -> Result<Box<[Box<str>]>, serde_json::Error> {
        let mut wanted: Vec<Wanted> = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let ranked = field.paths.iter().enumerate();
            wanted.extend(ranked.map(|(rank, path)| Wanted { field: index, rank, rest: path }));
        }
        let mut found = vec![None; fields.len()];
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        Pluck { wanted, found: &mut found }.deserialize(&mut deserializer)?;
        let value = |(found, field): (Option<(usize, String)>, &SelectableField)| {
            found.map_or_else(|| field.absent.into(), |(_, value)| value.into_boxed_str())
        };
        Ok(found.into_iter().zip(fields).map(value).collect())
    }
}

/// A path still to be walked, for the field with this index; a lower rank wins over a higher one.
#[derive(Clone, Copy)]
struct Wanted {
    field: usize,
    rank: usize,
    rest: &'static str,
}

/// Visits one JSON value and takes the wanted scalars out of it.
struct Pluck<'a> {
    wanted: Vec<Wanted>,
    found: &'a mut Vec<Option<(usize, String)>>,
}

impl Pluck<'_> {
    fn take(self, value: &str) {
        for wanted in self.wanted.iter().filter(|wanted| wanted.rest.is_empty()) {
            let slot = &mut self.found[wanted.field];
            let better = slot.as_ref().is_none_or(|(rank, _)| wanted.rank < *rank);
            if better && !value.is_empty() {
                *slot = Some((wanted.rank, value.to_owned()));
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Pluck<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pluck<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let below = self.wanted.iter().filter_map(|wanted| {
                let (head, rest) = wanted.rest.split_once('.').unwrap_or((wanted.rest, ""));
                (head == key && !head.is_empty()).then_some(Wanted { rest, ..*wanted })
            });
            let below: Vec<Wanted> = below.collect();
            if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Pluck { wanted: below, found: &mut *self.found })?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.take(value);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.take(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.take(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.take(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.take(&value.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[SelectableField] = &[
        SelectableField::text(&"spec.nodeName"),
        SelectableField::boolean(&"spec.unschedulable"),
        SelectableField { label: "source", paths: &["source.component", "reportingComponent"], absent: "" },
    ];

    fn read(json: &str) -> Vec<String> {
        SelectableField::read(FIELDS, json.as_bytes())
            .unwrap()
            .iter()
            .map(|value| value.to_string())
            .collect()
    }

    #[test]
    fn fields_are_found_wherever_they_lie() {
        let json = r#"{"a":[{"spec":1}],"spec":{"x":{"nodeName":"no"},"nodeName":"n1","unschedulable":true},"status":null}"#;
        assert_eq!(read(json), ["n1", "true", ""]);
    }

    #[test]
    fn absent_fields_have_their_stated_value() {
        assert_eq!(read(r#"{"spec":{"nodeName":null}}"#), ["", "false", ""]);
        assert_eq!(read("{}"), ["", "false", ""]);
    }

    #[test]
    fn the_first_path_with_a_value_counts_whatever_the_order_in_the_object() {
        assert_eq!(read(r#"{"reportingComponent":"b","source":{"component":"a"}}"#)[2], "a");
        assert_eq!(read(r#"{"source":{"component":"a"},"reportingComponent":"b"}"#)[2], "a");
        assert_eq!(read(r#"{"source":{"component":""},"reportingComponent":"b"}"#)[2], "b");
    }
}
