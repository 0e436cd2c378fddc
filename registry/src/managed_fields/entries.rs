//! The managers of an object.

use std::mem;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Difference, FieldSet, Writer};

/// How many managers may be known by plain writes. More are taken together, the oldest first.
const MAX_UPDATERS: usize = 10;
/// What the managers that were taken together are called.
const ANCIENT: &str = "ancient-changes";

/// `metadata.managedFields`.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries(pub(super) Vec<Entry>);

/// What one manager owns, through one kind of write.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) manager: String,
    /// `Apply` or `Update`.
    pub(super) operation: String,
    pub(super) api_version: String,
    pub(super) subresource: String,
    /// In whole seconds, as text, which sorts as time does.
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

impl Entries {
    /// Reads what is stored; what does not fit is left out.
    pub(super) fn read(stored: Option<Value>) -> Entries {
        match stored {
            Some(Value::Array(entries)) => Entries(entries.into_iter().filter_map(Entry::read).collect()),
            _ => Entries::default(),
        }
    }

    /// The JSON form; nothing where nobody owns anything.
    pub(super) fn into_value(self) -> Option<Value> {
        (!self.0.is_empty()).then(|| Value::Array(self.0.into_iter().map(Entry::into_value).collect()))
    }

    /// Gives what was written to the writer, and takes it, and what was removed, from everybody else.
    pub(super) fn apply(&mut self, difference: Difference, writer: &Writer<'_>) {
        let Difference { written, removed } = difference;
        let mut own = None;
        for (index, entry) in self.0.iter_mut().enumerate() {
            entry.fields.subtract(&removed);
            if entry.is_of(writer) {
                own = Some(index);
            } else {
                entry.fields.subtract(&written);
            }
        }
        if !written.is_empty() {
            let index = own.unwrap_or_else(|| {
                self.0.push(Entry::of(writer, "Update"));
                self.0.len() - 1
            });
            self.0[index].fields.extend(written);
            self.0[index].time = seconds(writer.now);
        }
        self.settle();
    }

    /// Forgets who owns nothing, and brings the rest within bounds and in order.
    pub(super) fn settle(&mut self) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.take_together();
        self.0.sort_by(|one, other| one.rank().cmp(&other.rank()));
    }

    /// Holds the number of managers within bounds.
    fn take_together(&mut self) {
        loop {
            let updaters = self.0.iter().enumerate().filter(|(_, entry)| entry.operation == "Update");
            let (count, oldest) = updaters.fold((0, None), |(count, oldest), (index, entry)| {
                let older = |other: &(usize, &str)| entry.time.as_str() < other.1;
                let is_oldest = entry.manager != ANCIENT && oldest.as_ref().is_none_or(older);
                (count + 1, if is_oldest { Some((index, entry.time.as_str())) } else { oldest })
            });
            let Some((oldest, _)) = oldest.filter(|_| count > MAX_UPDATERS) else { return };
            let mut entry = self.0.remove(oldest);
            entry.manager = ANCIENT.to_owned();
            match self.0.iter_mut().find(|other| other.is_same(&entry)) {
                Some(ancient) => {
                    ancient.fields.extend(mem::take(&mut entry.fields));
                    ancient.time = mem::take(&mut ancient.time).max(entry.time);
                }
                None => self.0.push(entry),
            }
        }
    }
}

impl Entry {
    pub(super) fn of(writer: &Writer<'_>, operation: &str) -> Entry {
        Entry {
            manager: writer.manager.to_owned(),
            operation: operation.to_owned(),
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.unwrap_or_default().to_owned(),
            time: seconds(writer.now),
            fields: FieldSet::default(),
        }
    }

    fn read(value: Value) -> Option<Entry> {
        let Value::Object(mut members) = value else { return None };
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (manager, operation) = (text("manager"), text("operation"));
        let (api_version, subresource, time) = (text("apiVersion"), text("subresource"), text("time"));
        let fields = FieldSet::from_value(members.remove("fieldsV1")?);
        Some(Entry { manager, operation, api_version, subresource, time, fields })
    }

    fn into_value(self) -> Value {
        let mut members = Map::new();
        for (name, text) in [
            ("apiVersion", self.api_version),
            ("manager", self.manager),
            ("operation", self.operation),
            ("subresource", self.subresource),
            ("time", self.time),
        ] {
            if !text.is_empty() {
                members.insert(name.to_owned(), text.into());
            }
        }
        members.insert("fieldsType".to_owned(), json!("FieldsV1"));
        members.insert("fieldsV1".to_owned(), self.fields.into_value());
        Value::Object(members)
    }

    fn is_of(&self, writer: &Writer<'_>) -> bool {
        self.operation == "Update"
            && self.manager == writer.manager
            && self.api_version == writer.api_version
            && self.subresource == writer.subresource.unwrap_or_default()
    }

    fn is_same(&self, other: &Entry) -> bool {
        let identity = |entry: &Entry| {
            (
                entry.manager.clone(),
                entry.operation.clone(),
                entry.api_version.clone(),
                entry.subresource.clone(),
            )
        };
        identity(self) == identity(other)
    }

    /// The order in which Kubernetes lists managers.
    fn rank(&self) -> [&str; 5] {
        [&self.operation, &self.time, &self.manager, &self.api_version, &self.subresource]
    }
}

/// A time as managed fields have it: to the second.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
