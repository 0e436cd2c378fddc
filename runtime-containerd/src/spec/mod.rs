//! From the contract's specifications to those of the OCI runtime specification, in JSON.

mod devices;
mod privileges;
mod seccomp;
pub(crate) mod signal;
mod user;

use bireme_core::runtime::{ContainerResources, ContainerSpec, Processes, RuntimeError, SandboxSpec};
use serde_json::{Value, json};

use crate::image::Settings;
pub(crate) use user::{Accounts, User};

/// What a period of CPU time is, in microseconds.
const CPU_PERIOD: u64 = 100_000;
/// The least quota the kernel takes.
const LEAST_QUOTA: u64 = 1_000;

/// What programs find when their image says nothing.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What of the kernel's files a container cannot read, and cannot write, unless it is privileged; as with Docker.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Where a container finds what is its pod's.
pub(crate) struct Place<'a> {
    /// The process that holds the pod's namespaces.
    pub(crate) pid: u32,
    pub(crate) processes: Processes,
    /// The folder of the sandbox's files.
    pub(crate) files: &'a std::path::Path,
    /// Which control group the container is in.
    pub(crate) cgroup: String,
    pub(crate) host_name: &'a str,
}

/// A sandbox's own process.
pub(crate) fn sandbox(spec: &SandboxSpec, cgroup: &str) -> Value {
    let own = |kind: &str| json!({ "type": kind });
    let mut namespaces = vec![own("mount")];
    if !spec.host_pid {
        namespaces.push(own("pid"));
    }
    if !spec.host_ipc {
        namespaces.push(own("ipc"));
    }
    if !spec.host_network {
        namespaces.extend([own("network"), own("uts")]);
    }
    let sysctl: serde_json::Map<String, Value> =
        spec.sysctls.iter().map(|(name, value)| (name.replace('/', "."), json!(value))).collect();
    let mut whole = json!({
        "ociVersion": "1.0.2",
        "process": {
            "args": [bireme_pause::PATH],
            "cwd": "/",
            "user": { "uid": 0, "gid": 0 },
            "noNewPrivileges": true,
            "capabilities": {},
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"] },
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": namespaces,
            "sysctl": sysctl,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "resources": { "devices": [{ "allow": false, "access": "rwm" }], "cpu": { "shares": 2 } },
            "seccomp": seccomp::default(&[]),
        },
    });
    if !spec.host_network {
        whole["hostname"] = json!(spec.hostname);
    }
    whole
}

/// A container.
pub(crate) fn container(
    spec: &ContainerSpec,
    image: &Settings,
    user: &User,
    place: &Place<'_>,
) -> Result<Value, RuntimeError> {
    let privileges = &spec.privileges;
    let capabilities = privileges::capabilities(privileges)?;
    let privileged = privileges.privileged;
    let (masked, read_only) = if privileged { (&[][..], &[][..]) } else { (MASKED, READ_ONLY) };
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": spec.tty,
            "args": arguments(spec, image)?,
            "cwd": working_dir(spec, image),
            "env": environment(spec, image, user, place.host_name),
            "user": { "uid": user.uid, "gid": user.gid, "additionalGids": user.groups },
            "noNewPrivileges": privileges.no_new_privileges,
            "oomScoreAdj": spec.resources.oom_score_adj,
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
        },
        "root": { "path": "rootfs", "readonly": privileges.read_only_root },
        "mounts": mounts(spec, place),
        "linux": {
            "cgroupsPath": place.cgroup,
            "namespaces": namespaces(place),
            "maskedPaths": masked,
            "readonlyPaths": read_only,
            "devices": if privileged { devices::all() } else { Vec::new() },
            "resources": resources(&spec.resources, privileged),
            "seccomp": seccomp::of(privileges, &capabilities)?,
        },
    }))
}

/// A further process beside a container's own.
pub(crate) fn process(container: &Value, command: &[String], terminal: bool) -> Value {
    let mut process = container["process"].clone();
    process["args"] = json!(command);
    process["terminal"] = json!(terminal);
    process
}

fn arguments(spec: &ContainerSpec, image: &Settings) -> Result<Vec<String>, RuntimeError> {
    let entrypoint =
        if spec.command.is_empty() { image.entrypoint.clone() } else { Some(spec.command.clone()) };
    let command = match (spec.args.is_empty(), spec.command.is_empty()) {
        (false, _) => spec.args.clone(),
        (true, true) => image.cmd.clone().unwrap_or_default(),
        (true, false) => Vec::new(),
    };
    let arguments = [entrypoint.unwrap_or_default(), command].concat();
    if arguments.is_empty() {
        return Err(RuntimeError::Unsupported("no command specified".to_owned()));
    }
    Ok(arguments)
}

fn working_dir(spec: &ContainerSpec, image: &Settings) -> String {
    let asked = spec.working_dir.clone().or_else(|| image.working_dir.clone());
    asked.filter(|folder| !folder.is_empty()).unwrap_or_else(|| "/".to_owned())
}

/// The image's variables, those of the specification over them, and what every program expects.
fn environment(spec: &ContainerSpec, image: &Settings, user: &User, host_name: &str) -> Vec<String> {
    let mut all = vec![PATH.to_owned(), format!("HOSTNAME={host_name}"), format!("HOME={}", user.home)];
    if spec.tty {
        all.push("TERM=xterm".to_owned());
    }
    let asked = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
    for variable in image.env.iter().flatten().cloned().chain(asked) {
        let name = variable.split_once('=').map_or(variable.as_str(), |(name, _)| name).to_owned();
        let same = |known: &&mut String| known.split_once('=').is_some_and(|(known, _)| known == name);
        match all.iter_mut().find(same) {
            Some(known) => *known = variable,
            None => all.push(variable),
        }
    }
    all
}

fn namespaces(place: &Place<'_>) -> Vec<Value> {
    let joined =
        |kind: &str, file: &str| json!({ "type": kind, "path": format!("/proc/{}/ns/{file}", place.pid) });
    let mut namespaces = vec![
        json!({ "type": "mount" }),
        joined("network", "net"),
        joined("ipc", "ipc"),
        joined("uts", "uts"),
    ];
    match place.processes {
        Processes::Own => namespaces.push(json!({ "type": "pid" })),
        Processes::Pod => namespaces.push(joined("pid", "pid")),
        Processes::Node => {}
    }
    if crate::cgroup::is_unified() {
        namespaces.push(json!({ "type": "cgroup" }));
    }
    namespaces
}

fn mounts(spec: &ContainerSpec, place: &Place<'_>) -> Vec<Value> {
    let made = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
    let file = |name: &str| place.files.join(name).display().to_string();
    let system = if spec.privileges.privileged { "rw" } else { "ro" };
    let mut mounts = vec![
        made("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        made("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        made(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        made("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        made("/sys", "sysfs", &["nosuid", "noexec", "nodev", system]),
        made("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", system]),
        json!({ "destination": "/dev/shm", "type": "bind", "source": file("shm"), "options": ["rbind", "rw"] }),
        json!({ "destination": "/etc/hostname", "type": "bind", "source": file("hostname"), "options": ["rbind", "rw"] }),
    ];
    // What the pod asks for is mounted over what every container has.
    mounts.retain(|mount| !spec.mounts.iter().any(|asked| mount["destination"] == asked.target.as_str()));
    let asked = spec.mounts.iter().map(|mount| {
        let mode = if mount.read_only { "ro" } else { "rw" };
        json!({
            "destination": mount.target,
            "type": "bind",
            "source": mount.source.display().to_string(),
            "options": ["rbind", "rprivate", mode],
        })
    });
    mounts.extend(asked);
    mounts
}

fn resources(asked: &ContainerResources, privileged: bool) -> Value {
    let quota = asked
        .cpu_limit_millis
        .map(|millis| millis.saturating_mul(CPU_PERIOD / 1000).clamp(LEAST_QUOTA, i64::MAX.unsigned_abs()));
    let memory = asked.memory_limit_bytes.map(|bytes| bytes.min(i64::MAX.unsigned_abs()));
    let mut resources = json!({
        "devices": devices::rules(privileged),
        "cpu": { "shares": asked.cpu_shares, "period": quota.map(|_| CPU_PERIOD), "quota": quota },
    });
    if let Some(memory) = memory {
        // The same with swap: no swap on top of it.
        resources["memory"] = json!({ "limit": memory, "swap": memory });
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Settings {
        Settings {
            entrypoint: Some(vec!["/serve".into()]),
            cmd: Some(vec!["--all".into()]),
            env: Some(vec!["PATH=/bin".into(), "MODE=image".into()]),
            ..Settings::default()
        }
    }

    #[test]
    fn the_pods_command_and_arguments_stand_for_the_images_as_the_pod_api_says() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let of = |command: &[&str], args: &[&str]| {
            let spec =
                ContainerSpec { command: words(command), args: words(args), ..ContainerSpec::default() };
            arguments(&spec, &image()).unwrap()
        };
        assert_eq!(of(&[], &[]), words(&["/serve", "--all"]));
        assert_eq!(of(&[], &["--one"]), words(&["/serve", "--one"]));
        assert_eq!(of(&["/other"], &[]), words(&["/other"]));
        assert_eq!(of(&["/other"], &["--one"]), words(&["/other", "--one"]));
        assert!(arguments(&ContainerSpec::default(), &Settings::default()).is_err());
    }

    #[test]
    fn the_pods_variables_stand_over_the_images() {
        let spec = ContainerSpec { env: vec![("MODE".into(), "pod".into())], ..ContainerSpec::default() };
        let user = User { uid: 0, gid: 0, groups: vec![], home: "/root".into() };
        let env = environment(&spec, &image(), &user, "web-0");
        assert_eq!(env, ["PATH=/bin", "HOSTNAME=web-0", "HOME=/root", "MODE=pod"]);
    }

    #[test]
    fn limits_are_the_kernels() {
        let asked = ContainerResources {
            cpu_limit_millis: Some(1),
            memory_limit_bytes: Some(1 << 20),
            ..ContainerResources::default()
        };
        let resources = resources(&asked, false);
        assert_eq!(resources["cpu"]["quota"], 1000, "the least that the kernel takes");
        assert_eq!(resources["memory"], json!({ "limit": 1 << 20, "swap": 1 << 20 }));
    }
}
