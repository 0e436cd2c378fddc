//! Which system calls a container may make: the profile of those that ask for nothing else, and profiles of the
//! user's own in Docker's JSON form, which the OCI runtime specification has without its conditions.

use bireme_core::runtime::{Privileges, RuntimeError, Seccomp};
use serde::Deserialize;
use serde_json::{Value, json};

/// What every container may call. What is not here can reach beyond the container: loading of modules, mounting,
/// other namespaces, the clock, keys, raw devices, and what is obsolete or new and not known to be harmless.
const ALLOWED: &str = include_str!("syscalls.txt");

/// What a capability allows on top, since it is what the capability is for.
const WITH_CAPABILITY: &[(&str, &[&str])] = &[
    ("CAP_BPF", &["bpf"]),
    ("CAP_DAC_READ_SEARCH", &["open_by_handle_at"]),
    ("CAP_PERFMON", &["perf_event_open"]),
    (
        "CAP_SYS_ADMIN",
        &[
            "bpf",
            "clone",
            "clone3",
            "fanotify_init",
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "lookup_dcookie",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "perf_event_open",
            "quotactl",
            "quotactl_fd",
            "setdomainname",
            "sethostname",
            "setns",
            "syslog",
            "umount",
            "umount2",
            "unshare",
        ],
    ),
    ("CAP_SYS_BOOT", &["reboot"]),
    ("CAP_SYS_CHROOT", &["chroot"]),
    ("CAP_SYS_MODULE", &["delete_module", "finit_module", "init_module"]),
    ("CAP_SYS_NICE", &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    ("CAP_SYS_PACCT", &["acct"]),
    ("CAP_SYS_PTRACE", &["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev"]),
    ("CAP_SYS_RAWIO", &["ioperm", "iopl"]),
    ("CAP_SYS_TIME", &["clock_settime", "clock_settime64", "settimeofday", "stime"]),
    ("CAP_SYS_TTY_CONFIG", &["vhangup"]),
    ("CAP_SYSLOG", &["syslog"]),
];

/// The flags of clone(2) that make namespaces.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
/// The ways to run that personality(2) may choose: Linux's own of 64 and of 32 bits, as they are and with the name of
/// an old kernel; and to ask.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// Sockets to the machine's hypervisor, of which a container must know nothing.
const AF_VSOCK: u64 = 40;
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The profile of a container.
pub(super) fn of(privileges: &Privileges, capabilities: &[String]) -> Result<Option<Value>, RuntimeError> {
    match &privileges.seccomp {
        _ if privileges.privileged => Ok(None),
        Seccomp::Unconfined => Ok(None),
        Seccomp::RuntimeDefault => Ok(Some(default(capabilities))),
        Seccomp::Profile(text) => translate(text, capabilities).map(Some),
    }
}

/// What a container may call that holds these capabilities.
pub(super) fn default(capabilities: &[String]) -> Value {
    let holds = |name: &str| capabilities.iter().any(|held| held == name);
    let mut names: Vec<&str> = ALLOWED.split_whitespace().collect();
    names.extend(WITH_CAPABILITY.iter().filter(|(name, _)| holds(name)).flat_map(|(_, calls)| *calls));
    let allow = |name: &str, index: u32, value: u64, value_two: u64, op: &str| {
        json!({
            "names": [name],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": index, "value": value, "valueTwo": value_two, "op": op }],
        })
    };
    let mut calls = vec![json!({ "names": names, "action": "SCMP_ACT_ALLOW" })];
    calls.extend(PERSONALITIES.map(|value| allow("personality", 0, value, 0, "SCMP_CMP_EQ")));
    calls.push(allow("socket", 0, AF_VSOCK, 0, "SCMP_CMP_NE"));
    if !holds("CAP_SYS_ADMIN") {
        calls.push(allow("clone", 0, NEW_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ"));
        // Its flags cannot be looked at; who is told that there is no such call uses clone.
        calls.push(json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS }));
    }
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "architectures": architectures(),
        "syscalls": calls,
    })
}

/// The machine's architecture and those whose programs it runs too.
fn architectures() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => &[],
    }
}

/// A profile in Docker's form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    arch_map: Vec<ArchMap>,
    #[serde(default)]
    syscalls: Vec<Rule>,
    #[serde(default)]
    flags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: String,
    #[serde(default)]
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: Option<String>,
    #[serde(default)]
    names: Option<Vec<String>>,
    action: String,
    errno_ret: Option<u32>,
    args: Option<Value>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(default)]
    caps: Option<Vec<String>>,
    #[serde(default)]
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// From Docker's form to the OCI runtime specification's: each rule whose conditions hold.
fn translate(text: &str, capabilities: &[String]) -> Result<Value, RuntimeError> {
    let invalid = |error: serde_json::Error| RuntimeError::Unsupported(format!("seccomp profile: {error}"));
    let profile: Profile = serde_json::from_str(text).map_err(invalid)?;
    let native = architectures().first().copied().unwrap_or_default();
    let mapped = profile.arch_map.iter().find(|map| map.architecture == native).map(|map| {
        let others = map.sub_architectures.iter().flatten().cloned();
        std::iter::once(map.architecture.clone()).chain(others).collect()
    });
    let calls: Vec<Value> = profile
        .syscalls
        .into_iter()
        .filter(|rule| rule.applies(capabilities))
        .map(|rule| {
            let names: Vec<_> = rule.names.into_iter().flatten().chain(rule.name).collect();
            json!({ "names": names, "action": rule.action, "errnoRet": rule.errno_ret, "args": rule.args })
        })
        .collect();
    Ok(json!({
        "defaultAction": profile.default_action,
        "defaultErrnoRet": profile.default_errno_ret,
        "architectures": mapped.unwrap_or(profile.architectures),
        "flags": profile.flags,
        "syscalls": calls,
    }))
}

impl Rule {
    fn applies(&self, capabilities: &[String]) -> bool {
        let holds = |name: &String| capabilities.contains(name);
        let here = |name: &String| name == go_name();
        let (must, may_not) = (&self.includes, &self.excludes);
        must.caps.iter().flatten().all(holds)
            && must.arches.as_ref().is_none_or(|arches| arches.is_empty() || arches.iter().any(here))
            && must.min_kernel.as_deref().is_none_or(is_kernel_at_least)
            && !may_not.caps.iter().flatten().any(holds)
            && !may_not.arches.iter().flatten().any(here)
            && !may_not.min_kernel.as_deref().is_some_and(is_kernel_at_least)
    }
}

/// The architecture by the name that Docker's conditions have for it.
fn go_name() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether the running kernel is of this version, `major.minor`, or later.
fn is_kernel_at_least(version: &str) -> bool {
    let parts = |text: &str| -> Option<(u32, u32)> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    let running = rustix::system::uname().release().to_string_lossy().into_owned();
    parts(version) <= parts(&running)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(profile: &Value) -> Vec<String> {
        let calls = profile["syscalls"].as_array().unwrap();
        calls
            .iter()
            .flat_map(|call| call["names"].as_array().unwrap())
            .map(|name| name.as_str().unwrap().into())
            .collect()
    }

    #[test]
    fn what_reaches_beyond_the_container_is_not_allowed_without_its_capability() {
        let plain = names(&default(&[]));
        for call in
            ["mount", "setns", "unshare", "bpf", "keyctl", "init_module", "kexec_load", "reboot", "chroot"]
        {
            assert!(!plain.contains(&call.to_owned()), "{call}");
        }
        let admin = names(&default(&["CAP_SYS_ADMIN".to_owned()]));
        assert!(["mount", "setns", "clone3"].iter().all(|call| admin.contains(&(*call).to_owned())));
    }

    #[test]
    fn a_rule_applies_where_its_conditions_hold() {
        let profile = r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[
            {"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
            {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],"syscalls":[
            {"names":["always"],"action":"SCMP_ACT_ERRNO"},
            {"names":["admin"],"action":"SCMP_ACT_ERRNO","includes":{"caps":["CAP_SYS_ADMIN"]}},
            {"names":["others"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}},
            {"names":["elsewhere"],"action":"SCMP_ACT_ERRNO","includes":{"arches":["pdp11"]}},
            {"names":["late"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"999.0"}},
            {"name":"early","action":"SCMP_ACT_ERRNO","includes":{"minKernel":"2.6"}}]}"#;
        let plain = translate(profile, &[]).unwrap();
        assert_eq!(names(&plain), ["always", "others", "early"]);
        assert_eq!(plain["architectures"].as_array().unwrap().len(), 2);
        let admin = translate(profile, &["CAP_SYS_ADMIN".to_owned()]).unwrap();
        assert_eq!(names(&admin), ["always", "admin", "early"]);
        assert!(translate("{}", &[]).is_err());
    }
}
