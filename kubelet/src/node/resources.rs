//! What a node has, and what of it pods may have.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;

use crate::config::KubeletConfig;
use crate::host::MachineInfo;

fn bytes(bytes: u64) -> Quantity {
    Quantity::bytes(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// What the node has: what it is told that it has, else what was measured.
pub(crate) fn capacity(config: &KubeletConfig, machine: &MachineInfo) -> BTreeMap<String, Quantity> {
    let measured = [
        ("cpu", Quantity::units(i64::from(machine.cpus))),
        ("memory", bytes(machine.memory)),
        ("ephemeral-storage", bytes(machine.storage)),
        ("pods", Quantity::units(i64::from(config.max_pods))),
    ];
    let mut capacity: BTreeMap<String, Quantity> =
        measured.into_iter().map(|(resource, amount)| (resource.to_owned(), amount)).collect();
    capacity.extend(config.capacity.clone().unwrap_or_default());
    capacity
}

/// What pods may have: what the node has, without what is kept for the system.
pub(crate) fn allocatable(
    config: &KubeletConfig,
    capacity: &BTreeMap<String, Quantity>,
) -> BTreeMap<String, Quantity> {
    let left = |(resource, amount): (&String, &Quantity)| {
        let reserved = config.reserved.get(resource).copied().unwrap_or(Quantity::ZERO);
        (resource.clone(), (*amount - reserved).max(Quantity::ZERO))
    };
    capacity.iter().map(left).collect()
}
