//! The recent events of a kind.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bireme_core::client::ApiEvent;
use bireme_core::object::Object;
use bireme_core::store::Revision;

use super::Filter;
use super::channels::Scope;
use crate::resource::SelectableField;

/// Events kept at most, and bytes of objects that only they keep.
const MAX_EVENTS: usize = 8192;
const MAX_BYTES: usize = 8 << 20;

/// What bookkeeping adds to an event in memory, roughly.
const OVERHEAD: usize = 256;

/// An object in the cache, with its selectable fields read at most once.
pub(crate) struct Cached {
    pub(crate) object: Arc<Object>,
    fields: OnceLock<Box<[Box<str>]>>,
}

impl Cached {
    pub(crate) fn new(object: Arc<Object>) -> Self {
        Self { object, fields: OnceLock::new() }
    }

    /// The same without the decoded form, for who will hardly ever need that.
    fn faded(&self) -> Self {
        let object = self.object.at_revision(self.object.revision());
        Self { object: Arc::new(object), fields: self.fields.clone() }
    }

    /// The value of the selectable field with this index.
    pub(crate) fn field(&self, selectable: &[SelectableField], index: usize) -> &str {
        let read = || {
            // What is in a cache has been decoded once, so it is JSON.
            SelectableField::read(selectable, self.object.json()).unwrap_or_default()
        };
        self.fields.get_or_init(read).get(index).map_or("", |value| value)
    }
}

/// What happened to one object.
pub(crate) struct Event {
    pub(crate) revision: Revision,
    /// The rest of the object's key.
    suffix: Arc<str>,
    current: Option<Arc<Cached>>,
    previous: Option<Arc<Cached>>,
    /// The fields that can be selected by, and which of them is the object's node.
    selectable: &'static [SelectableField],
    node: Option<usize>,
    /// The previous object at this event's revision, for those whose selection it left.
    gone: OnceLock<Arc<Object>>,
}

impl Event {
    /// An event of a kind with these selectable fields.
    pub(crate) fn new(
        revision: Revision,
        suffix: Arc<str>,
        current: Option<Arc<Cached>>,
        previous: Option<Arc<Cached>>,
        selectable: &'static [SelectableField],
    ) -> Self {
        let node = SelectableField::node(selectable);
        Self { revision, suffix, current, previous, selectable, node, gone: OnceLock::new() }
    }

    /// What decides which topics the event belongs to.
    pub(super) fn scope<'a>(&'a self) -> Scope<'a> {
        let node =
            |cached: &'a Option<Arc<Cached>>| Some(cached.as_deref()?.field(self.selectable, self.node?));
        Scope { suffix: &self.suffix, nodes: [&self.previous, &self.current].map(node) }
    }

    /// Whether a watcher with this filter sees anything of the event.
    pub(crate) fn concerns(&self, filter: &Filter) -> bool {
        [&self.current, &self.previous].into_iter().flatten().any(|cached| filter.matches(cached))
    }

    /// The event as a watcher with this filter sees it.
    pub(crate) fn seen_through(&self, filter: &Filter) -> Option<ApiEvent> {
        let current = self.current.as_ref().filter(|cached| filter.matches(cached));
        let previous = self.previous.as_ref().filter(|cached| filter.matches(cached));
        match (previous, current) {
            (None, None) => None,
            (None, Some(current)) => Some(ApiEvent::Added(current.object.clone())),
            (Some(_), Some(current)) => Some(ApiEvent::Modified(current.object.clone())),
            (Some(previous), None) => {
                let gone = || Arc::new(previous.object.at_revision(self.revision));
                Some(ApiEvent::Deleted(self.gone.get_or_init(gone).clone()))
            }
        }
    }

    fn weight(&self) -> usize {
        // The current object is mostly alive anyway; the previous one only lives here.
        OVERHEAD + self.previous.as_ref().map_or(0, |cached| cached.object.json().len())
    }
}

/// The recent events, numbered without gap.
pub(crate) struct Window {
    events: VecDeque<Event>,
    bytes: usize,
    /// The number of the first event held.
    first: u64,
    /// All events after this revision are held.
    start: Revision,
}

impl Window {
    pub(crate) fn new(start: Revision) -> Self {
        Self { events: VecDeque::new(), bytes: 0, first: 0, start }
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += event.weight();
        self.events.push_back(event);
        while self.events.len() > 1 && (self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES) {
            self.pop();
        }
    }

    /// Forgets the events up to this revision.
    pub(crate) fn forget(&mut self, revision: Revision) {
        while self.events.front().is_some_and(|event| event.revision <= revision) {
            self.pop();
        }
        self.start = self.start.max(revision);
        self.events.shrink_to_fit();
    }

    fn pop(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.weight();
            self.first += 1;
            self.start = event.revision;
        }
    }

    /// The number that the next event will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The number of the first event after a revision; nothing when such events may be gone.
    pub(crate) fn position_after(&self, revision: Revision) -> Option<u64> {
        (revision >= self.start)
            .then(|| self.first + self.events.partition_point(|event| event.revision <= revision) as u64)
    }

    /// The number of the first event held.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The events held, with their numbers.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u64, &Event)> {
        (self.first..).zip(&self.events)
    }

    /// The event with this number.
    pub(crate) fn get(&self, number: u64) -> Option<&Event> {
        self.events.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// An object has been superseded that the event with this number brought. Here it stays without its decoded form,
    /// which would be most of what the window holds in memory; the answer is that object.
    pub(crate) fn fade(&mut self, number: u64, superseded: &Cached) -> Arc<Cached> {
        let faded = Arc::new(superseded.faded());
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(event) = place.and_then(|place| self.events.get_mut(place)) {
            event.current = Some(faded.clone());
        }
        faded
    }
}
