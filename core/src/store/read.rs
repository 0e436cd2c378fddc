//! Reading a range: a base state, what must be laid over it, and the limit.
//!
//! A store of this workspace keeps one state of its keys (the memory store's map; the sled store's index with the
//! newest keys laid over it) and the recent commits with all previous values
//! ([`CommitLog`](super::log::CommitLog)). Any revision that the commits reach is that state with an [`Overlay`]
//! on it that undoes what came later.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::iter::Peekable;
use std::sync::Arc;

use super::{CommitEvent, Key, KeyValue, RangeRequest, RangeResponse, Revision, StoreError};

/// Keys whose state differs between a base and the revision that is read; `None` for those absent there.
#[derive(Debug, Default)]
pub struct Overlay(BTreeMap<Key, Option<KeyValue>>);

impl Overlay {
    /// What leads from the state after `events` back to the state before them, for keys under `prefix`.
    pub fn undo(events: &[Arc<CommitEvent>], prefix: &Key) -> Self {
        let mut keys = BTreeMap::new();
        for change in events.iter().flat_map(|event| &event.changes) {
            if change.key().starts_with(prefix) {
                // The oldest event decides: what it found is how the key was before all of them.
                keys.entry(change.key().clone()).or_insert_with(|| change.previous().cloned());
            }
        }
        Self(keys)
    }

    /// This with `upper` laid over it.
    pub fn under(mut self, upper: Self) -> Self {
        self.0.extend(upper.0);
        self
    }

    /// All keys of `base`, which yields them in order, with this laid over them.
    pub fn over<K: AsRef<[u8]>, V>(
        self,
        base: impl Iterator<Item = Result<(K, V), StoreError>>,
        decode: impl Fn(K, V) -> Result<KeyValue, StoreError>,
    ) -> impl Iterator<Item = Result<KeyValue, StoreError>> {
        let merged = Merged { base: base.peekable(), overlay: self.0.into_iter().peekable() };
        merged.filter_map(move |found| match found {
            Ok(Found::Base(key, value)) => Some(decode(key, value)),
            Ok(Found::Laid(_, item)) => item.map(Ok),
            Err(error) => Some(Err(error)),
        })
    }
}

impl FromIterator<(Key, Option<KeyValue>)> for Overlay {
    fn from_iter<I: IntoIterator<Item = (Key, Option<KeyValue>)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl RangeRequest {
    /// The first key that the range can hold: the later of `prefix` and `start`.
    pub fn first(&self) -> &Key {
        self.start.as_ref().map_or(&self.prefix, |start| start.max(&self.prefix))
    }

    /// The response to this request.
    ///
    /// `base` yields keys in order from [`first`](Self::first) on, past the range's end if it likes;
    /// `overlay` holds what differs at `revision`; `decode` makes an item of what `base` yields, and is called
    /// only for items that the limit lets through.
    ///
    /// # Errors
    ///
    /// Those of `base` and `decode`.
    pub fn respond<K: AsRef<[u8]>, V>(
        &self,
        revision: Revision,
        base: impl Iterator<Item = Result<(K, V), StoreError>>,
        overlay: Overlay,
        decode: impl Fn(K, V) -> Result<KeyValue, StoreError>,
    ) -> Result<RangeResponse, StoreError> {
        let mut overlay = overlay.0;
        let mut response = RangeResponse { revision, ..RangeResponse::default() };
        let merged =
            Merged { base: base.peekable(), overlay: overlay.split_off(self.first()).into_iter().peekable() };
        for found in merged {
            let found = found?;
            if !found.key().starts_with(self.prefix.as_bytes()) {
                break;
            }
            match found {
                Found::Laid(_, None) => {}
                _ if self.limit.is_some_and(|limit| response.items.len() >= limit) => response.remaining += 1,
                Found::Base(key, value) => response.items.push(decode(key, value)?),
                Found::Laid(_, Some(item)) => response.items.push(item),
            }
        }
        response.more = response.remaining > 0;
        Ok(response)
    }
}

enum Found<K, V> {
    Base(K, V),
    Laid(Key, Option<KeyValue>),
}

impl<K: AsRef<[u8]>, V> Found<K, V> {
    fn key(&self) -> &[u8] {
        match self {
            Found::Base(key, _) => key.as_ref(),
            Found::Laid(key, _) => key.as_ref(),
        }
    }
}

/// Base and overlay in key order, the overlay hiding the base.
struct Merged<B: Iterator> {
    base: Peekable<B>,
    overlay: Peekable<btree_map::IntoIter<Key, Option<KeyValue>>>,
}

impl<K, V, B> Iterator for Merged<B>
where
    K: AsRef<[u8]>,
    B: Iterator<Item = Result<(K, V), StoreError>>,
{
    type Item = Result<Found<K, V>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some((laid, _)) = self.overlay.peek() else {
            return Some(self.base.next()?.map(|(key, value)| Found::Base(key, value)));
        };
        let order = match self.base.peek() {
            Some(Ok((key, _))) => key.as_ref().cmp(laid.as_bytes()),
            Some(Err(_)) => std::cmp::Ordering::Less,
            None => std::cmp::Ordering::Greater,
        };
        if order.is_lt() {
            return Some(self.base.next()?.map(|(key, value)| Found::Base(key, value)));
        }
        if order.is_eq() {
            self.base.next();
        }
        self.overlay.next().map(|(key, item)| Ok(Found::Laid(key, item)))
    }
}
