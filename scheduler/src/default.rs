//! The default scheduler: examine every node, take one of the best.

use bireme_core::scheduler::{
    ClusterEvent, Decision, Diagnosis, NodeInfo, PodInfo, Scheduler, Snapshot, Verdict,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::framework::{Filter, Score};
use crate::plugins::{
    LeastAllocated, NodeAffinity, NodeName, NodePorts, NodeResourcesBalancedAllocation, NodeResourcesFit,
    NodeUnschedulable, TaintToleration,
};

/// Filters, then weighted scores, over all nodes; among equally good ones it draws by its seed.
pub struct DefaultScheduler {
    filters: Vec<Box<dyn Filter>>,
    scores: Vec<(Box<dyn Score>, i64)>,
    random: StdRng,
}

impl DefaultScheduler {
    /// Upstream's plugins with upstream's weights.
    pub fn new(seed: u64) -> Self {
        Self::without_plugins(seed)
            .filter(NodeUnschedulable)
            .filter(NodeName)
            .filter(TaintToleration)
            .filter(NodeAffinity)
            .filter(NodePorts)
            .filter(NodeResourcesFit)
            .score(TaintToleration, 3)
            .score(NodeAffinity, 2)
            .score(LeastAllocated, 1)
            .score(NodeResourcesBalancedAllocation, 1)
    }

    /// A scheduler to which every node is as good as another.
    pub fn without_plugins(seed: u64) -> Self {
        Self { filters: Vec::new(), scores: Vec::new(), random: StdRng::seed_from_u64(seed) }
    }

    /// The same with another filter behind those it has.
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters.push(Box::new(filter));
        self
    }

    /// The same with another score, which counts `weight` times.
    pub fn score(mut self, score: impl Score, weight: i64) -> Self {
        self.scores.push((Box::new(score), weight));
        self
    }

    /// The nodes that pass every filter; and why the others do not, each by the first filter that rejects it.
    fn feasible<'s>(&self, snapshot: &'s Snapshot, pod: &PodInfo) -> (Vec<&'s NodeInfo>, Diagnosis) {
        let filters: Vec<_> = self.filters.iter().filter_map(|filter| filter.for_pod(pod)).collect();
        let (mut feasible, mut diagnosis) = (Vec::new(), Diagnosis::new(0));
        for node in snapshot.nodes() {
            diagnosis.nodes += 1;
            let rejection = filters.iter().find_map(|filter| match filter(node) {
                Verdict::Fits => None,
                Verdict::Rejects(rejections) => Some(rejections),
            });
            match rejection {
                None => feasible.push(node),
                Some(rejections) => diagnosis.count(rejections),
            }
        }
        (feasible, diagnosis)
    }

    /// The weighted sum of all scores, for each node.
    fn totals(&self, nodes: &[&NodeInfo], pod: &PodInfo) -> Vec<i64> {
        let mut totals = vec![0; nodes.len()];
        for (score, weight) in &self.scores {
            let Some(ask) = score.for_pod(pod) else { continue };
            let mut points: Vec<i64> = nodes.iter().map(|node| ask(node)).collect();
            score.normalize(&mut points);
            totals.iter_mut().zip(points).for_each(|(total, points)| *total += weight * points);
        }
        totals
    }

    /// One of the nodes with the highest total, drawn evenly.
    fn choose(&mut self, totals: &[i64]) -> Option<(usize, i64)> {
        let best = totals.iter().copied().max()?;
        let equals: Vec<usize> = (0..totals.len()).filter(|index| totals[*index] == best).collect();
        let drawn = self.random.next_u64() % equals.len() as u64;
        Some((equals[drawn as usize], best))
    }
}

impl Scheduler for DefaultScheduler {
    fn schedule(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Decision {
        let (feasible, diagnosis) = self.feasible(snapshot, pod);
        let totals = self.totals(&feasible, pod);
        match self.choose(&totals) {
            Some((index, score)) => {
                Decision::Bind { node: feasible[index].name().to_string(), score, feasible: feasible.len() }
            }
            None => Decision::Unschedulable(diagnosis),
        }
    }

    fn could_help(&self, diagnosis: &Diagnosis, event: ClusterEvent) -> bool {
        // Without any rejection there was no node at all.
        let helps = |name: &str| {
            self.filters.iter().any(|filter| filter.name() == name && filter.is_helped_by(event))
        };
        event == ClusterEvent::NodeAdded || diagnosis.filters().any(helps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::{node, pod};

    fn cluster(nodes: usize) -> Snapshot {
        let mut snapshot = Snapshot::new();
        for index in 0..nodes {
            let node = node(&format!("n{index}")).allocatable("cpu", "1").allocatable("memory", "1Gi");
            snapshot.put_node(node.build());
        }
        snapshot
    }

    #[test]
    fn a_batch_spreads_evenly_and_stops_at_what_there_is() {
        let mut snapshot = cluster(3);
        let pods: Vec<_> =
            (0..7).map(|index| pod(&format!("p{index}")).requests("cpu", "500m").info()).collect();
        let decisions = DefaultScheduler::new(1).schedule_batch(&mut snapshot, &pods);
        assert!(decisions[..6].iter().all(|decision| matches!(decision, Decision::Bind { .. })));
        assert!(snapshot.nodes().all(|node| node.requested().milli_cpu == 1000));
        let Decision::Unschedulable(diagnosis) = &decisions[6] else { panic!("{:?}", decisions[6]) };
        assert_eq!(diagnosis.to_string(), "0/3 nodes are available: 3 Insufficient cpu.");
        assert_eq!(diagnosis.filters().collect::<Vec<_>>(), ["NodeResourcesFit"]);
    }

    #[test]
    fn decisions_are_a_function_of_the_seed() {
        let decide = |seed| {
            let pods: Vec<_> = (0..40).map(|index| pod(&format!("p{index}")).info()).collect();
            DefaultScheduler::new(seed).schedule_batch(&mut cluster(20), &pods)
        };
        assert_eq!(decide(1), decide(1));
        assert_ne!(decide(1), decide(2), "equally good nodes are drawn");
    }

    #[test]
    fn each_node_is_counted_under_the_first_filter_that_rejects_it() {
        let mut snapshot = cluster(1);
        snapshot.put_node(node("cordoned").unschedulable().taint("a", "b", "NoSchedule").build());
        snapshot.put_node(node("tainted").taint("a", "b", "NoSchedule").build());
        let decision = DefaultScheduler::new(1).schedule(&snapshot, &pod("p").requests("cpu", "9").info());
        let Decision::Unschedulable(diagnosis) = decision else { panic!("{decision:?}") };
        let expected = "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}, \
                        1 node(s) were unschedulable.";
        assert_eq!(diagnosis.to_string(), expected);
    }

    #[test]
    fn without_nodes_there_is_nothing_to_say() {
        let decision = DefaultScheduler::new(1).schedule(&Snapshot::new(), &pod("p").info());
        let Decision::Unschedulable(diagnosis) = decision else { panic!("{decision:?}") };
        assert_eq!(diagnosis.to_string(), "no nodes available to schedule pods");
    }
}
