//! Capabilities.

use std::collections::BTreeSet;

use bireme_core::runtime::{Privileges, RuntimeError};

/// Every capability of Linux, by number; see capabilities(7).
const ALL: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What a container may that asks for nothing; as with Docker and with containerd's own tools.
const DEFAULT: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// The capabilities that a container gets, with the kernel's names for them.
pub(super) fn capabilities(privileges: &Privileges) -> Result<Vec<String>, RuntimeError> {
    let held = held();
    let all =
        || ALL.iter().enumerate().filter(|(number, _)| held & (1 << number) != 0).map(|(_, name)| *name);
    let mut chosen: BTreeSet<&str> =
        if privileges.privileged { all().collect() } else { DEFAULT.into_iter().collect() };
    let drops = named(&privileges.drop_capabilities)?;
    if drops.contains(&"ALL") {
        chosen.clear();
    }
    let adds = named(&privileges.add_capabilities)?;
    if adds.contains(&"ALL") {
        chosen.extend(all());
    }
    chosen.extend(adds.iter().filter(|name| **name != "ALL"));
    for dropped in drops {
        chosen.remove(dropped);
    }
    Ok(chosen.into_iter().map(|name| format!("CAP_{name}")).collect())
}

/// Names as they are known, with or without `CAP_` and in either case.
fn named(names: &[String]) -> Result<Vec<&'static str>, RuntimeError> {
    let known = |name: &String| {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let found = ALL.iter().chain(&["ALL"]).copied().find(|known| *known == bare);
        found.ok_or_else(|| RuntimeError::Unsupported(format!("invalid capability: {name}")))
    };
    names.iter().map(known).collect()
}

/// Which capabilities this process holds, and so can give; a bit for each. All, where it cannot be read.
fn held() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(add: &[&str], drop: &[&str]) -> Vec<String> {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let privileges = Privileges {
            add_capabilities: texts(add),
            drop_capabilities: texts(drop),
            ..Privileges::default()
        };
        capabilities(&privileges).unwrap()
    }

    #[test]
    fn capabilities_are_added_and_dropped_by_any_of_their_names() {
        assert_eq!(of(&[], &[]).len(), DEFAULT.len());
        assert_eq!(of(&[], &["ALL"]), [""; 0]);
        assert_eq!(of(&["NET_ADMIN", "cap_kill"], &["all"]), ["CAP_KILL", "CAP_NET_ADMIN"]);
        assert!(!of(&[], &["CAP_NET_RAW"]).contains(&"CAP_NET_RAW".to_owned()));
        let unknown = Privileges { add_capabilities: vec!["FLY".into()], ..Privileges::default() };
        assert!(capabilities(&unknown).unwrap_err().to_string().contains("invalid capability: FLY"));
    }
}
