//! The watch cache: the present objects of a kind and the recent events, shared by all lists and watches.
//!
//! One [`Feed`] per registry watches the store and hands every commit to the caches of the kinds concerned.
//! A [`KindCache`] is empty until somebody lists or watches its kind; from then on it holds one
//! `Arc<Object>` per object, which everybody shares, and a bounded window of events. The window is the buffer
//! of every watcher: a watcher is a position in it, and ends when the window has moved past it.

mod feed;
mod filter;
mod history;
mod kind_cache;
mod subscription;
mod window;

pub(crate) use feed::Feed;
pub(crate) use filter::Filter;
pub(crate) use history::watch_history;
pub(crate) use kind_cache::{KindCache, Snapshot};
pub(crate) use subscription::{Subscription, WatchLimits};
pub(crate) use window::{Cached, Event};
