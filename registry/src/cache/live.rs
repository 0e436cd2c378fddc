//! The present objects of one kind, found by key and by node, and what has happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bireme_core::object::Object;
use bireme_core::store::Revision;

use super::channels::{Channels, Topic};
use super::window::Window;
use super::{Cached, Event, Filter};
use crate::resource::SelectableField;

/// A loaded cache.
pub(super) struct Live {
    selectable: &'static [SelectableField],
    /// By the rest of the store key, and therefore in the store's order.
    objects: BTreeMap<Arc<str>, Present>,
    nodes: NodeIndex,
    pub(super) window: Window,
    /// The last commit that is in `objects`.
    revision: Revision,
    pub(super) channels: Channels,
}

struct Present {
    cached: Arc<Cached>,
    /// The number of the event that brought it; those that were there from the start have the number of none.
    event: u64,
}

/// No event gets this number.
const LOADED: u64 = u64::MAX;

/// The objects of a kind at a moment.
pub(crate) struct Snapshot {
    /// Those that were selected, in the order of their keys.
    pub(crate) objects: Vec<Arc<Object>>,
    /// How many more follow, if a limit cut the selection, and the key to go on after.
    pub(crate) rest: Option<(u64, Box<str>)>,
    /// The last commit contained.
    pub(crate) revision: Revision,
}

impl Live {
    /// The objects as they were read at a revision.
    pub(super) fn new(
        selectable: &'static [SelectableField],
        revision: Revision,
        objects: impl Iterator<Item = (Box<str>, Arc<Cached>)>,
    ) -> Self {
        let mut live = Self {
            selectable,
            objects: BTreeMap::new(),
            nodes: NodeIndex { field: SelectableField::node(selectable), keys: BTreeMap::new() },
            window: Window::new(revision),
            revision,
            channels: Channels::default(),
        };
        for (suffix, cached) in objects {
            let suffix: Arc<str> = suffix.into();
            live.nodes.update(&suffix, None, Some(&cached), selectable);
            live.objects.insert(suffix, Present { cached, event: LOADED });
        }
        live
    }

    pub(super) fn get(&self, suffix: &str) -> Option<&Arc<Cached>> {
        self.objects.get(suffix).map(|present| &present.cached)
    }

    /// Takes over what a commit did.
    pub(super) fn apply(&mut self, revision: Revision, changes: Vec<(Box<str>, Option<Arc<Cached>>)>) {
        if revision <= self.revision {
            return;
        }
        self.revision = revision;
        for (suffix, current) in changes {
            let number = self.window.end();
            let known = self.objects.remove_entry(&*suffix);
            if known.is_none() && current.is_none() {
                continue;
            }
            let (suffix, previous) = match known {
                Some((suffix, present)) => (suffix, Some(present)),
                None => (suffix.into(), None),
            };
            let before = previous.as_ref().map(|present| &*present.cached);
            self.nodes.update(&suffix, before, current.as_deref(), self.selectable);
            let previous = previous.map(|present| self.window.fade(present.event, &present.cached));
            if let Some(cached) = current.clone() {
                self.objects.insert(suffix.clone(), Present { cached, event: number });
            }
            let event = Event::new(revision, suffix, current, previous, self.selectable);
            self.channels.publish(number, &event, self.window.first());
            self.window.push(event);
        }
    }

    /// The selected objects, at most `limit` of them.
    pub(super) fn snapshot(&self, filter: &Filter, limit: Option<usize>) -> Snapshot {
        match filter.topic() {
            Topic::Object(suffix) => {
                self.select(self.objects.get_key_value(&*suffix).into_iter(), filter, limit)
            }
            Topic::Node(node) => {
                let keys = self.nodes.keys.get(&node).into_iter().flatten();
                self.select(keys.filter_map(|key| self.objects.get_key_value(key)), filter, limit)
            }
            Topic::Namespace(namespace) => {
                let prefix = format!("{namespace}/");
                let from = (Bound::Included(&*prefix), Bound::Unbounded);
                let range = self.objects.range::<str, _>(from);
                self.select(range.take_while(|(key, _)| key.starts_with(&prefix)), filter, limit)
            }
            Topic::All => self.select(self.objects.iter(), filter, limit),
        }
    }

    fn select<'a>(
        &self,
        mut candidates: impl Iterator<Item = (&'a Arc<str>, &'a Present)>,
        filter: &Filter,
        limit: Option<usize>,
    ) -> Snapshot {
        let mut snapshot = Snapshot { objects: Vec::new(), rest: None, revision: self.revision };
        let limit = limit.unwrap_or(usize::MAX);
        let mut last = None;
        while let Some((key, present)) = candidates.next() {
            if !filter.matches(&present.cached) {
                continue;
            }
            if snapshot.objects.len() == limit {
                // One more than the limit has been found: there is a rest.
                let rest = 1 + candidates.count() as u64;
                snapshot.rest = last.map(|last: &Arc<str>| (rest, (**last).into()));
                break;
            }
            snapshot.objects.push(present.cached.object.clone());
            last = Some(key);
        }
        snapshot
    }
}

/// The keys of the objects of each node, for kinds that have such; those without a node have an empty one.
struct NodeIndex {
    /// Which of the selectable fields it is.
    field: Option<usize>,
    keys: BTreeMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl NodeIndex {
    /// Takes over what became of an object, which hardly ever changes its node.
    fn update(
        &mut self,
        suffix: &Arc<str>,
        before: Option<&Cached>,
        now: Option<&Cached>,
        selectable: &[SelectableField],
    ) {
        let Some(field) = self.field else { return };
        let before = before.map(|cached| cached.field(selectable, field));
        let now = now.map(|cached| cached.field(selectable, field));
        if before == now {
            return;
        }
        if let Some(before) = before
            && let Some(keys) = self.keys.get_mut(before)
        {
            keys.remove(suffix);
            if keys.is_empty() {
                self.keys.remove(before);
            }
        }
        if let Some(now) = now {
            self.keys.entry(now.into()).or_default().insert(suffix.clone());
        }
    }
}
