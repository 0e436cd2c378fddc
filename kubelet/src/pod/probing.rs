//! Which probes are due.

use bireme_core::runtime::{ContainerState, ContainerStatus};

use super::action::Action;
use super::declared::{self, Declared, Role};
use super::memory::{Hook, Slot};
use super::plan::{Draft, Situation, has_started};
use super::probe::ProbeKind;

/// Asks for the probes that are due, and to be woken for the next one.
pub(super) fn probe(situation: &Situation<'_>, draft: &mut Draft) {
    for declared in declared::all(declared::spec(situation.pod)) {
        let newest = situation.observed.container(declared.name());
        if let Some(container) = newest.filter(|_| declared.role != Role::Init) {
            probe_container(situation, &declared, container, draft);
        }
    }
}

fn probe_container(
    situation: &Situation<'_>,
    declared: &Declared<'_>,
    container: &ContainerStatus,
    draft: &mut Draft,
) {
    let Situation { memory, now, .. } = *situation;
    let ContainerState::Running { started_at } = container.state else { return };
    let hook_over = memory.post_start_of(&container.id) == Hook::Done;
    if !hook_over || memory.kills.contains_key(&container.id) {
        return;
    }
    let started = has_started(situation, declared.spec, container);
    for kind in ProbeKind::ALL {
        // The startup probe runs until it has succeeded, the others from then on.
        let wanted = (kind == ProbeKind::Startup) != started;
        let Some(probe) = kind.of(declared.spec).filter(|_| wanted) else { continue };
        let name = declared.name();
        if memory.is_busy(&Slot::Probe(name.to_owned(), kind)) {
            continue;
        }
        let due = memory.probes.due(name, kind, &container.id, probe, started_at);
        if due <= now {
            let (container, id) = (name.to_owned(), container.id.clone());
            draft.act(memory, Action::Probe { container, id, kind });
        } else {
            draft.wake_at(due);
        }
    }
}
