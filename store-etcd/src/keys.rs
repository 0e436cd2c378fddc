//! Keys and revisions as etcd has them.

use bireme_core::store::{Key, KeyValue, RangeRequest, Revision};
use bytes::Bytes;
use etcd_client::proto::PbKeyValue;

/// The revision of an etcd that nothing was written to; the first commit makes the next one.
pub(crate) const EMPTY: Revision = Revision(1);

/// As the end of a range: no end.
const ENDLESS: &[u8] = b"\0";

/// The lowest key that etcd can hold, and, as a range, every key.
pub(crate) const EVERY_KEY: (&[u8], &[u8]) = (b"\0", ENDLESS);

/// A key that nobody has, for reading nothing but a revision.
const NOWHERE: Key = Key::from_static("\u{10ffff}");

/// The part of etcd's keys that is the store's: those that begin with a prefix, which the store's users do not see.
#[derive(Clone, Debug)]
pub(crate) struct Keyspace {
    prefix: Bytes,
}

impl Keyspace {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: Bytes::copy_from_slice(prefix.as_bytes()) }
    }

    /// The store's key as etcd has it.
    pub(crate) fn outer(&self, key: &Key) -> Vec<u8> {
        [&self.prefix, key.as_bytes()].concat()
    }

    /// How many bytes that is.
    pub(crate) fn outer_length(&self, key: &Key) -> usize {
        self.prefix.len() + key.0.len()
    }

    /// A key of etcd's as the store has it; `None` when it is not the store's.
    pub(crate) fn inner(&self, key: Vec<u8>) -> Option<Key> {
        let key = Bytes::from(key);
        key.starts_with(&self.prefix).then(|| Key(key.slice(self.prefix.len()..)))
    }

    /// A key that nobody has, where the store may read.
    pub(crate) fn nowhere(&self) -> Vec<u8> {
        self.outer(&NOWHERE)
    }

    /// The first key of a range, and the first one behind it.
    pub(crate) fn bounds(&self, request: &RangeRequest) -> (Vec<u8>, Vec<u8>) {
        let mut first = self.outer(request.first());
        if first.is_empty() {
            first = EVERY_KEY.0.to_vec();
        }
        (first, end_of(self.outer(&request.prefix)))
    }

    /// What etcd has at a key of the store's; `None` when the key is not the store's.
    pub(crate) fn item(&self, found: PbKeyValue) -> Option<KeyValue> {
        Some(KeyValue {
            key: self.inner(found.key)?,
            value: Bytes::from(found.value),
            created: revision(found.create_revision),
            modified: revision(found.mod_revision),
        })
    }
}

/// The first key behind all that begin with `prefix`.
fn end_of(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return prefix;
        }
    }
    ENDLESS.to_vec()
}

/// A revision that etcd names.
pub(crate) fn revision(number: i64) -> Revision {
    // etcd counts upwards from one.
    Revision(number.try_into().unwrap_or_default())
}

/// A revision for etcd to read or watch at. That of an empty store stands for all earlier ones, since to etcd, 0 means
/// the present.
pub(crate) fn number(revision: Revision) -> i64 {
    revision.max(EMPTY).0.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_behind_every_key_of_its_prefix() {
        assert_eq!(end_of(b"/pods/".to_vec()), b"/pods0");
        assert_eq!(end_of(b"a\xff\xff".to_vec()), b"b");
        assert_eq!(end_of(b"\xff\xff".to_vec()), ENDLESS);
        assert_eq!(end_of(Vec::new()), ENDLESS);
    }

    #[test]
    fn keys_lie_behind_the_prefix_and_come_back_without_it() {
        let keys = Keyspace::new("/bireme");
        let key = Key::from("/registry/pods/default/web-0");
        assert_eq!(keys.outer(&key), b"/bireme/registry/pods/default/web-0");
        assert_eq!(keys.inner(keys.outer(&key)), Some(key.clone()));
        assert_eq!(keys.inner(b"/other/registry".to_vec()), None);
        assert_eq!(Keyspace::new("").outer(&key), key.as_bytes());
    }

    #[test]
    fn a_range_begins_at_the_later_of_prefix_and_start() {
        let bounds = |prefix: &str, start: Option<&str>| {
            let request = RangeRequest {
                prefix: prefix.into(),
                start: start.map(Key::from),
                ..RangeRequest::default()
            };
            Keyspace::new("").bounds(&request)
        };
        assert_eq!(bounds("", None), (b"\0".to_vec(), b"\0".to_vec()));
        assert_eq!(bounds("/p/", Some("/p/b")), (b"/p/b".to_vec(), b"/p0".to_vec()));
        assert_eq!(bounds("/p/", Some("/a")), (b"/p/".to_vec(), b"/p0".to_vec()));
    }

    #[test]
    fn no_revision_means_the_present_by_accident() {
        assert_eq!(number(Revision::ZERO), 1);
        assert_eq!(number(Revision(7)), 7);
        assert_eq!(number(Revision(u64::MAX)), i64::MAX);
    }
}
