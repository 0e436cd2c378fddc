//! What a test run could leave on the machine, and removing it.
//!
//! Only what was not there before the run and is surely of a bireme cluster is touched: processes that
//! inherited the run's mark, containers with the label of a new cluster, and what bears bireme's name in the
//! kernel. While somebody else's cluster runs, nothing but the run's own processes is.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::console::note;
use crate::docker::{Container, Docker};
use crate::process;

/// The environment variable by which processes of one test run are known.
pub const RUN_MARK: &str = "BIREME_TEST_RUN";
/// What the marks of bireme's on devices, tables, rules and addresses begin with.
const NAME_PREFIX: &str = "bireme";
/// The name of the program that runs clusters.
const PROGRAM: &str = "bireme";

/// One kind of thing in the kernel: how bireme's are listed, and how one is removed. Where the program is
/// missing or may not be used, there are none.
struct Kind {
    name: &'static str,
    list: fn() -> BTreeSet<String>,
    remove: fn(&str) -> anyhow::Result<()>,
}

const KINDS: &[Kind] = &[
    Kind { name: "network device", list: devices, remove: |name| run("ip", &["link", "delete", name]) },
    Kind {
        name: "nftables table",
        list: tables,
        remove: |table| run("nft", &[&format!("delete table {table}")]),
    },
    Kind { name: "firewall rule", list: rules, remove: remove_rule },
    Kind {
        name: "address",
        list: addresses,
        remove: |address| run("ip", &["address", "delete", address, "dev", "lo"]),
    },
];

/// What of bireme's is on the machine.
pub struct Traces {
    clusters: BTreeSet<String>,
    kinds: Vec<BTreeSet<String>>,
}

impl Traces {
    /// Looks at the machine.
    pub fn look(docker: Option<&Docker>) -> Traces {
        let clusters = containers(docker).into_iter().map(|container| container.cluster).collect();
        Traces { clusters, kinds: KINDS.iter().map(|kind| (kind.list)()).collect() }
    }
}

/// Stops the processes that bear `mark`, and removes what was not there `before`. Returns a line for each.
pub fn sweep(before: &Traces, mark: &str, docker: Option<&Docker>) -> Vec<String> {
    let mut cleaned = stop_processes(mark);
    if other_cluster_runs() {
        note("another cluster runs on this machine; what the tests may have left beside it stays");
        return cleaned;
    }
    for container in containers(docker) {
        if let (Some(docker), false) = (docker, before.clusters.contains(&container.cluster)) {
            cleaned.push(outcome("container", &container.name, docker.remove(&container)));
        }
    }
    for (kind, before) in KINDS.iter().zip(&before.kinds) {
        for name in (kind.list)().difference(before) {
            cleaned.push(outcome(kind.name, name, (kind.remove)(name)));
        }
    }
    cleaned
}

fn outcome(kind: &str, name: &str, result: anyhow::Result<()>) -> String {
    match result {
        Ok(()) => format!("{kind} {name}"),
        Err(error) => format!("{kind} {name}, which could not be removed: {error:#}"),
    }
}

/// The containers of all clusters; none, with a note, when Docker does not list them.
fn containers(docker: Option<&Docker>) -> Vec<Container> {
    let listed = docker.map_or_else(|| Ok(Vec::new()), Docker::cluster_containers);
    listed.unwrap_or_else(|error| {
        note(format_args!("cannot list containers: {error:#}"));
        Vec::new()
    })
}

/// Kills the processes that inherited `mark` from a test and outlived it.
fn stop_processes(mark: &str) -> Vec<String> {
    let wanted = format!("{RUN_MARK}={mark}");
    let left = processes().into_iter().filter(|&id| id != rustix::process::getpid() && has_mark(id, &wanted));
    let stop = |id: Pid| {
        let result = kill_process(id, Signal::KILL).map_err(anyhow::Error::from);
        outcome("process", &format!("{id} ({})", command_name(id)), result)
    };
    left.map(stop).collect()
}

/// Whether a bireme runs. Called when the run's own processes are stopped, so it is somebody else's.
fn other_cluster_runs() -> bool {
    processes().into_iter().any(|id| command_name(id) == PROGRAM && !is_dead(id))
}

fn processes() -> Vec<Pid> {
    names("/proc").iter().filter_map(|name| Pid::from_raw(name.parse().ok()?)).collect()
}

/// A process that has just ended, or belongs to somebody else, cannot be read and has no mark.
fn has_mark(id: Pid, wanted: &str) -> bool {
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|entry| entry == wanted.as_bytes())
}

fn command_name(id: Pid) -> String {
    fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default().trim().to_owned()
}

/// Whether a process has ended and only waits to be forgotten: it has no memory left, nor a command line.
fn is_dead(id: Pid) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default().is_empty()
}

/// Devices whose alias says that they are a pod's.
fn devices() -> BTreeSet<String> {
    let ours = |name: &String| {
        let alias = fs::read_to_string(format!("/sys/class/net/{name}/ifalias")).unwrap_or_default();
        alias.starts_with(NAME_PREFIX)
    };
    names("/sys/class/net").into_iter().filter(ours).collect()
}

/// Tables as `family name`.
fn tables() -> BTreeSet<String> {
    let text = listing("nft", &["list", "tables"]);
    let tables = text.lines().filter_map(|line| line.strip_prefix("table "));
    tables
        .filter(|table| table.split(' ').any(|word| word.starts_with(NAME_PREFIX)))
        .map(str::to_owned)
        .collect()
}

/// Rules as `iptables -S` prints them, with bireme's comment.
fn rules() -> BTreeSet<String> {
    let ours = format!("--comment {NAME_PREFIX}");
    let text = listing("iptables", &["-w", "-S"]);
    text.lines().filter(|line| line.starts_with("-A ") && line.contains(&ours)).map(str::to_owned).collect()
}

fn remove_rule(rule: &str) -> anyhow::Result<()> {
    let words = rule.split(' ').skip(1);
    run("iptables", &["-w", "-D"].into_iter().chain(words).collect::<Vec<_>>())
}

/// Addresses of nodes and of cluster DNS: on the loopback device, labelled.
fn addresses() -> BTreeSet<String> {
    let label = format!("lo:{NAME_PREFIX}*");
    let text = listing("ip", &["-o", "-4", "address", "show", "dev", "lo", "label", &label]);
    text.lines().filter_map(|line| line.split_whitespace().nth(3)).map(str::to_owned).collect()
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn listing(program: &str, words: &[&str]) -> String {
    process::find(program)
        .and_then(|program| process::output(Command::new(program).args(words)).ok())
        .unwrap_or_default()
}

fn run(program: &str, words: &[&str]) -> anyhow::Result<()> {
    let program = process::find(program).with_context(|| format!("there is no {program}"))?;
    process::output(Command::new(program).args(words)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_outlived_its_run_is_stopped_and_named() {
        let mark = format!("sweep-test-{}", std::process::id());
        let mut left = Command::new("sleep").arg("600").env(RUN_MARK, &mark).spawn().unwrap();
        let mut other = Command::new("sleep").arg("600").env(RUN_MARK, "another").spawn().unwrap();
        let id = left.id();
        let stopped = stop_processes(&mark);
        assert_eq!(stopped, [format!("process {id} (sleep)")]);
        assert!(!left.wait().unwrap().success());
        assert_eq!(other.try_wait().unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
