//! The contract of [`Client`] as tests, for any implementation and any server behind it.
//!
//! Whoever has a client describes how a test comes by it as a [`Rig`], and mounts the suite in one of its tests:
//!
//! ```ignore
//! struct InProcess(Cluster);
//!
//! #[async_trait::async_trait]
//! impl bireme_core::conformance::client::Rig for InProcess {
//!     async fn client(&self) -> Arc<dyn Client> {
//!         self.0.client()
//!     }
//! }
//!
//! bireme_core::client_conformance!(InProcess(Cluster::builder().start().await?));
//! ```
//!
//! Each case becomes a test of its own, run on tokio's multi-threaded runtime (which needs tokio with `macros` and
//! `rt-multi-thread` among the dev-dependencies). A case asserts one sentence of the contract, in a namespace that it
//! creates for itself and deletes in the end, so that the cluster may be one that others use at the same time, with
//! controllers at work, and of any other Kubernetes. What is about pods has its own nodes, which nothing else is put on,
//! and the name of a scheduler that nobody has.

mod applying;
mod concurrency;
mod deleting;
mod kit;
mod lists;
mod namespaces;
mod pages;
mod patching;
mod pods;
mod selections;
mod watches;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::shared::{PATIENCE, can_run};
use crate::Environment;
use crate::client::Client;

/// How the suite comes by the client that it tests.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A client with an administrator's rights. The rig, which lives as long as the test, keeps what it needs, such
    /// as the cluster behind it.
    async fn client(&self) -> Arc<dyn Client>;

    /// What this machine lacks to run the suite, such as a program; the cases then say so and pass.
    fn missing(&self) -> Option<String> {
        None
    }
}

/// One named test of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// What the case asserts, as a sentence in snake case.
    pub name: &'static str,
    run: for<'a> fn(&'a kit::Site) -> BoxFuture<'a, ()>,
}

/// Mounts every case of the client suite as a `#[tokio::test]`. The argument is an expression that makes a
/// [`Rig`](crate::conformance::client::Rig); it is evaluated once for each test.
#[macro_export]
macro_rules! client_conformance {
    ($rig:expr) => {
        $crate::__client_cases! { __mount_client_case ($rig) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __mount_client_case {
    (($rig:expr) $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let rig = $rig;
                $crate::conformance::client::run(stringify!($name), &rig).await;
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __client_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            a_created_object_has_identity_time_and_revision
            a_read_sees_every_write_before_it
            what_is_not_there_is_not_found
            a_taken_name_is_refused_and_changes_nothing
            a_name_is_generated_from_its_beginning
            an_update_needs_the_present_revision_if_it_names_one
            a_write_without_a_change_makes_no_revision
            the_main_part_keeps_the_status_and_the_status_keeps_the_rest
            the_generation_counts_the_changes_of_what_is_wanted
            an_invalid_object_is_refused_with_every_cause_and_changes_nothing
            a_value_of_the_wrong_type_is_refused_with_its_path
            unknown_fields_are_dropped_or_refused_as_asked
            a_dry_run_shows_what_would_be_and_changes_nothing
            every_writer_owns_what_it_wrote

            a_merge_patch_replaces_what_it_names_and_removes_what_it_nulls
            a_json_patch_happens_whole_or_not_at_all
            a_strategic_patch_merges_lists_by_their_keys
            a_patch_that_names_a_revision_needs_it
            a_patch_of_what_is_not_there_is_not_found

            an_apply_creates_changes_and_takes_back
            an_apply_of_what_is_there_makes_no_revision
            a_conflict_names_the_fields_and_their_owners_and_force_overcomes_it
            an_apply_leaves_alone_what_others_own
            a_revision_and_a_uid_in_a_configuration_are_preconditions
            the_status_is_applied_by_itself
            fields_that_a_kind_does_not_have_are_not_applied

            a_list_holds_the_objects_in_the_order_of_their_keys
            an_empty_list_carries_the_revision_it_was_read_at
            a_list_of_all_namespaces_holds_those_of_each
            namespaces_whose_names_begin_alike_do_not_mix
            an_exact_revision_shows_the_past
            a_list_is_not_older_than_it_must_be
            a_revision_of_the_future_is_too_large
            a_match_without_a_revision_is_refused

            pages_show_the_state_of_the_first_one
            a_page_that_ends_with_the_last_object_has_no_token
            pages_of_a_selection_do_not_tell_how_many_remain
            an_invented_token_is_refused

            labels_select
            fields_select_and_only_those_that_the_kind_offers
            entering_a_selection_is_added_and_leaving_it_deleted
            a_watch_of_one_name_is_about_nothing_else
            a_watch_of_a_field_follows_a_pod_onto_its_node

            a_watch_begins_with_the_present_and_goes_on_with_what_follows
            a_watch_from_a_list_misses_nothing_and_repeats_nothing
            a_watch_of_the_past_delivers_it_in_order
            initial_events_end_with_a_bookmark
            a_deleted_event_carries_the_last_state_at_the_revision_of_its_going
            a_watch_is_of_its_namespace_only
            a_watch_ends_when_its_time_is_over
            a_dropped_watch_disturbs_nobody

            preconditions_guard_a_deletion
            finalizers_hold_an_object_until_the_last_one_goes
            deleting_again_changes_nothing
            propagation_becomes_a_finalizer
            a_collection_is_deleted_by_its_selection
            a_dry_deletion_changes_nothing
            a_name_that_was_deleted_is_free_for_another

            a_bound_pod_gets_its_grace_and_can_be_given_less
            a_pod_that_no_node_has_goes_at_once
            a_pod_is_bound_once_and_only_the_one_that_is_meant
            an_eviction_deletes_the_pod_that_it_means

            a_namespace_must_be_there
            a_namespace_that_terminates_takes_nothing_new
            a_namespace_is_kept_by_its_finalizers_which_only_finalization_changes

            of_writers_with_one_revision_exactly_one_wins
            of_creators_of_one_name_exactly_one_wins
            patches_without_a_revision_all_take_effect
            applies_at_once_all_take_effect
            of_binders_exactly_one_wins
            all_watchers_see_every_event_of_concurrent_writers_once_and_in_order
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_client_cases {
    (($($module:ident)*) $($name:ident)*) => {
        /// Every case of the suite.
        pub const CASES: &[Case] = {
            $( use $module::*; )*
            &[$( Case { name: stringify!($name), run: |site| Box::pin($name(site)) } ),*]
        };
    };
}

__client_cases! { __list_client_cases
    (applying concurrency deleting lists namespaces pages patching pods selections watches writing)
}

/// Runs one case by its name; panics when the client breaks the contract.
pub async fn run(name: &str, rig: &dyn Rig) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("the suite has no case {name}"));
    if can_run(name, rig.missing()) {
        let site = kit::Site::new(rig.client().await).await;
        let in_time = Environment::system().timeout(PATIENCE, (case.run)(&site)).await;
        in_time.expect("nothing that a case asks for takes a minute");
        site.leave().await;
    }
}
