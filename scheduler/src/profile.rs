//! Which plugins there are, and what their points weigh.

use std::sync::Arc;

use bireme_core::scheduler::PodInfo;

use crate::framework::{Filter, PodShape, Score};
use crate::index::IMAGES;
use crate::plugins::{
    LeastAllocated, NodeAffinity, NodeName, NodePorts, NodeResourcesBalancedAllocation, NodeResourcesFit,
    NodeUnschedulable, TaintToleration,
};
use crate::topology::{AFFINITY, SPREAD, Weights};

/// The plugins of a scheduler: which filter, which score, and what each score weighs.
#[derive(Clone)]
pub struct Profile {
    pub(crate) filters: Vec<Arc<dyn Filter>>,
    pub(crate) scores: Vec<(Arc<dyn Score>, i64)>,
    pub(crate) around: Weights,
    pub(crate) images: i64,
}

/// The plugins that filter, in upstream's order.
const FILTERS: [&str; 8] = [
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    SPREAD,
    AFFINITY,
];

/// The plugins that score, with upstream's weights.
const SCORES: [(&str, i64); 7] = [
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodeResourcesFit", 1),
    ("NodeResourcesBalancedAllocation", 1),
    (SPREAD, 2),
    (AFFINITY, 2),
    (IMAGES, 1),
];

impl Default for Profile {
    /// Upstream's plugins with upstream's weights.
    fn default() -> Self {
        let with_filter = |profile: Self, name: &&str| profile.clone().named_filter(name).unwrap_or(profile);
        let with_score = |profile: Self, (name, _): &(&str, i64)| {
            profile.clone().named_score(name, None).unwrap_or(profile)
        };
        let filtering = FILTERS.iter().fold(Self::empty(), with_filter);
        SCORES.iter().fold(filtering, with_score)
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

    /// The same with the filter of this name behind those it has; `None` when there is none.
    pub(crate) fn named_filter(mut self, name: &str) -> Option<Self> {
        match name {
            SPREAD => self.around.spread_filter = true,
            AFFINITY => self.around.affinity_filter = true,
            "NodeUnschedulable" => return Some(self.filter(NodeUnschedulable)),
            "NodeName" => return Some(self.filter(NodeName)),
            "TaintToleration" => return Some(self.filter(TaintToleration)),
            "NodeAffinity" => return Some(self.filter(NodeAffinity)),
            "NodePorts" => return Some(self.filter(NodePorts)),
            "NodeResourcesFit" => return Some(self.filter(NodeResourcesFit)),
            _ => return None,
        }
        Some(self)
    }

    /// The same with the score of this name, of upstream's weight unless another is given; `None` when there is none.
    pub(crate) fn named_score(mut self, name: &str, weight: Option<i64>) -> Option<Self> {
        let (_, usual) = SCORES.iter().find(|(known, _)| *known == name)?;
        let weight = weight.unwrap_or(*usual);
        match name {
            SPREAD => self.around.spread = weight,
            AFFINITY => self.around.affinity = weight,
            IMAGES => self.images = weight,
            "TaintToleration" => return Some(self.score(TaintToleration, weight)),
            "NodeAffinity" => return Some(self.score(NodeAffinity, weight)),
            "NodeResourcesFit" => return Some(self.score(LeastAllocated, weight)),
            "NodeResourcesBalancedAllocation" => {
                return Some(self.score(NodeResourcesBalancedAllocation, weight));
            }
            _ => return None,
        }
        Some(self)
    }

    /// The same with another score in the place of that of the same name, if it has that.
    pub(crate) fn exchange_score(mut self, score: impl Score) -> Self {
        if let Some((known, _)) = self.scores.iter_mut().find(|(known, _)| known.name() == score.name()) {
            *known = Arc::new(score);
        }
        self
    }

    /// The same without any filter.
    pub(crate) fn without_filters(mut self) -> Self {
        self.filters.clear();
        (self.around.spread_filter, self.around.affinity_filter) = (false, false);
        self
    }

    /// The same without any score.
    pub(crate) fn without_scores(mut self) -> Self {
        self.scores.clear();
        (self.around.spread, self.around.affinity, self.images) = (0, 0, 0);
        self
    }

    /// The same without the filter and the score of this name.
    pub fn without(self, plugin: &str) -> Self {
        self.without_filter(plugin).without_score(plugin)
    }

    /// The same without the filter of this name.
    pub fn without_filter(mut self, plugin: &str) -> Self {
        self.filters.retain(|filter| filter.name() != plugin);
        self.around.spread_filter &= plugin != SPREAD;
        self.around.affinity_filter &= plugin != AFFINITY;
        self
    }

    /// The same without the score of this name.
    pub fn without_score(mut self, plugin: &str) -> Self {
        self.scores.retain(|(score, _)| score.name() != plugin);
        match plugin {
            SPREAD => self.around.spread = 0,
            AFFINITY => self.around.affinity = 0,
            IMAGES => self.images = 0,
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
