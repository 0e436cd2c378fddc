//! The kinds that a registry serves.

use std::collections::HashMap;
use std::sync::Arc;

use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{DecodeError, Kind, Object, ObjectKey};
use bireme_core::store::{Key, KeyValue};
use bytes::Bytes;

use crate::cache::KindCache;
use crate::resource::DynStrategy;

/// The root of everything that the API stores.
pub(crate) const ROOT: &str = "/registry/";

/// The first key after this one.
pub(crate) fn key_after(key: &Key) -> Key {
    Key([key.as_bytes(), &[0]].concat().into())
}

/// One kind: its description, where it is stored, and its cache.
pub(crate) struct KindEntry {
    pub(crate) kind: Kind,
    pub(crate) strategy: Arc<dyn DynStrategy>,
    pub(crate) prefix: String,
    pub(crate) cache: Arc<KindCache>,
}

impl KindEntry {
    fn new(strategy: Arc<dyn DynStrategy>) -> Self {
        let codec = Codec { kind: strategy.kind(), strategy: strategy.clone() };
        let prefix = strategy.storage_prefix();
        let cache = Arc::new(KindCache::new(codec, prefix.clone(), strategy.selectable()));
        Self { kind: strategy.kind(), strategy, prefix, cache }
    }

    /// The key that an object is stored under.
    pub(crate) fn key(&self, key: &ObjectKey) -> Key {
        match key.namespace() {
            Some(namespace) => format!("{}{namespace}/{}", self.prefix, key.name()).into(),
            None => format!("{}{}", self.prefix, key.name()).into(),
        }
    }

    /// What the keys of all objects (of a namespace) begin with.
    pub(crate) fn range_prefix(&self, namespace: Option<&str>) -> String {
        match namespace.filter(|_| self.kind.is_namespaced()) {
            Some(namespace) => format!("{}{namespace}/", self.prefix),
            None => self.prefix.clone(),
        }
    }

    /// The stored object; the cache's own where it is at the same revision.
    pub(crate) fn object(&self, stored: &KeyValue) -> Result<Arc<Object>, ApiError> {
        let suffix = &stored.key.as_bytes()[self.prefix.len()..];
        if let Some(object) = self.cache.object_at(suffix, stored.modified) {
            return Ok(object);
        }
        Ok(Arc::new(self.codec().decode(stored)?))
    }

    /// What the cache has under a key, the object or that there is none; nothing when it is not loaded.
    pub(crate) fn cached(&self, key: &Key) -> Option<Option<Arc<Object>>> {
        let suffix = std::str::from_utf8(&key.as_bytes()[self.prefix.len()..]).ok()?;
        self.cache.look_up(suffix)
    }

    /// Between stored bytes and objects.
    pub(crate) fn codec(&self) -> Codec {
        Codec { kind: self.kind, strategy: self.strategy.clone() }
    }
}

/// Turns stored bytes into objects and back, through another version where the kind is stored as such.
#[derive(Clone)]
pub(crate) struct Codec {
    kind: Kind,
    strategy: Arc<dyn DynStrategy>,
}

impl Codec {
    pub(crate) fn decode(&self, stored: &KeyValue) -> Result<Object, DecodeError> {
        match self.strategy.stored_as() {
            None => Object::decode(self.kind, stored.modified, stored.value.clone()),
            Some(conversion) => {
                let value = serde_json::from_slice(&stored.value).map_err(DecodeError::Json)?;
                let json = serde_json::to_vec(&(conversion.from_stored)(value)).map_err(DecodeError::Json)?;
                Object::decode(self.kind, stored.modified, json.into())
            }
        }
    }

    /// The bytes to store for an object of this kind.
    pub(crate) fn encode(&self, json: &Bytes) -> Result<Bytes, DecodeError> {
        match self.strategy.stored_as() {
            None => Ok(json.clone()),
            Some(conversion) => {
                let value = serde_json::from_slice(json).map_err(DecodeError::Json)?;
                let stored = serde_json::to_vec(&(conversion.to_stored)(value));
                Ok(stored.map_err(DecodeError::Json)?.into())
            }
        }
    }
}

/// All kinds of a registry.
pub(crate) struct KindTable {
    entries: Vec<Arc<KindEntry>>,
    by_kind: HashMap<Kind, Arc<KindEntry>>,
}

impl KindTable {
    pub(crate) fn new(strategies: Vec<Arc<dyn DynStrategy>>) -> Self {
        let entries: Vec<_> = strategies.into_iter().map(|s| Arc::new(KindEntry::new(s))).collect();
        let by_kind = entries.iter().map(|entry| (entry.kind, entry.clone())).collect();
        Self { entries, by_kind }
    }

    pub(crate) fn entries(&self) -> &[Arc<KindEntry>] {
        &self.entries
    }

    pub(crate) fn entry(&self, kind: Kind) -> Result<&Arc<KindEntry>, ApiError> {
        self.by_kind.get(&kind).ok_or_else(|| {
            ApiError::new(
                Reason::NotFound,
                format!("the server could not find the requested resource ({kind:?})"),
            )
        })
    }
}
