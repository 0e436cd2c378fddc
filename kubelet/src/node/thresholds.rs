//! When a node counts as short of something.

use std::fmt;
use std::str::FromStr;

use bireme_core::quantity::Quantity;

use crate::host::{Headroom, MachineInfo};

/// How little a node may have left of each resource before it reports pressure and gets no more pods.
///
/// As text they have the form of upstream's `--eviction-hard`, `memory.available<100Mi,nodefs.available<10%`; a
/// signal that is not named keeps its default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// `memory.available`
    pub memory: Threshold,
    /// `nodefs.available`: the file system that pods' files are on.
    pub storage: Threshold,
    /// `nodefs.inodesFree`, there.
    pub inodes: Threshold,
    /// `pid.available`: how many more processes the kernel allows.
    pub processes: Threshold,
}

impl Default for Thresholds {
    /// 100 MiB of memory, 1 GiB of storage, 10,000 inodes, 1,000 processes.
    ///
    /// Upstream asks for a tenth of the storage to be free, which a developer's machine rarely has, and which of a
    /// large disk is far more than pods need.
    fn default() -> Self {
        Self {
            memory: Threshold::Amount(100 << 20),
            storage: Threshold::Amount(1 << 30),
            inodes: Threshold::Amount(10_000),
            processes: Threshold::Amount(1_000),
        }
    }
}

/// The least that must be left of a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// So many bytes or pieces.
    Amount(u64),
    /// So many hundredths of all there is.
    Percent(f64),
}

impl Threshold {
    fn is_crossed(self, left: u64, all: u64) -> bool {
        match self {
            Threshold::Amount(least) => left < least,
            Threshold::Percent(least) => (left as f64) < all as f64 * least / 100.0,
        }
    }
}

/// Why a text is not [`Thresholds`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// A part is not `signal<value`.
    #[error("{0:?} is not of the form signal<value, such as nodefs.available<10%")]
    Form(String),
    /// The signal is none of those that are known.
    #[error("{0:?} is not one of memory.available, nodefs.available, nodefs.inodesFree, pid.available")]
    Signal(String),
    /// The value is neither a quantity nor a percentage between 0 and 100.
    #[error("{0:?} is neither a quantity nor a percentage from 0% to 100%")]
    Value(String),
}

impl FromStr for Thresholds {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let mut thresholds = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (signal, value) =
                part.split_once('<').ok_or_else(|| ThresholdError::Form(part.to_owned()))?;
            let threshold = match signal.trim() {
                "memory.available" => &mut thresholds.memory,
                "nodefs.available" => &mut thresholds.storage,
                "nodefs.inodesFree" => &mut thresholds.inodes,
                "pid.available" => &mut thresholds.processes,
                unknown => return Err(ThresholdError::Signal(unknown.to_owned())),
            };
            *threshold = value.trim().parse()?;
        }
        Ok(thresholds)
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let wrong = || ThresholdError::Value(text.to_owned());
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.parse().map_err(|_| wrong())?;
            return if (0.0..=100.0).contains(&percent) { Ok(Self::Percent(percent)) } else { Err(wrong()) };
        }
        let amount: Quantity = text.parse().map_err(|_| wrong())?;
        u64::try_from(amount.value()).map(Self::Amount).map_err(|_| wrong())
    }
}

/// What a node is short of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shortages {
    pub(super) memory: bool,
    pub(super) storage: bool,
    pub(super) processes: bool,
}

impl Shortages {
    pub(super) fn of(left: &Headroom, machine: &MachineInfo, least: &Thresholds) -> Self {
        Self {
            memory: least.memory.is_crossed(left.memory, machine.memory),
            storage: least.storage.is_crossed(left.storage, machine.storage)
                || least.inodes.is_crossed(left.inodes, machine.inodes),
            processes: least.processes.is_crossed(left.processes, machine.processes),
        }
    }
}

impl fmt::Display for Shortages {
    /// The resources, joined by commas; `nothing` if there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [(self.memory, "memory"), (self.storage, "storage"), (self.processes, "processes")];
        let short: Vec<_> = named.into_iter().filter_map(|(short, name)| short.then_some(name)).collect();
        f.write_str(if short.is_empty() { "nothing".to_owned() } else { short.join(", ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: MachineInfo = MachineInfo {
        cpus: 1,
        memory: 8 << 30,
        storage: 2 << 40,
        inodes: 1 << 20,
        processes: 1 << 15,
        machine_id: String::new(),
        boot_id: String::new(),
        system_uuid: String::new(),
    };
    const AMPLE: Headroom =
        Headroom { memory: 1 << 30, storage: 1 << 40, inodes: 1 << 19, processes: 1 << 14 };

    fn short_of(left: &Headroom, least: &str) -> String {
        Shortages::of(left, &MACHINE, &least.parse().unwrap()).to_string()
    }

    #[test]
    fn a_large_disk_that_is_nearly_full_still_has_room_for_pods() {
        let left = Headroom { storage: 40 << 30, ..AMPLE };
        assert_eq!(short_of(&left, ""), "nothing");
        assert_eq!(short_of(&left, "nodefs.available<10%"), "storage");
        assert_eq!(short_of(&Headroom { storage: (1 << 30) - 1, ..AMPLE }, ""), "storage");
    }

    #[test]
    fn every_signal_has_its_threshold() {
        let least = "memory.available<2Gi, nodefs.inodesFree<75%, pid.available<20k";
        assert_eq!(short_of(&AMPLE, least), "memory, storage, processes");
        assert_eq!(
            short_of(&AMPLE, "memory.available<1Gi,nodefs.inodesFree<50%,pid.available<50%"),
            "nothing"
        );
    }

    #[test]
    fn what_is_no_threshold_is_refused_with_its_reason() {
        let error = |text: &str| text.parse::<Thresholds>().unwrap_err();
        assert_eq!(error("memory.available=1"), ThresholdError::Form("memory.available=1".to_owned()));
        assert_eq!(error("disk<1"), ThresholdError::Signal("disk".to_owned()));
        for value in ["101%", "-1%", "NaN%", "%", "-1", "x", ""] {
            let text = format!("memory.available<{value}");
            assert_eq!(error(&text), ThresholdError::Value(value.to_owned()), "{text}");
        }
    }
}
