//! The default scheduler: examine every node, take one of the best.

use std::collections::BTreeSet;

use bireme_core::scheduler::{
    Budget, ClusterEvent, Decision, Explanation, PodInfo, Preemption, Scheduler, Snapshot,
};

use crate::index::Index;
use crate::profile::Profile;
use crate::topology;

/// Takes, of all nodes that pass every filter of its profile, the one with the most points; of equals the one that its
/// seed prefers.
///
/// It keeps what it found out between calls and looks again at what changed, so that placing one more pod of a known
/// shape costs about the same in a cluster of ten nodes and in one of a million.
pub struct DefaultScheduler {
    profile: Profile,
    index: Index,
}

impl DefaultScheduler {
    /// Upstream's plugins with upstream's weights.
    pub fn new(seed: u64) -> Self {
        Self::with(Profile::default(), seed)
    }

    /// These plugins.
    pub fn with(profile: Profile, seed: u64) -> Self {
        Self { profile, index: Index::new(seed) }
    }

    /// Bounds what is kept between calls: for each shape of pod an entry of less than a hundred bytes for every node, eight million
    /// of them unless said otherwise. The shapes that have not come for the longest time are forgotten above that.
    pub fn keeping(mut self, entries: usize) -> Self {
        self.index.keep(entries);
        self
    }

    /// Every node that can take the pod, by name, with its points.
    pub fn ranking(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Vec<(String, i64)> {
        let evaluation = self.index.evaluate(&self.profile, snapshot, pod);
        let named = |(node, points)| Some((snapshot.by_id(node)?.name().to_string(), points));
        evaluation.ranking().filter_map(named).collect()
    }
}

impl Scheduler for DefaultScheduler {
    fn preempt(&mut self, snapshot: &Snapshot, pod: &PodInfo, budgets: &[Budget]) -> Option<Preemption> {
        self.index.preempt(&self.profile, snapshot, pod, budgets)
    }

    fn explain(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Explanation {
        let evaluation = self.index.evaluate(&self.profile, snapshot, pod);
        let nodes = evaluation.explain(&self.profile, snapshot);
        let mut explanation = Explanation { pod: pod.key().to_string(), nodes };
        explanation.sort();
        explanation
    }

    fn schedule(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Decision {
        let evaluation = self.index.evaluate(&self.profile, snapshot, pod);
        let best = evaluation.best().and_then(|(node, score)| Some((snapshot.by_id(node)?.name(), score)));
        match best {
            Some((node, score)) => {
                Decision::Bind { node: node.to_string(), score, feasible: evaluation.feasible() }
            }
            None => Decision::Unschedulable(evaluation.diagnosis()),
        }
    }

    fn could_help(&self, filters: &BTreeSet<String>, event: ClusterEvent) -> bool {
        let helps = |name: &String| match self.profile.filters.iter().find(|filter| filter.name() == *name) {
            Some(filter) => filter.is_helped_by(event),
            None => topology::is_helped_by(name, event),
        };
        event == ClusterEvent::NodeAdded || filters.iter().any(helps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::{node, pod};
    use serde_json::json;

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
        assert_eq!(diagnosis.filters(), BTreeSet::from(["NodeResourcesFit".to_owned()]));
    }

    #[test]
    fn decisions_are_a_function_of_the_seed() {
        let decide = |seed| {
            let pods: Vec<_> = (0..40).map(|index| pod(&format!("p{index}")).info()).collect();
            DefaultScheduler::new(seed).schedule_batch(&mut cluster(20), &pods)
        };
        assert_eq!(decide(1), decide(1));
        assert_ne!(decide(1), decide(2), "of equally good nodes each seed prefers others");
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
    fn an_explanation_has_every_filter_and_score_of_every_node() {
        let mut snapshot = cluster(1);
        let app = |name: &str| {
            pod(name).spec(json!({"affinity": {"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "host", "labelSelector": {}}]}}}))
        };
        snapshot.put_node(
            node("a").label("host", "a").allocatable("cpu", "2").allocatable("memory", "1Gi").build(),
        );
        snapshot
            .put_node(node("taken").unschedulable().taint("a", "b", "NoSchedule").label("host", "t").build());
        snapshot.assume(app("first").info(), "taken");
        let mut scheduler = DefaultScheduler::new(1);
        let explanation = scheduler.explain(&snapshot, &app("p").requests("cpu", "1").info());
        let [best, second, rejected] = &explanation.nodes[..] else { panic!("{explanation}") };
        let filters: Vec<_> = rejected.rejections.iter().map(|why| why.filter.as_str()).collect();
        assert_eq!(filters, ["NodeUnschedulable", "TaintToleration", "NodeResourcesFit", "InterPodAffinity"]);
        assert_eq!((best.node.as_str(), second.node.as_str()), ("a", "n0"));
        for node in [best, second] {
            assert_eq!(node.total, Some(node.scores.iter().map(|points| points.points).sum()));
        }
        let Decision::Bind { node, score, .. } =
            scheduler.schedule(&snapshot, &app("p").requests("cpu", "1").info())
        else {
            panic!("it fits")
        };
        assert_eq!((node, Some(score)), (best.node.clone(), best.total));
    }

    #[test]
    fn without_nodes_there_is_nothing_to_say() {
        let decision = DefaultScheduler::new(1).schedule(&Snapshot::new(), &pod("p").info());
        let Decision::Unschedulable(diagnosis) = decision else { panic!("{decision:?}") };
        assert_eq!(diagnosis.to_string(), "no nodes available to schedule pods");
    }
}
