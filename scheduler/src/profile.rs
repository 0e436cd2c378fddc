//! Which plugins there are, and what their points weigh.

use std::sync::Arc;

use bireme_core::scheduler::PodInfo;

use crate::framework::{Filter, PodShape, Score};
use crate::plugins::{
    LeastAllocated, NodeAffinity, NodeName, NodePorts, NodeResourcesBalancedAllocation, NodeResourcesFit,
    NodeUnschedulable, TaintToleration,
};
use crate::topology::Weights;

/// The plugins of a scheduler: which filter, which score, and what each score weighs.
#[derive(Clone)]
pub struct Profile {
    pub(crate) filters: Vec<Arc<dyn Filter>>,
    pub(crate) scores: Vec<(Arc<dyn Score>, i64)>,
    pub(crate) around: Weights,
    pub(crate) images: i64,
}

impl Default for Profile {
    /// Upstream's plugins with upstream's weights.
    fn default() -> Self {
        Self::empty()
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
            .pod_topology_spread(true, 2)
            .inter_pod_affinity(true, 2)
            .image_locality(1)
    }
}

impl Profile {
    /// No plugins: every node is as good as another.
    pub fn empty() -> Self {
        let around = Weights { spread_filter: false, spread: 0, affinity_filter: false, affinity: 0 };
        Self { filters: Vec::new(), scores: Vec::new(), around, images: 0 }
    }

    /// The same with another filter behind those it has.
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters.push(Arc::new(filter));
        self
    }

    /// The same with another score, whose points count `weight` times.
    pub fn score(mut self, score: impl Score, weight: i64) -> Self {
        self.scores.push((Arc::new(score), weight));
        self
    }

    /// The same with upstream's `PodTopologySpread`: whether constraints that must hold are held to, and how much the
    /// others weigh.
    pub fn pod_topology_spread(mut self, filter: bool, weight: i64) -> Self {
        (self.around.spread_filter, self.around.spread) = (filter, weight);
        self
    }

    /// The same with upstream's `InterPodAffinity`: whether required terms are held to, and how much preferred ones
    /// weigh.
    pub fn inter_pod_affinity(mut self, filter: bool, weight: i64) -> Self {
        (self.around.affinity_filter, self.around.affinity) = (filter, weight);
        self
    }

    /// The same with upstream's `ImageLocality`, whose points count `weight` times.
    pub fn image_locality(mut self, weight: i64) -> Self {
        self.images = weight;
        self
    }

    /// The same without the filter and the score of this name.
    pub fn without(self, plugin: &str) -> Self {
        self.without_filter(plugin).without_score(plugin)
    }

    /// The same without the filter of this name.
    pub fn without_filter(mut self, plugin: &str) -> Self {
        self.filters.retain(|filter| filter.name() != plugin);
        self.around.spread_filter &= plugin != "PodTopologySpread";
        self.around.affinity_filter &= plugin != "InterPodAffinity";
        self
    }

    /// The same without the score of this name.
    pub fn without_score(mut self, plugin: &str) -> Self {
        self.scores.retain(|(score, _)| score.name() != plugin);
        match plugin {
            "PodTopologySpread" => self.around.spread = 0,
            "InterPodAffinity" => self.around.affinity = 0,
            "ImageLocality" => self.images = 0,
            _ => {}
        }
        self
    }

    /// Whether any plugin looks at other nodes than the one it judges.
    pub(crate) fn looks_around(&self) -> bool {
        self.around != Weights { spread_filter: false, spread: 0, affinity_filter: false, affinity: 0 }
    }

    /// What the filters and scores of single nodes look at of the pod.
    pub(crate) fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        self.filters.iter().for_each(|filter| filter.shape(pod, shape));
        self.scores.iter().for_each(|(score, _)| score.shape(pod, shape));
    }
}
