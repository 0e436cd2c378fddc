//! The contract of [`Store`] as tests, for any implementation.
//!
//! An adapter describes how its stores come into being as a [`Rig`] and mounts the suite in one of its tests:
//!
#![cfg_attr(feature = "conformance", doc = "```")]
#![cfg_attr(not(feature = "conformance"), doc = "```ignore")]
//! use std::sync::Arc;
//! use bireme_core::conformance::store::Rig;
//! use bireme_core::store::{MemoryStore, Store};
//!
//! struct InMemory;
//!
//! #[async_trait::async_trait]
//! impl Rig for InMemory {
//!     async fn create(&self) -> Arc<dyn Store> {
//!         Arc::new(MemoryStore::new())
//!     }
//! }
//!
//! bireme_core::store_conformance!(InMemory);
//! # fn main() {}
//! ```
//!
//! Each case becomes a test of its own, run on tokio's multi-threaded runtime (the adapter's
//! dev-dependencies need tokio with `macros` and `rt-multi-thread`). A case asserts one sentence of the
//! contract, makes no assumption beyond it, and shares no code with any implementation. What is optional is
//! read from [`Limits`](crate::store::Limits).

mod commit;
mod compaction;
mod concurrency;
mod condition;
mod history;
mod kit;
mod limits;
mod range;
mod reopen;
mod watch;
mod watch_start;

#[cfg(test)]
mod broken;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::shared::can_run;
use crate::store::Store;

/// How the suite comes by the stores that it tests.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A store without keys that nobody else writes to. The rig, which lives as long as the test, keeps what
    /// the store needs, such as a temporary folder.
    async fn create(&self) -> Arc<dyn Store>;

    /// What this machine lacks to run the suite, such as a program; the cases then say so and pass.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Closes the store, of which this is the last handle, and opens what it left behind, as a new process
    /// would. `None` from a store that leaves nothing behind.
    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        None
    }
}

/// One named test of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// What the case asserts, as a sentence in snake case.
    pub name: &'static str,
    /// Runs the case; panics when the store breaks the contract.
    pub run: for<'a> fn(&'a dyn Rig) -> BoxFuture<'a, ()>,
}

/// Mounts every case of the store suite as a `#[tokio::test]`. The argument is an expression that makes a
/// [`Rig`](crate::conformance::store::Rig); it is evaluated once for each test.
#[macro_export]
macro_rules! store_conformance {
    ($rig:expr) => {
        $crate::__store_cases! { __mount_store_case ($rig) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __mount_store_case {
    (($rig:expr) $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let rig = $rig;
                $crate::conformance::store::run(stringify!($name), &rig).await;
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            a_commit_makes_a_higher_revision_that_reads_see
            a_key_remembers_the_commits_that_created_and_modified_it
            a_key_put_again_after_deletion_is_created_anew
            all_operations_of_a_commit_make_one_revision
            writing_the_bytes_that_a_key_has_is_a_change
            deleting_an_absent_key_is_no_change
            a_commit_without_operations_makes_no_revision
            keys_and_values_are_arbitrary_bytes
            a_dropped_commit_happens_whole_or_not_at_all

            absence_is_required_as_stated
            a_revision_is_required_as_stated
            a_failed_condition_changes_nothing
            a_conflict_carries_the_first_failed_condition_as_it_is_now
            a_condition_may_name_a_key_that_is_not_written
            conditions_are_decided_without_operations_too

            a_commit_may_use_its_limits_to_the_full
            too_many_operations_are_refused
            too_many_conditions_are_refused
            a_value_too_large_is_refused
            two_operations_on_one_key_are_refused
            an_empty_key_is_refused
            what_is_refused_is_refused_before_the_conditions
            a_time_to_live_is_refused_unless_declared

            a_range_holds_the_keys_of_its_prefix_in_byte_order
            an_empty_prefix_means_every_key
            a_range_begins_at_its_start_key
            a_limit_leaves_keys_out_and_says_how_many
            an_empty_range_carries_the_revision_of_the_store
            a_read_at_a_future_revision_is_refused

            a_read_at_an_earlier_revision_sees_the_state_of_then
            pages_read_at_one_revision_make_a_whole
            every_revision_of_a_long_history_is_readable_and_watchable

            a_watch_from_the_past_delivers_history_in_order
            a_watch_goes_from_history_to_live_without_gap_or_duplicate
            a_watch_from_the_present_delivers_what_follows
            a_watch_from_the_future_delivers_only_what_comes_after_it
            a_watch_reports_progress_when_it_has_caught_up
            a_watch_of_an_empty_store_reports_progress
            progress_is_never_ahead_of_what_was_delivered

            a_watch_delivers_a_commit_whole
            a_watch_delivers_only_the_keys_of_its_prefix
            a_watch_carries_previous_values
            commits_that_change_nothing_are_not_watched
            all_watchers_see_the_same
            a_dropped_watch_disturbs_nobody
            a_slow_watcher_misses_nothing_without_being_told

            reads_below_the_compaction_point_are_refused
            watches_below_the_compaction_point_are_refused
            compaction_keeps_the_present_and_what_follows_the_point
            compacting_below_the_compaction_point_is_no_change
            compacting_the_future_is_refused
            a_watch_that_has_caught_up_survives_compaction
            a_watch_that_compaction_overtakes_is_told_or_misses_nothing

            of_concurrent_writers_of_one_revision_exactly_one_wins
            of_concurrent_creators_of_one_key_exactly_one_wins
            concurrent_counters_lose_no_increment
            readers_never_see_a_part_of_a_commit
            revisions_witness_the_real_time_order
            concurrent_commits_are_watched_in_the_order_they_were_made

            a_reopened_store_holds_what_was_committed
            a_reopened_store_goes_on_where_it_stopped
            a_reopened_store_remembers_its_compaction
            a_reopened_store_answers_the_past_right_or_not_at_all
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_store_cases {
    (($($module:ident)*) $($name:ident)*) => {
        /// Every case of the suite.
        pub const CASES: &[Case] = {
            $( use $module::*; )*
            &[$( Case { name: stringify!($name), run: |rig| Box::pin($name(rig)) } ),*]
        };
    };
}

__store_cases! { __list_store_cases
    (commit compaction concurrency condition history limits range reopen watch watch_start)
}

/// Runs one case by its name; panics when the store breaks the contract.
pub async fn run(name: &str, rig: &dyn Rig) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("the suite has no case {name}"));
    if can_run(name, rig.missing()) {
        (case.run)(rig).await;
    }
}
