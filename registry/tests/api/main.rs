//! The API on the memory store, through the direct client: one binary, a module for each concern.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod applying;
mod authorization;
mod common;
mod concurrency;
mod deleting;
mod disruption;
mod election;
mod failing_stores;
mod housekeeping;
mod kinds_of_their_own;
mod lists;
mod ownership;
mod priorities;
mod reading_and_writing;
mod services;
mod unattended;
mod watches;
