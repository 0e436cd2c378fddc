//! The contract of [`Runtime`] as tests, for any implementation.
//!
//! An adapter describes how its runtimes come into being, and what its containers are made of, as a [`Rig`], and mounts
//! the suite in one of its tests with [`runtime_conformance!`](crate::runtime_conformance). Each case becomes a test of
//! its own, run on tokio's multi-threaded runtime. A case asserts one sentence of the contract and shares no code with any
//! implementation. What only real processes can show is asked for where a rig [has them](Rig::runs_programs).

mod containers;
mod events;
mod images;
mod kit;
mod logs;
mod ownership;
mod processes;
mod sandboxes;
mod sessions;

#[cfg(test)]
mod broken;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::shared::can_run;
use crate::runtime::{ContainerSpec, ImageImport, Runtime};
use kit::Site;

/// What the suite has containers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Runs until its stop signal, SIGTERM, and then ends with 0.
    Waits,
    /// Runs and does not listen to SIGTERM.
    IsDeaf,
    /// Ends at once with this code.
    Exits(u8),
    /// Writes this line and ends with 0.
    Says(&'static str),
    /// Writes each line of its input; ends with 0 at the end of the input, and with SIGTERM.
    Repeats,
    /// Is not there, and cannot be run.
    IsAbsent,
    /// Does what a script for a POSIX shell says. Asked of rigs that run programs.
    Script(&'static str),
}

impl Program {
    /// The program as a script for a POSIX shell; `None` for [`Program::IsAbsent`].
    pub fn script(self) -> Option<String> {
        Some(match self {
            Program::Waits => "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done".to_owned(),
            Program::IsDeaf => "trap '' TERM; while :; do sleep 1; done".to_owned(),
            Program::Exits(code) => format!("exit {code}"),
            Program::Says(line) => format!("echo '{line}'"),
            Program::Repeats => "trap 'exit 0' TERM; while read -r line; do echo \"$line\"; done".to_owned(),
            Program::IsAbsent => return None,
            Program::Script(script) => script.to_owned(),
        })
    }
}

/// How the suite comes by the runtimes that it tests. One is made for each test.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A runtime for a node of a cluster that only this test uses. A second one for the same node is what an agent has
    /// that started anew.
    async fn runtime(&self, node: &str) -> Arc<dyn Runtime>;

    /// A container that does so, of an image that [`Rig::bring_image`] brings.
    fn container(&self, program: Program) -> ContainerSpec;

    /// A command that does so in any such container.
    fn command(&self, program: Program) -> Vec<String>;

    /// Brings the image that containers are made of.
    async fn bring_image(&self, runtime: &dyn Runtime);

    /// Something that can be imported, under a name that nothing else has.
    fn import(&self) -> ImageImport;

    /// Removes what the test's cluster has left.
    async fn clean_up(&self);

    /// Whether containers are processes, with files, namespaces and terminals, or only remembered.
    fn runs_programs(&self) -> bool {
        true
    }

    /// What this machine lacks to run the suite, such as an engine; the cases then say so and pass.
    fn missing(&self) -> Option<String> {
        None
    }
}

/// One named test of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// What the case asserts, as a sentence in snake case.
    pub name: &'static str,
    run: for<'a> fn(&'a Site<'a>) -> BoxFuture<'a, ()>,
}

/// Mounts every case of the runtime suite as a `#[tokio::test]`. The argument is an expression that makes a
/// [`Rig`](crate::conformance::runtime::Rig); it is evaluated once for each test.
#[macro_export]
macro_rules! runtime_conformance {
    ($rig:expr) => {
        $crate::__runtime_cases! { __mount_runtime_case ($rig) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __mount_runtime_case {
    (($rig:expr) $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let rig = $rig;
                $crate::conformance::runtime::run(stringify!($name), &rig).await;
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __runtime_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            a_sandbox_is_made_once
            a_sandbox_of_another_attempt_is_another
            a_stopped_sandbox_has_ended_its_containers_and_is_listed
            a_removed_sandbox_takes_its_containers_along
            a_sandbox_says_where_its_network_is

            a_container_is_made_once
            a_container_of_another_attempt_is_another
            a_container_needs_its_sandbox_and_its_image
            a_container_is_created_then_runs_then_has_exited
            what_has_ended_tells_its_code_and_times
            a_command_that_cannot_run_has_exited_without_a_start
            what_listens_ends_with_its_own_code
            what_does_not_listen_is_killed_after_the_grace
            starting_stopping_and_removing_may_be_repeated
            what_a_specification_says_is_in_the_status
            what_is_not_there_is_not_found

            a_successor_lists_what_its_predecessor_made
            another_node_sees_and_changes_nothing
            a_dropped_call_may_be_repeated

            events_tell_of_starts_and_ends
            an_event_comes_after_what_it_tells_of

            a_log_holds_what_was_written
            a_followed_log_ends_with_its_container
            a_log_can_be_asked_for_its_end
            a_log_outlives_the_runtime_that_saw_it_begin

            a_command_writes_and_answers_with_its_code
            a_command_takes_its_input_to_its_end
            a_command_may_end_before_its_input_does
            a_command_needs_a_running_container
            attachers_come_and_go_and_the_container_stays

            an_import_is_made_once
            an_image_that_is_used_stays
            an_image_that_is_not_here_is_none

            containers_of_a_sandbox_share_its_network_and_host_name
            a_pod_may_share_its_processes
            mounts_variables_and_user_arrive
            what_takes_more_memory_than_it_may_is_killed
            privileges_are_those_that_were_asked_for
            error_output_is_kept_apart
            a_terminal_has_the_size_that_it_is_told
            the_first_input_may_be_the_last
            what_a_container_uses_is_measured
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_runtime_cases {
    (($($module:ident)*) $($name:ident)*) => {
        /// Every case of the suite.
        pub const CASES: &[Case] = {
            $( use $module::*; )*
            &[$( Case { name: stringify!($name), run: |site| Box::pin($name(site)) } ),*]
        };
    };
}

__runtime_cases! { __list_runtime_cases
    (containers events images logs ownership processes sandboxes sessions)
}

/// Runs one case by its name; panics when the runtime breaks the contract.
pub async fn run(name: &str, rig: &dyn Rig) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("the suite has no case {name}"));
    if can_run(name, rig.missing()) {
        (case.run)(&Site::open(rig).await).await;
        rig.clean_up().await;
    }
}
