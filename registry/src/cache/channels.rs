//! Who is told of an event: each watch waits on the narrowest topic that everything it selects is in.
//!
//! A channel keeps the numbers of its topic's events, so that a watch of one node, namespace or object neither
//! wakes for nor reads past what happens elsewhere, and only lags when events of its own topic are gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Event;
use super::kind_cache::{Lost, Watcher};
use super::window::Window;

/// A set of objects that events are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// All objects of the kind.
    All,
    /// Those of a namespace.
    Namespace(Box<str>),
    /// Those bound to a node; to none, with an empty name.
    Node(Box<str>),
    /// The one with this rest of a key.
    Object(Box<str>),
}

/// An event with all that decides which topics it belongs to.
pub(super) struct Scope<'a> {
    /// The rest of the object's key.
    pub(super) suffix: &'a str,
    /// The nodes that the object was and is bound to, for kinds that have such.
    pub(super) nodes: [Option<&'a str>; 2],
}

impl Scope<'_> {
    fn namespace(&self) -> Option<&str> {
        self.suffix.split_once('/').map(|(namespace, _)| namespace)
    }

    fn is_in(&self, topic: &Topic) -> bool {
        match topic {
            Topic::All => true,
            Topic::Namespace(namespace) => self.namespace() == Some(namespace),
            Topic::Node(node) => self.nodes.contains(&Some(node)),
            Topic::Object(suffix) => self.suffix == &**suffix,
        }
    }
}

/// The channels that somebody watches.
#[derive(Default)]
pub(super) struct Channels {
    all: BTreeMap<Box<str>, Channel>,
    namespaces: BTreeMap<Box<str>, Channel>,
    nodes: BTreeMap<Box<str>, Channel>,
    objects: BTreeMap<Box<str>, Channel>,
    next_watcher: u64,
}

/// The watchers of one topic.
struct Channel {
    /// The numbers of the topic's events, ascending.
    events: VecDeque<u64>,
    /// The topic's events from this number on are all in `events`.
    complete_from: u64,
    watchers: BTreeMap<u64, Arc<Watcher>>,
}

impl Channels {
    /// Adds a watcher; the answer is what it is known by.
    pub(super) fn subscribe(&mut self, watcher: Arc<Watcher>, window: &Window) -> u64 {
        let id = self.next_watcher;
        self.next_watcher += 1;
        let topic = watcher.topic.clone();
        let (channels, name) = self.place(&topic);
        let channel = channels.entry(name.into()).or_insert_with(|| Channel::open(&topic, window));
        channel.watchers.insert(id, watcher);
        id
    }

    /// Removes a watcher, and its channel if it was the last one there. One that began before the cache was given up
    /// and loaded anew is not there, though another may have its number by now.
    pub(super) fn unsubscribe(&mut self, id: u64, watcher: &Arc<Watcher>) {
        let (channels, name) = self.place(&watcher.topic);
        if let Some(channel) = channels.get_mut(name).filter(|channel| channel.has(id, watcher)) {
            channel.watchers.remove(&id);
            if channel.watchers.is_empty() {
                channels.remove(name);
            }
        }
    }

    /// Tells those concerned of an event that is about to get this number.
    pub(super) fn publish(&mut self, number: u64, event: &Event, first: u64) {
        let scope = event.scope();
        let tell = |channel: Option<&mut Channel>| {
            if let Some(channel) = channel {
                channel.publish(number, event, first);
            }
        };
        tell(self.all.get_mut(""));
        tell(self.objects.get_mut(scope.suffix));
        if let Some(namespace) = scope.namespace() {
            tell(self.namespaces.get_mut(namespace));
        }
        let [before, now] = scope.nodes;
        for node in before.into_iter().chain(now.filter(|_| now != before)) {
            tell(self.nodes.get_mut(node));
        }
    }

    /// The numbers of the watcher's events from a position on.
    pub(super) fn events_from(
        &mut self,
        id: u64,
        watcher: &Arc<Watcher>,
        position: u64,
        first: u64,
    ) -> Result<impl Iterator<Item = u64>, Lost> {
        let (channels, name) = self.place(&watcher.topic);
        let channel = channels.get_mut(name).filter(|channel| channel.has(id, watcher));
        let channel = channel.ok_or(Lost::Reset)?;
        channel.trim(first);
        if position < channel.complete_from {
            return Err(Lost::Lagged);
        }
        let begin = channel.events.partition_point(|number| *number < position);
        Ok(channel.events.range(begin..).copied())
    }

    /// All watchers, to be told that it is over.
    pub(super) fn wake_all(&self) {
        let channels = [&self.all, &self.namespaces, &self.nodes, &self.objects];
        let watchers = channels.into_iter().flat_map(BTreeMap::values).flat_map(|one| one.watchers.values());
        watchers.for_each(|watcher| watcher.wake.notify_one());
    }

    fn place<'a>(&mut self, topic: &'a Topic) -> (&mut BTreeMap<Box<str>, Channel>, &'a str) {
        match topic {
            Topic::All => (&mut self.all, ""),
            Topic::Namespace(namespace) => (&mut self.namespaces, namespace),
            Topic::Node(node) => (&mut self.nodes, node),
            Topic::Object(suffix) => (&mut self.objects, suffix),
        }
    }
}

impl Channel {
    fn open(topic: &Topic, window: &Window) -> Self {
        let own = window.numbered().filter(|(_, event)| event.scope().is_in(topic));
        let events = own.map(|(number, _)| number).collect();
        Self { events, complete_from: window.first(), watchers: BTreeMap::new() }
    }

    fn has(&self, id: u64, watcher: &Arc<Watcher>) -> bool {
        self.watchers.get(&id).is_some_and(|known| Arc::ptr_eq(known, watcher))
    }

    fn publish(&mut self, number: u64, event: &Event, first: u64) {
        self.trim(first);
        self.events.push_back(number);
        for watcher in self.watchers.values().filter(|watcher| event.concerns(&watcher.filter)) {
            watcher.wake.notify_one();
        }
    }

    /// Lets go of what the window, which begins with number `first`, no longer has.
    fn trim(&mut self, first: u64) {
        while let Some(gone) = self.events.pop_front_if(|number| *number < first) {
            self.complete_from = gone + 1;
        }
    }
}
