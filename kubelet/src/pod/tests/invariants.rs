//! What holds in every state: all of them are walked.

use std::sync::LazyLock;

use bireme_core::runtime::{ContainerState, SandboxState};

use super::builder::{Setting, at, exited, fresh, running, sandbox_id};
use crate::pod::action::Action;
use crate::pod::memory::{Slot, Volumes};
use crate::pod::observed::is_running;
use crate::pod::plan::Plan;

/// Every combination of what a pod with one container can be in.
static EVERY: LazyLock<Vec<(Setting, Plan)>> = LazyLock::new(|| {
    let planned = |setting: Setting| (setting.clone(), setting.plan());
    every_setting().into_iter().map(planned).collect()
});

fn every_setting() -> Vec<Setting> {
    let mut settings = Vec::new();
    let containers = [None, Some(ContainerState::Created), Some(running()), Some(exited(0)), Some(exited(1))];
    let slots =
        [None, Some(Slot::Sandbox), Some(Slot::Network), Some(Slot::Volumes), Some(main()), Some(Slot::Api)];
    for sandbox in [None, Some(SandboxState::Ready), Some(SandboxState::NotReady)] {
        for container in &containers {
            for policy in ["Always", "OnFailure", "Never"] {
                for fate in [Fate::Lives, Fate::Deleted, Fate::Gone] {
                    for slot in &slots {
                        for bits in 0..16 {
                            let setting =
                                setting(sandbox, container.clone(), policy, fate, slot.clone(), bits);
                            settings.push(setting);
                        }
                    }
                }
            }
        }
    }
    settings
}

#[derive(Clone, Copy)]
enum Fate {
    Lives,
    Deleted,
    Gone,
}

fn main() -> Slot {
    Slot::Container("main".to_owned())
}

fn setting(
    sandbox: Option<SandboxState>,
    container: Option<ContainerState>,
    policy: &str,
    fate: Fate,
    slot: Option<Slot>,
    bits: u32,
) -> Setting {
    let mut setting = fresh().policy(policy);
    if let Some(state) = sandbox {
        setting = setting.sandbox(0, state);
    }
    if let Some(state) = container.filter(|_| sandbox.is_some()) {
        setting = setting.container("main", 0, state);
    }
    if matches!(fate, Fate::Deleted) {
        setting = setting.deleted(30);
    }
    setting.remember(|memory| {
        memory.gone = matches!(fate, Fate::Gone);
        if memory.gone {
            memory.ending_since = Some(at(1000));
        }
        memory.busy.extend(slot.map(|slot| (slot, None)));
        memory.volumes = if bits & 1 == 0 { Volumes::Unknown } else { Volumes::Ready };
        if bits & 2 != 0 {
            memory.address = Some((sandbox_id(0), "10.244.1.5".parse().unwrap()));
        }
        if bits & 4 != 0 {
            memory.images.insert("main".to_owned());
        }
        if bits & 8 != 0 && sandbox == Some(SandboxState::NotReady) {
            memory.closed.insert(sandbox_id(0));
        }
    })
}

#[test]
fn a_plan_is_a_function_of_its_situation() {
    for (setting, plan) in EVERY.iter().step_by(7) {
        assert_eq!(setting.plan(), *plan);
    }
}

#[test]
fn no_slot_gets_two_actions_and_a_taken_one_none() {
    for (setting, Plan { actions, .. }) in EVERY.iter() {
        for (index, action) in actions.iter().enumerate() {
            let slot = action.slot();
            assert!(!setting.memory.is_busy(&slot), "{action:?} while {:?}", setting.memory.busy);
            assert!(actions[index + 1..].iter().all(|other| other.slot() != slot), "{actions:?}");
        }
    }
}

#[test]
fn containers_are_made_only_where_they_can_live_and_never_beside_themselves() {
    for (setting, plan) in EVERY.iter() {
        let (observed, memory) = (setting.observed(), &setting.memory);
        for action in &plan.actions {
            if let Action::Create { sandbox, .. } = action {
                let home = observed.ready_sandbox().map(|ready| &ready.id);
                assert_eq!(home, Some(sandbox));
                assert!(memory.address_of(sandbox).is_some() && memory.volumes == Volumes::Ready);
                assert!(observed.container("main").is_none_or(|newest| !is_running(newest)));
            }
            if let Action::RunSandbox { .. } = action {
                assert!(observed.ready_sandbox().is_none());
            }
        }
    }
}

#[test]
fn what_is_ending_is_never_built_up() {
    for (_, plan) in EVERY.iter().filter(|(setting, _)| setting.memory.ending_since.is_some()) {
        let builds = |action: &Action| {
            matches!(
                action,
                Action::RunSandbox { .. }
                    | Action::Attach { .. }
                    | Action::EnsureImage { .. }
                    | Action::Create { .. }
                    | Action::Start { .. }
                    | Action::PrepareVolumes
            )
        };
        assert!(!plan.actions.iter().any(builds));
    }
}

#[test]
fn the_api_is_told_of_the_end_only_when_nothing_is_left() {
    for (setting, plan) in EVERY.iter() {
        if plan.actions.contains(&Action::Delete) {
            let memory = &setting.memory;
            assert!(setting.observed().is_empty() && memory.volumes == Volumes::Removed && !memory.gone);
        }
    }
}

/// The world as the plan expects it to become: each action done at once and well.
fn carry_out(setting: &mut Setting, action: &Action) {
    let (sandboxes, containers) = (&mut setting.sandboxes, &mut setting.containers);
    match action {
        Action::PrepareVolumes => setting.memory.volumes = Volumes::Ready,
        Action::RemoveVolumes => setting.memory.volumes = Volumes::Removed,
        Action::RunSandbox { attempt } => *setting = setting.clone().sandbox(*attempt, SandboxState::Ready),
        Action::Attach { sandbox } => {
            setting.memory.address = Some((sandbox.clone(), "10.244.1.5".parse().unwrap()));
        }
        Action::EnsureImage { container } => _ = setting.memory.images.insert(container.clone()),
        Action::AbandonImage { container } => _ = setting.memory.busy.remove(&Slot::Image(container.clone())),
        Action::Create { container, attempt, sandbox } => {
            let number = sandbox.0.trim_start_matches('s').parse().unwrap();
            *setting = setting.clone().container_in(number, container, *attempt, ContainerState::Created);
            setting.memory.images.remove(container);
        }
        Action::Start { id, .. } => end(containers, id, running()),
        Action::Stop { id, .. } => end(containers, id, exited(0)),
        Action::Remove { id } => containers.retain(|container| container.id != *id),
        Action::CloseSandbox { sandbox } => {
            sandboxes
                .iter_mut()
                .filter(|it| it.id == *sandbox)
                .for_each(|it| it.state = SandboxState::NotReady);
            for container in containers.iter_mut().filter(|it| it.sandbox == *sandbox && is_running(it)) {
                container.state = exited(137);
            }
            setting.memory.closed.insert(sandbox.clone());
        }
        Action::RemoveSandbox { sandbox } => {
            sandboxes.retain(|it| it.id != *sandbox);
            containers.retain(|container| container.sandbox != *sandbox);
        }
        Action::Delete => setting.memory.gone = true,
        Action::PostStart { .. } | Action::PreStop { .. } | Action::Probe { .. } => {}
    }
}

fn end(
    containers: &mut [bireme_core::runtime::ContainerStatus],
    id: &bireme_core::runtime::ContainerId,
    state: ContainerState,
) {
    containers
        .iter_mut()
        .filter(|container| container.id == *id)
        .for_each(|container| container.state = state.clone());
}

#[test]
fn from_every_state_the_pod_comes_to_where_it_should_be() {
    for (setting, _) in EVERY.iter().filter(|(setting, _)| setting.memory.busy.is_empty()) {
        let mut setting = setting.clone();
        let mut steps = 0;
        loop {
            let plan = setting.plan();
            setting.pod.status = Some(plan.status);
            if plan.actions.is_empty() && setting.plan().actions.is_empty() {
                break;
            }
            plan.actions.iter().for_each(|action| carry_out(&mut setting, action));
            steps += 1;
            assert!(steps < 30, "no end: {:?}", setting.plan().actions);
        }
        let phase = setting.pod.status.clone().unwrap().phase.unwrap();
        let ended = phase == "Succeeded" || phase == "Failed";
        if setting.memory.ending_since.is_some() {
            assert!(
                setting.observed().is_empty()
                    && setting.memory.gone
                    && setting.memory.volumes == Volumes::Removed
            );
        } else if ended {
            assert!(setting.observed().ready_sandbox().is_none() && !setting.observed().is_running());
        } else {
            assert!(is_running(setting.observed().container("main").unwrap()), "{phase}");
            assert_eq!(phase, "Running");
        }
    }
}

#[test]
fn a_container_keeps_its_number_across_sandboxes() {
    let setting = fresh().prepared().container("main", 4, exited(1)).image("main").at(2000);
    let expected = Action::Create { container: "main".to_owned(), attempt: 5, sandbox: sandbox_id(0) };
    assert_eq!(setting.plan().actions, [expected]);
}
