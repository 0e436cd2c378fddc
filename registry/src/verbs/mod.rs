//! The verbs, one generic code path each.

mod apply;
mod bind;
mod create;
mod delete;
mod evict;
mod list;
mod patch;
mod read;
mod scale;
mod token;
mod update;
mod watch;
mod write;
