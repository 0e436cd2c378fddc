//! The watch cache: the present objects of a kind and the recent events, shared by all lists and watches.
//!
//! One [`Feed`] per registry watches the store and hands every commit to the caches of the kinds concerned.
//! A [`KindCache`] is empty until somebody lists or watches its kind; from then on it holds one
//! `Arc<Object>` per object, which everybody shares, and a bounded window of events. The window is the buffer
//! of every watcher: a watcher is a position in it, and ends when events that it has not taken leave the window.
//! It waits in the [channel](channels) of the narrowest topic that it is about.

mod channels;
mod feed;
mod filter;
mod history;
mod kind_cache;
mod live;
mod subscription;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use feed::Feed;
pub(crate) use filter::Filter;
pub(crate) use history::watch_history;
pub(crate) use kind_cache::KindCache;
pub(crate) use live::Snapshot;
pub(crate) use subscription::{Subscription, WatchLimits};
pub(crate) use window::{Cached, Event};
