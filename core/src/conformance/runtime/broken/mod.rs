//! The suite on the simulated runtime, and the suite's own proof: runtimes with one fault each, and the case that finds
//! it.

mod runtime;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;

use super::{CASES, Case, Program, Rig};
use crate::Environment;
use crate::runtime::{
    ContainerSpec, ContainerStatus, ImageImport, Runtime, SimEngine, SimProcess, SimRuntime, SimScript,
};

/// What is wrong with a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    // Sandboxes
    MakesASecondSandbox,
    IgnoresTheSandboxesAttempt,
    DoesNotStopSandboxes,
    ForgetsStoppedSandboxes,
    DoesNotRemoveSandboxes,
    HidesTheNetwork,
    // Containers
    MakesASecondContainer,
    IgnoresTheContainersAttempt,
    MakesContainersOfAbsentImages,
    StartsWhatItMakes,
    DoesNotStart,
    ForgetsExitCodes,
    ForgetsStarts,
    InventsStarts,
    SwallowsStartErrors,
    KillsAtOnce,
    DoesNotKill,
    RefusesASecondStop,
    RefusesASecondStart,
    RefusesASecondRemoval,
    LosesLabels,
    LosesImages,
    FindsLogsOfNothing,
    MeasuresTheEnded,
    // Whose things are
    SeesTheNeighbours,
    ForgetsAtARestart,
    // Events
    TellsNothing,
    TellsStartsOnly,
    TellsNoSandboxes,
    // Logs
    LosesLogs,
    LosesTheLastLine,
    DoesNotEndFollowedLogs,
    IgnoresTheTail,
    IgnoresTheTime,
    // Sessions
    AnswersWithZero,
    LosesInput,
    RunsCommandsInTheEnded,
    HasOneAttacher,
    // Images
    RemovesUsedImages,
    KeepsImages,
    ImportsAnew,
    KnowsEveryImage,
}

use Fault::*;

/// Each fault, and one case whose business it is to find it. Other cases may find it too.
const FOUND_BY: &[(Fault, &str)] = &[
    (MakesASecondSandbox, "a_sandbox_is_made_once"),
    (IgnoresTheSandboxesAttempt, "a_sandbox_of_another_attempt_is_another"),
    (DoesNotStopSandboxes, "a_stopped_sandbox_has_ended_its_containers_and_is_listed"),
    (ForgetsStoppedSandboxes, "a_stopped_sandbox_has_ended_its_containers_and_is_listed"),
    (DoesNotRemoveSandboxes, "a_removed_sandbox_takes_its_containers_along"),
    (HidesTheNetwork, "a_sandbox_says_where_its_network_is"),
    (MakesASecondContainer, "a_container_is_made_once"),
    (IgnoresTheContainersAttempt, "a_container_of_another_attempt_is_another"),
    (MakesContainersOfAbsentImages, "a_container_needs_its_sandbox_and_its_image"),
    (StartsWhatItMakes, "a_container_is_created_then_runs_then_has_exited"),
    (DoesNotStart, "a_container_is_created_then_runs_then_has_exited"),
    (ForgetsExitCodes, "what_has_ended_tells_its_code_and_times"),
    (ForgetsStarts, "what_has_ended_tells_its_code_and_times"),
    (InventsStarts, "a_command_that_cannot_run_has_exited_without_a_start"),
    (SwallowsStartErrors, "a_command_that_cannot_run_has_exited_without_a_start"),
    (KillsAtOnce, "what_does_not_listen_is_killed_after_the_grace"),
    (DoesNotKill, "a_container_is_created_then_runs_then_has_exited"),
    (RefusesASecondStop, "starting_stopping_and_removing_may_be_repeated"),
    (RefusesASecondStart, "starting_stopping_and_removing_may_be_repeated"),
    (RefusesASecondRemoval, "starting_stopping_and_removing_may_be_repeated"),
    (LosesLabels, "what_a_specification_says_is_in_the_status"),
    (LosesImages, "what_a_specification_says_is_in_the_status"),
    (FindsLogsOfNothing, "what_is_not_there_is_not_found"),
    (MeasuresTheEnded, "what_a_container_uses_is_measured"),
    (SeesTheNeighbours, "another_node_sees_and_changes_nothing"),
    (ForgetsAtARestart, "a_successor_lists_what_its_predecessor_made"),
    (TellsNothing, "events_tell_of_starts_and_ends"),
    (TellsStartsOnly, "an_event_comes_after_what_it_tells_of"),
    (TellsNoSandboxes, "events_tell_of_starts_and_ends"),
    (LosesLogs, "a_log_holds_what_was_written"),
    (LosesTheLastLine, "a_log_holds_what_was_written"),
    (DoesNotEndFollowedLogs, "a_followed_log_ends_with_its_container"),
    (IgnoresTheTail, "a_log_can_be_asked_for_its_end"),
    (IgnoresTheTime, "a_log_can_be_asked_for_its_end"),
    (AnswersWithZero, "a_command_writes_and_answers_with_its_code"),
    (LosesInput, "a_command_takes_its_input_to_its_end"),
    (RunsCommandsInTheEnded, "a_command_needs_a_running_container"),
    (HasOneAttacher, "attachers_come_and_go_and_the_container_stays"),
    (RemovesUsedImages, "an_image_that_is_used_stays"),
    (KeepsImages, "an_image_that_is_used_stays"),
    (ImportsAnew, "an_import_is_made_once"),
    (KnowsEveryImage, "an_image_that_is_not_here_is_none"),
];

/// A simulated runtime with a fault, or with none.
struct Broken {
    inner: SimRuntime,
    fault: Option<Fault>,
    count: AtomicU32,
}

struct Simulated {
    engine: SimEngine,
    fault: Option<Fault>,
    made: AtomicU32,
}

impl Simulated {
    fn new(fault: Option<Fault>) -> Self {
        let engine = SimEngine::with_script(Environment::system(), Programs);
        Self { engine, fault, made: AtomicU32::new(0) }
    }
}

/// Does what the suite's programs say, which are the commands of its containers.
struct Programs;

fn words(program: Program) -> Vec<String> {
    let words = match program {
        Program::Waits => vec!["waits".to_owned()],
        Program::IsDeaf => vec!["deaf".to_owned()],
        Program::Exits(code) => vec!["exits".to_owned(), code.to_string()],
        Program::Says(line) => vec!["says".to_owned(), line.to_owned()],
        Program::Repeats => vec!["repeats".to_owned()],
        Program::IsAbsent => vec!["absent".to_owned()],
        Program::Script(script) => panic!("nothing runs here: {script}"),
    };
    [vec!["program".to_owned()], words].concat()
}

fn process(command: &[String]) -> SimProcess {
    let at_once = Duration::ZERO;
    match command.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "deaf"] => SimProcess { stops_within: None, ..SimProcess::service() },
        [_, "exits", code] => SimProcess::job(at_once, code.parse().expect("a number")),
        [_, "says", line] => SimProcess { output: vec![line.to_owned()], ..SimProcess::job(at_once, 0) },
        [_, "absent"] => SimProcess { start_error: Some("no such file".to_owned()), ..SimProcess::service() },
        _ => SimProcess::service(),
    }
}

impl SimScript for Programs {
    fn process(&self, spec: &ContainerSpec) -> SimProcess {
        process(&spec.command)
    }

    fn exec(&self, _container: &ContainerStatus, command: &[String]) -> SimProcess {
        process(command)
    }
}

#[async_trait]
impl Rig for Simulated {
    async fn runtime(&self, node: &str) -> Arc<dyn Runtime> {
        let made = self.made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let node = match self.fault {
            Some(SeesTheNeighbours) => "all".to_owned(),
            Some(ForgetsAtARestart) => format!("{node}-{made}"),
            _ => node.to_owned(),
        };
        let inner = self.engine.runtime(&node);
        Arc::new(Broken { inner, fault: self.fault, count: AtomicU32::new(0) })
    }

    fn container(&self, program: Program) -> ContainerSpec {
        ContainerSpec { image: "suite:1".to_owned(), command: words(program), ..ContainerSpec::default() }
    }

    fn command(&self, program: Program) -> Vec<String> {
        words(program)
    }

    async fn bring_image(&self, runtime: &dyn Runtime) {
        runtime.pull_image("suite:1", None).await.expect("any image is there");
    }

    fn import(&self) -> ImageImport {
        ImageImport {
            reference: "imported:1".to_owned(),
            layer: "layer".into(),
            entrypoint: vec![],
            command: vec![],
            env: vec![],
        }
    }

    async fn clean_up(&self) {}

    fn runs_programs(&self) -> bool {
        false
    }
}

mod simulated {
    use super::Simulated;

    crate::runtime_conformance!(Simulated::new(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_fault_is_found_by_the_case_whose_business_it_is() {
    for (fault, name) in FOUND_BY {
        let case = CASES.iter().find(|case| case.name == *name).unwrap_or_else(|| panic!("no case {name}"));
        assert!(passes(case, None).await, "{name} does not pass a runtime without a fault");
        assert!(!passes(case, Some(*fault)).await, "{name} passes a runtime that {fault:?}");
    }
}

/// What never ends is found too, by the suite's patience; here it need not be as long.
async fn passes(case: &Case, fault: Option<Fault>) -> bool {
    let rig = Simulated::new(fault);
    let run = async { (case.run)(&super::Site::open(&rig).await).await };
    let limit = Duration::from_secs(5);
    let done = Environment::system().timeout(limit, AssertUnwindSafe(run).catch_unwind()).await;
    matches!(done, Ok(Ok(())))
}

#[test]
fn every_fault_has_its_case() {
    // The last one's number tells how many there are.
    assert_eq!(FOUND_BY.len(), KnowsEveryImage as usize + 1);
    let mut faults: Vec<usize> = FOUND_BY.iter().map(|(fault, _)| *fault as usize).collect();
    faults.sort_unstable();
    faults.dedup();
    assert_eq!(faults.len(), FOUND_BY.len());
}
