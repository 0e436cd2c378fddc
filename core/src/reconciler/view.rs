//! What a reconciler sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Failure, ObjectRef, ReconcileError, Watch};
use crate::cache::{Cache, Index};
use crate::object::{DecodeError, Kind, Object, ObjectKey, Resource};
use crate::store::Revision;

/// The caches of the kinds that a reconciler watches, and what is known for this call alone.
///
/// Reading it never waits. It is cheap to clone; clones read the same caches.
#[derive(Clone)]
pub struct View {
    caches: Arc<BTreeMap<Kind, Arc<Cache>>>,
    live: BTreeMap<ObjectRef, Option<Arc<Object>>>,
    live_lists: BTreeMap<(Kind, String), Vec<Arc<Object>>>,
    failure: Option<Arc<Failure>>,
}

/// What is known from the API itself, as opposed to a cache.
#[derive(Clone, Debug)]
pub enum Live {
    /// It was not read: ask for it by [`Plan::need_live`](super::Plan::need_live).
    Unread,
    /// There is no such object.
    Absent,
    /// The object as it is.
    Present(Arc<Object>),
}

impl View {
    /// A view for a test, to be filled with objects.
    pub fn builder() -> ViewBuilder {
        ViewBuilder { view: View::new(BTreeMap::new()), caches: BTreeMap::new(), revision: 0 }
    }

    pub(super) fn new(caches: BTreeMap<Kind, Arc<Cache>>) -> Self {
        Self { caches: Arc::new(caches), live: BTreeMap::new(), live_lists: BTreeMap::new(), failure: None }
    }

    pub(super) fn after(&self, failure: Option<Arc<Failure>>) -> Self {
        Self { failure, ..self.clone() }
    }

    pub(super) fn add_live(&mut self, object: ObjectRef, state: Option<Arc<Object>>) {
        self.live.insert(object, state);
    }

    pub(super) fn add_live_list(&mut self, list: (Kind, String), objects: Vec<Arc<Object>>) {
        self.live_lists.insert(list, objects);
    }

    /// The kinds that can be read.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.caches.keys().copied()
    }

    /// The cache of a kind.
    ///
    /// # Errors
    ///
    /// When the reconciler does not watch it.
    pub fn cache(&self, kind: Kind) -> Result<&Arc<Cache>, ReconcileError> {
        self.caches.get(&kind).ok_or(ReconcileError::Unwatched(kind))
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// When its kind is not watched.
    pub fn object(&self, object: &ObjectRef) -> Result<Option<Arc<Object>>, ReconcileError> {
        Ok(self.cache(object.kind)?.get(&object.key))
    }

    /// One object, typed.
    ///
    /// # Errors
    ///
    /// When its kind is not watched, or the object does not fit the type.
    pub fn get<K: Resource>(&self, key: &ObjectKey) -> Result<Option<Arc<K>>, ReconcileError> {
        Ok(self.cache(Kind::of::<K>())?.get_typed(key)?)
    }

    /// All objects of a type, or those of one namespace, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn list<K: Resource>(&self, namespace: Option<&str>) -> Result<Vec<Arc<K>>, ReconcileError> {
        typed(self.cache(Kind::of::<K>())?.list(namespace))
    }

    /// The objects of a type that have an owner with this uid, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn owned_by<K: Resource>(&self, uid: &str) -> Result<Vec<Arc<K>>, ReconcileError> {
        typed(self.cache(Kind::of::<K>())?.owned_by(uid))
    }

    /// The objects of a type that an index finds by `value`, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`get`](View::get).
    pub fn indexed<K: Resource>(&self, index: Index, value: &str) -> Result<Vec<Arc<K>>, ReconcileError> {
        typed(self.cache(Kind::of::<K>())?.indexed(index, value))
    }

    /// The objects of all watched kinds that have an owner with this uid.
    pub fn dependents(&self, uid: &str) -> Vec<Arc<Object>> {
        self.caches.values().flat_map(|cache| cache.owned_by(uid)).collect()
    }

    /// What a live read of an object found.
    pub fn live(&self, object: &ObjectRef) -> Live {
        match self.live.get(object) {
            None => Live::Unread,
            Some(None) => Live::Absent,
            Some(Some(object)) => Live::Present(object.clone()),
        }
    }

    /// The objects of a kind in a namespace that a live read found; none if it was not read.
    pub fn live_list(&self, kind: Kind, namespace: &str) -> Option<&[Arc<Object>]> {
        self.live_lists.get(&(kind, namespace.to_owned())).map(Vec::as_slice)
    }

    /// Why the last plan for this target failed, if it did for another reason than a conflict.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }
}

fn typed<K: Resource>(objects: Vec<Arc<Object>>) -> Result<Vec<Arc<K>>, ReconcileError> {
    Ok(objects.iter().map(|object| object.typed()).collect::<Result<_, DecodeError>>()?)
}

/// Fills a [`View`] for a test, without any client or executor.
pub struct ViewBuilder {
    view: View,
    caches: BTreeMap<Kind, Arc<Cache>>,
    revision: u64,
}

impl ViewBuilder {
    /// With the kinds and indexes that a reconciler watches, as the controller would give it.
    pub fn watching(mut self, watches: &[Watch]) -> Self {
        for watch in watches {
            let cache = self.cache(watch.kind);
            watch.indexes.iter().for_each(|index| cache.add_index(*index));
        }
        self
    }

    /// With an object. Without a resource version it gets one, higher than those of the objects before it.
    ///
    /// # Panics
    ///
    /// When it cannot be encoded.
    pub fn with<K: Resource>(mut self, mut object: K) -> Self {
        self.revision += 1;
        object.metadata_mut().resource_version.get_or_insert_with(|| self.revision.to_string());
        let object = Object::from_typed(object).expect("an object of a test can be encoded");
        self.cache(object.kind()).insert(Arc::new(object));
        self
    }

    /// Without an object that was there before, such as one that a live read has found and the cache not yet.
    pub fn without<K: Resource>(mut self, key: &ObjectKey) -> Self {
        self.cache(Kind::of::<K>()).remove(key);
        self
    }

    /// With several objects.
    ///
    /// # Panics
    ///
    /// When one cannot be encoded.
    pub fn with_all<K: Resource>(self, objects: impl IntoIterator<Item = K>) -> Self {
        objects.into_iter().fold(self, ViewBuilder::with)
    }

    /// With the answer of a live read: as cached, when the object is there.
    pub fn live_as_cached(mut self, object: ObjectRef) -> Self {
        let cached = self.cache(object.kind).get(&object.key);
        self.view.add_live(object, cached);
        self
    }

    /// With the answer of a live read: there is no such object.
    pub fn live_absent(mut self, object: ObjectRef) -> Self {
        self.view.add_live(object, None);
        self
    }

    /// With the answer of a live read of a namespace: as cached.
    pub fn live_list_as_cached(mut self, kind: Kind, namespace: &str) -> Self {
        let cached = self.cache(kind).list(Some(namespace));
        self.view.add_live_list((kind, namespace.to_owned()), cached);
        self
    }

    /// After a plan that failed.
    pub fn after_failure(mut self, failure: Failure) -> Self {
        self.view.failure = Some(Arc::new(failure));
        self
    }

    /// The view.
    pub fn build(self) -> View {
        for cache in self.caches.values() {
            cache.advance(Revision(self.revision));
        }
        View { caches: Arc::new(self.caches), ..self.view }
    }

    fn cache(&mut self, kind: Kind) -> Arc<Cache> {
        self.caches.entry(kind).or_insert_with(|| Arc::new(Cache::new(kind))).clone()
    }
}
