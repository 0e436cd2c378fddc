//! The objects of one kind, as far as they are known.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::index::{BY_OWNER, Indexed};
use super::progress::Progress;
use super::{Delta, Index, Stopped};
use crate::object::{DecodeError, Kind, Object, ObjectKey, Resource};
use crate::store::Revision;

/// The objects of one kind by key, with indexes, at the revision that has been reached.
///
/// Reading never waits for the API. Each call sees one state of this kind; two calls may see two states, and
/// the caches of two kinds may have reached different revisions.
///
/// An informer fills it; a test fills it by [`insert`](Cache::insert) and [`remove`](Cache::remove).
pub struct Cache {
    kind: Kind,
    contents: RwLock<Contents>,
    progress: Progress,
}

struct Contents {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    by_owner: Indexed,
    indexes: Vec<Indexed>,
}

impl Cache {
    /// An empty cache at revision zero, which is not yet synced.
    pub fn new(kind: Kind) -> Self {
        let contents =
            Contents { objects: BTreeMap::new(), by_owner: Indexed::new(BY_OWNER), indexes: Vec::new() };
        Self { kind, contents: RwLock::new(contents), progress: Progress::new() }
    }

    /// The kind of the objects.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Finds objects by `index` from now on; those that are there already too. Adding it again changes nothing.
    pub fn add_index(&self, index: Index) {
        let mut contents = self.write();
        if contents.indexes.iter().any(|known| known.index == index) {
            return;
        }
        let mut indexed = Indexed::new(index);
        contents.objects.values().for_each(|object| indexed.insert(object));
        contents.indexes.push(indexed);
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.read().objects.get(key).cloned()
    }

    /// One object, typed.
    ///
    /// # Errors
    ///
    /// When the object does not fit the type.
    pub fn get_typed<K: Resource>(&self, key: &ObjectKey) -> Result<Option<Arc<K>>, DecodeError> {
        self.get(key).map(|object| object.typed()).transpose()
    }

    /// All objects, or those of one namespace, in the order of their keys.
    pub fn list(&self, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let contents = self.read();
        match namespace {
            None => contents.objects.values().cloned().collect(),
            Some(_) => contents
                .objects
                .range(ObjectKey::new(namespace, "")..)
                .take_while(|(key, _)| key.namespace() == namespace)
                .map(|(_, object)| object.clone())
                .collect(),
        }
    }

    /// The objects that have an owner with this uid, in the order of their keys.
    pub fn owned_by(&self, uid: &str) -> Vec<Arc<Object>> {
        let contents = self.read();
        contents.pick(contents.by_owner.keys(uid))
    }

    /// The objects that `index` finds by `value`, in the order of their keys.
    ///
    /// The index must have been [added](Cache::add_index) before; otherwise it finds nothing.
    pub fn indexed(&self, index: Index, value: &str) -> Vec<Arc<Object>> {
        let contents = self.read();
        contents.index(index).map(|indexed| contents.pick(indexed.keys(value))).unwrap_or_default()
    }

    /// How many objects `index` finds by `value`; as [`indexed`](Cache::indexed), without looking at them.
    pub fn count_indexed(&self, index: Index, value: &str) -> usize {
        self.read().index(index).map_or(0, |indexed| indexed.count(value))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The revision up to which this cache, and all that subscribed to its informer, have seen everything.
    pub fn revision(&self) -> Revision {
        self.progress.revision()
    }

    /// Whether a whole state of the kind has been read.
    pub fn is_synced(&self) -> bool {
        self.progress.is_synced()
    }

    /// Waits for a whole state of the kind. Cancel-safe.
    ///
    /// # Errors
    ///
    /// When the informer was stopped before.
    pub async fn synced(&self) -> Result<(), Stopped> {
        self.progress.synced().await
    }

    /// Waits until [`revision`](Cache::revision) is at least this, such as that of one's own last write of this
    /// kind. Cancel-safe.
    ///
    /// A revision at which only other kinds changed is reached with the next bookmark, about a minute later.
    ///
    /// # Errors
    ///
    /// When the informer was stopped before.
    pub async fn wait_for(&self, revision: Revision) -> Result<(), Stopped> {
        self.progress.wait_for(revision).await
    }

    /// Waits until the object with this key is not the incarnation with this uid (any more). Cancel-safe.
    ///
    /// # Errors
    ///
    /// When the informer was stopped before.
    pub async fn wait_until_gone(&self, key: &ObjectKey, uid: &str) -> Result<(), Stopped> {
        self.progress.until(|_| self.get(key).is_none_or(|object| object.uid() != uid)).await
    }

    /// Says that everything up to this revision has been seen, which makes the cache synced.
    pub fn advance(&self, revision: Revision) {
        self.sync(revision);
    }

    /// Puts one object in the place of its former state.
    pub fn insert(&self, object: Arc<Object>) -> Vec<Delta> {
        let revision = object.revision();
        let deltas = self.put(object);
        self.reach(revision);
        deltas
    }

    /// Takes one object out, if it is there.
    pub fn remove(&self, key: &ObjectKey) -> Option<Delta> {
        self.write().take(key).map(Delta::Deleted)
    }

    /// Puts these objects in the place of all that was there, and is synced.
    pub fn replace(&self, objects: Vec<Arc<Object>>, revision: Revision) -> Vec<Delta> {
        let deltas = self.exchange(objects);
        self.sync(revision);
        deltas
    }

    /// As [`insert`](Cache::insert), without saying so in the revision yet.
    pub(super) fn put(&self, object: Arc<Object>) -> Vec<Delta> {
        self.write().put(object)
    }

    /// As [`replace`](Cache::replace), without saying so in the revision yet. The gone come first.
    pub(super) fn exchange(&self, objects: Vec<Arc<Object>>) -> Vec<Delta> {
        let present: BTreeMap<_, _> =
            objects.into_iter().map(|object| (object.key().clone(), object)).collect();
        let mut contents = self.write();
        let gone: Vec<_> =
            contents.objects.keys().filter(|key| !present.contains_key(*key)).cloned().collect();
        let gone = gone.iter().filter_map(|key| contents.take(key)).map(Delta::Deleted);
        let mut deltas: Vec<_> = gone.collect();
        for object in present.into_values() {
            deltas.extend(contents.put(object));
        }
        deltas
    }

    pub(super) fn reach(&self, revision: Revision) {
        self.progress.reach(revision);
    }

    pub(super) fn sync(&self, revision: Revision) {
        self.progress.sync(revision);
    }

    pub(super) fn stop(&self) {
        self.progress.stop();
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        // Only an index function can panic under the lock; the map is then still whole.
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn put(&mut self, object: Arc<Object>) -> Vec<Delta> {
        let old = self.objects.get(object.key()).cloned();
        if old.as_ref().is_some_and(|old| old.revision() == object.revision() && old.uid() == object.uid()) {
            return Vec::new();
        }
        if let Some(old) = &old {
            self.indexes_mut().for_each(|index| index.remove(old));
        }
        self.indexes_mut().for_each(|index| index.insert(&object));
        self.objects.insert(object.key().clone(), object.clone());
        match old {
            None => vec![Delta::Added(object)],
            Some(old) if old.uid() == object.uid() => vec![Delta::Updated { old, new: object }],
            Some(old) => vec![Delta::Deleted(old), Delta::Added(object)],
        }
    }

    fn take(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let object = self.objects.remove(key)?;
        self.indexes_mut().for_each(|index| index.remove(&object));
        Some(object)
    }

    fn index(&self, index: Index) -> Option<&Indexed> {
        let found = self.indexes.iter().find(|known| known.index == index);
        debug_assert!(found.is_some(), "the index {:?} was not added", index.name());
        found
    }

    fn indexes_mut(&mut self) -> impl Iterator<Item = &mut Indexed> {
        std::iter::once(&mut self.by_owner).chain(&mut self.indexes)
    }

    fn pick<'a>(&self, keys: impl Iterator<Item = &'a ObjectKey>) -> Vec<Arc<Object>> {
        keys.filter_map(|key| self.objects.get(key).cloned()).collect()
    }
}
