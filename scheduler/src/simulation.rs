//! What a scheduler would do, without a cluster.

use std::fmt;

use bireme_core::scheduler::{Decision, PodInfo, Scheduler, Snapshot};
use serde::Serialize;

/// What became of the pods, one after the other, each seeing those before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// In the order in which the pods came.
    pub placements: Vec<Placement>,
    /// How the cluster is in the end.
    pub summary: Summary,
}

/// What became of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// Its namespace and name.
    pub pod: String,
    /// The node that it got.
    pub node: Option<String>,
    /// The node's points.
    pub score: Option<i64>,
    /// Why it got none.
    pub reason: Option<String>,
    /// The pods that had to go for it.
    pub preempted: Vec<String>,
}

/// How a cluster is when all pods have been placed that could be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many pods there were to place.
    pub pods: usize,
    /// How many of them have a node.
    pub placed: usize,
    /// How many pods had to go for others.
    pub preempted: usize,
    /// How many nodes there are.
    pub nodes: usize,
    /// How many of them have pods.
    pub nodes_in_use: usize,
    /// How much of the CPU of the nodes in use is asked for, from 0 to 1.
    pub cpu: f64,
    /// How much of the memory of the nodes in use is asked for, from 0 to 1.
    pub memory: f64,
}

/// Places the pods by what the scheduler decides; the snapshot is as it would be then. Disruption budgets are not
/// part of a snapshot, so preemption knows of none.
pub fn simulate(scheduler: &mut dyn Scheduler, snapshot: &mut Snapshot, pods: &[PodInfo]) -> Simulation {
    let placements: Vec<Placement> = pods.iter().map(|pod| place(scheduler, snapshot, pod)).collect();
    let summary = summarize(snapshot, &placements);
    Simulation { placements, summary }
}

fn place(scheduler: &mut dyn Scheduler, snapshot: &mut Snapshot, pod: &PodInfo) -> Placement {
    let mut placement = Placement {
        pod: pod.key().to_string(),
        node: None,
        score: None,
        reason: None,
        preempted: Vec::new(),
    };
    match scheduler.schedule(snapshot, pod) {
        Decision::Bind { node, score, .. } => {
            snapshot.assume(pod.clone(), &node);
            (placement.node, placement.score) = (Some(node), Some(score));
        }
        Decision::Unschedulable(diagnosis) => {
            let preemption = match pod.spec().preemption_policy.as_deref() {
                Some("Never") => None,
                _ => scheduler.preempt(snapshot, pod, &[]),
            };
            match preemption {
                Some(preemption) => {
                    preemption.victims.iter().for_each(|victim| snapshot.forget(victim.uid()));
                    placement.preempted =
                        preemption.victims.iter().map(|pod| pod.key().to_string()).collect();
                    snapshot.assume(pod.clone(), &preemption.node);
                    placement.node = Some(preemption.node);
                }
                None => placement.reason = Some(diagnosis.to_string()),
            }
        }
        Decision::Wait { until } => placement.reason = Some(format!("waits for permission until {until}")),
    }
    placement
}

fn summarize(snapshot: &Snapshot, placements: &[Placement]) -> Summary {
    let in_use = || snapshot.nodes().filter(|node| !node.pods().is_empty());
    let share = |taken: i64, has: i64| if has == 0 { 0.0 } else { taken as f64 / has as f64 };
    let cpu = in_use().map(|node| (node.requested().milli_cpu, node.allocatable().milli_cpu));
    let memory = in_use().map(|node| (node.requested().memory, node.allocatable().memory));
    let sum = |(taken, has): (i64, i64), (more, more_has): (i64, i64)| {
        (taken.saturating_add(more), has.saturating_add(more_has))
    };
    let ((cpu, all_cpu), (memory, all_memory)) = (cpu.fold((0, 0), sum), memory.fold((0, 0), sum));
    Summary {
        pods: placements.len(),
        placed: placements.iter().filter(|placement| placement.node.is_some()).count(),
        preempted: placements.iter().map(|placement| placement.preempted.len()).sum(),
        nodes: snapshot.node_count(),
        nodes_in_use: in_use().count(),
        cpu: share(cpu, all_cpu),
        memory: share(memory, all_memory),
    }
}

impl fmt::Display for Simulation {
    /// A line for each pod, and the summary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["POD", "NODE", "SCORE", "NOTE"].map(str::to_owned)];
        lines.extend(self.placements.iter().map(|placement| {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let note = match (&placement.reason, placement.preempted.is_empty()) {
                (Some(reason), _) => reason.clone(),
                (None, true) => String::new(),
                (None, false) => format!("in the place of {}", placement.preempted.join(", ")),
            };
            let score = placement.score.map(|score| score.to_string());
            [placement.pod.clone(), or_none(placement.node.clone()), or_none(score), note]
        }));
        table(f, &lines)?;
        writeln!(f, "\n{}", self.summary)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        write!(
            f,
            "{} of {} pods placed, {} preempted; {} of {} nodes in use, their CPU asked for to {:.1} % and their \
             memory to {:.1} %",
            self.placed,
            self.pods,
            self.preempted,
            self.nodes_in_use,
            self.nodes,
            percent(self.cpu),
            percent(self.memory)
        )
    }
}

/// Two simulations of the same pods beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The one.
    pub first: Simulation,
    /// The other.
    pub second: Simulation,
}

impl fmt::Display for Comparison {
    /// A line for each pod that goes elsewhere, and both summaries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["POD", "FIRST", "SECOND"].map(str::to_owned)];
        let pairs = self.first.placements.iter().zip(&self.second.placements);
        lines.extend(pairs.filter(|(first, second)| first.node != second.node).map(|(first, second)| {
            let node = |placement: &Placement| placement.node.clone().unwrap_or_else(|| "-".to_owned());
            [first.pod.clone(), node(first), node(second)]
        }));
        table(f, &lines)?;
        writeln!(f, "\nfirst:  {}\nsecond: {}", self.first.summary, self.second.summary)
    }
}

fn table<const COLUMNS: usize>(f: &mut fmt::Formatter<'_>, lines: &[[String; COLUMNS]]) -> fmt::Result {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for line in lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DefaultScheduler;
    use crate::plugins::testing::{node, pod};

    fn cluster() -> Snapshot {
        let mut snapshot = Snapshot::new();
        for name in ["a", "b"] {
            snapshot.put_node(node(name).allocatable("cpu", "1").allocatable("memory", "1Gi").build());
        }
        snapshot
    }

    #[test]
    fn pods_are_placed_one_after_the_other_and_what_is_left_over_says_why() {
        let pods: Vec<_> = ["p", "q", "r"].map(|name| pod(name).requests("cpu", "600m").info()).into();
        let simulation = simulate(&mut DefaultScheduler::new(1), &mut cluster(), &pods);
        assert_eq!(simulation.summary.placed, 2);
        assert_eq!(simulation.summary.nodes_in_use, 2);
        assert_eq!(
            simulation.placements[2].reason.as_deref(),
            Some("0/2 nodes are available: 2 Insufficient cpu.")
        );
        let text = simulation.to_string();
        assert!(text.contains("2 of 3 pods placed") && text.contains("to 60.0 %"), "{text}");
    }

    #[test]
    fn an_important_pod_takes_the_place_of_another() {
        let mut snapshot = cluster();
        snapshot.remove_node("b");
        let pods =
            [pod("p").requests("cpu", "600m").info(), pod("q").requests("cpu", "600m").priority(9).info()];
        let simulation = simulate(&mut DefaultScheduler::new(1), &mut snapshot, &pods);
        assert_eq!(simulation.placements[1].preempted, ["default/p"]);
        assert_eq!(snapshot.place("p"), None);
    }

    #[test]
    fn a_comparison_shows_the_pods_that_go_elsewhere() {
        let pods = [pod("p").requests("cpu", "600m").info()];
        let run = |seed| simulate(&mut DefaultScheduler::new(seed), &mut cluster(), &pods);
        let other = (0..).map(run).find(|other| other.placements != run(0).placements).unwrap();
        let text = Comparison { first: run(0), second: other }.to_string();
        assert!(text.contains("default/p"), "{text}");
        let text = Comparison { first: run(0), second: run(0) }.to_string();
        assert!(!text.contains("default/p"), "{text}");
    }
}
