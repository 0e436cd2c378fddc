//! The algorithm alone: a decision and the snapshot's taking it in, pod after pod, on one thread.

use anyhow::{Context as _, ensure};
use bireme_core::Environment;
use bireme_core::environment::Instant;
use bireme_core::scheduler::{Decision, PodInfo, Scheduler as _, Snapshot};
use bireme_scheduler::DefaultScheduler;

use super::NAME;
use super::cluster::{self, Shape};
use crate::row::Row;

/// Places the pods, and says how long that took and how many found a node.
fn place(
    env: &Environment,
    scheduler: &mut DefaultScheduler,
    snapshot: &mut Snapshot,
    pods: Vec<PodInfo>,
) -> (f64, usize) {
    let (begin, mut placed) = (env.instant(), 0);
    for pod in pods {
        if let Decision::Bind { node, .. } = scheduler.schedule(snapshot, &pod) {
            snapshot.assume(pod, &node);
            placed += 1;
        }
    }
    (seconds(env, begin), placed)
}

fn seconds(env: &Environment, begin: Instant) -> f64 {
    env.instant().since(begin).as_secs_f64()
}

/// Pods of one shape on empty nodes.
pub(super) fn stream(
    env: &Environment,
    shape: Shape,
    nodes: usize,
    count: usize,
    aim: f64,
) -> anyhow::Result<Row> {
    let (mut snapshot, pods) = (cluster::snapshot(nodes)?, cluster::pods(shape, count)?);
    let (took, placed) = place(env, &mut DefaultScheduler::new(1), &mut snapshot, pods);
    ensure!(placed == count, "{placed} of {count} pods were placed");
    let case = format!("{}, {nodes} nodes, {count} pods, algorithm alone", name(shape));
    Ok(Row::new(NAME, case, "pods placed", count as f64 / took, "1/s").at_least(aim))
}

/// Plain pods among others that fit nowhere, against the same without those.
pub(super) fn backlog(env: &Environment, nodes: usize, count: usize, waiting: usize) -> anyhow::Result<Row> {
    let mut took = [0.0; 2];
    for (took, waiting) in took.iter_mut().zip([0, waiting]) {
        let mut snapshot = cluster::snapshot(nodes)?;
        let mut scheduler = DefaultScheduler::new(1);
        let (_, placed) = place(env, &mut scheduler, &mut snapshot, cluster::pods(Shape::TooLarge, waiting)?);
        ensure!(placed == 0, "a pod that is too large was placed");
        (*took, _) = place(env, &mut scheduler, &mut snapshot, cluster::pods(Shape::Plain, count)?);
    }
    let case = format!("plain beside {waiting} unschedulable, {nodes} nodes, {count} pods, algorithm alone");
    Ok(Row::new(NAME, case, "speed against none unschedulable", took[0] / took[1], "ratio").at_least(0.9))
}

/// Important pods on nodes that are full of others, each of which makes room for itself.
pub(super) fn preemption(env: &Environment, nodes: usize, aim: f64) -> anyhow::Result<Row> {
    let (mut snapshot, mut scheduler) = (cluster::snapshot(nodes)?, DefaultScheduler::new(1));
    let (_, placed) = place(env, &mut scheduler, &mut snapshot, cluster::pods(Shape::Low, 4 * nodes)?);
    ensure!(placed == 4 * nodes, "{placed} pods of low priority were placed");
    let pods = cluster::pods(Shape::High, nodes)?;
    let begin = env.instant();
    for pod in pods {
        let decision = scheduler.schedule(&snapshot, &pod);
        ensure!(matches!(decision, Decision::Unschedulable(_)), "there is room without preemption");
        let preemption = scheduler.preempt(&snapshot, &pod, &[]).context("no room could be made")?;
        preemption.victims.iter().for_each(|victim| snapshot.forget(victim.uid()));
        snapshot.assume(pod, &preemption.node);
    }
    let case = format!("preemption, {nodes} nodes full with {}, {nodes} pods, algorithm alone", 4 * nodes);
    Ok(Row::new(NAME, case, "pods placed", nodes as f64 / seconds(env, begin), "1/s").at_least(aim))
}

/// What a plain pod costs in a cluster of so many nodes, and what a node and a pod take in memory.
pub(super) fn growth(env: &Environment, nodes: usize, count: usize) -> anyhow::Result<Vec<Row>> {
    let before = resident()?;
    let mut snapshot = cluster::snapshot(nodes)?;
    let with_nodes = resident()?;
    let pods = cluster::pods(Shape::Plain, count)?;
    let with_pods = resident()?;
    let mut scheduler = DefaultScheduler::new(1);
    let begin = env.instant();
    let first = pods[..1].to_vec();
    place(env, &mut scheduler, &mut snapshot, first);
    let first = seconds(env, begin);
    let (took, placed) = place(env, &mut scheduler, &mut snapshot, pods[1..].to_vec());
    ensure!(placed + 1 == count, "{placed} of {count} pods were placed");
    let placed_all = resident()?;
    let case = format!("plain, {nodes} nodes, {count} pods, algorithm alone");
    let each = |bytes: i64, count: usize| bytes.max(0) as f64 / count as f64;
    let row = |metric: &str, value: f64, unit: &str| Row::new(NAME, case.clone(), metric, value, unit);
    let mut rows = vec![
        row("time for each pod", took / count as f64 * 1e6, "us"),
        row("first look at all nodes", first * 1e3, "ms"),
        row("all", first + took, "s"),
    ];
    // Smaller ones find room in what earlier measurements have left.
    if nodes >= 100_000 {
        let mib = |bytes: i64| bytes as f64 / f64::from(1 << 20);
        rows.push(row("memory for each node", each(with_nodes - before, nodes), "bytes"));
        rows.push(row("memory for each pod", each(with_pods - with_nodes, count), "bytes"));
        rows.push(row("memory of the index and of what is placed", mib(placed_all - with_pods), "MiB"));
        rows.push(row("memory in all", mib(placed_all), "MiB"));
    }
    Ok(rows)
}

/// What of this process is in memory, in bytes.
fn resident() -> anyhow::Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: i64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}

fn name(shape: Shape) -> &'static str {
    match shape {
        Shape::Plain => "plain",
        Shape::Apart => "required anti-affinity",
        Shape::Spread => "required spreading over zones",
        Shape::TooLarge => "too large",
        Shape::Low => "of low priority",
        Shape::High => "of high priority",
    }
}
