//! What the plugins say of all nodes for one pod.

use bireme_core::scheduler::{Diagnosis, NodeExplanation, NodeId, Points, Rejection, Snapshot};

use super::class::Class;
use super::groups::{Group, Rank};
use crate::profile::Profile;
use crate::topology::{Site, Terrain};

/// The name of the score that looks at images.
pub(crate) const IMAGES: &str = "ImageLocality";

/// What the plugins say of all nodes for one pod.
pub(crate) struct Evaluation<'i> {
    class: &'i Class,
    terrain: &'i Terrain,
    /// The groups whose nodes can take the pod, each with the points that all of its nodes have.
    open: Vec<(&'i Group, i64)>,
    /// What each score that is asked about groups gives to each of them.
    parts: Vec<(&'static str, Vec<i64>)>,
    /// The groups that cannot.
    closed: Vec<(&'i Group, Rejection)>,
    nodes: usize,
}

impl<'i> Evaluation<'i> {
    pub(crate) fn new(
        class: &'i Class,
        profile: &Profile,
        snapshot: &Snapshot,
        terrain: &'i Terrain,
    ) -> Self {
        let nodes = snapshot.node_count();
        let (open, closed, parts) = (Vec::new(), Vec::new(), Vec::new());
        let mut evaluation = Self { class, terrain, open, parts, closed, nodes };
        let sites = evaluation.divide(profile);
        evaluation.add_normalized();
        evaluation.add_images(profile.images);
        if let Some(around) = &class.around {
            evaluation.parts.extend(around.score(&sites, &profile.around));
        }
        for (_, points) in &evaluation.parts {
            evaluation.open.iter_mut().zip(points).for_each(|((_, sum), points)| *sum += points);
        }
        evaluation
    }

    /// One of the nodes with the most points, and its points.
    pub(crate) fn best(&self) -> Option<(NodeId, i64)> {
        let firsts = self.open.iter().filter_map(|(group, points)| {
            let rank = group.nodes.first()?;
            Some(Rank { points: points + rank.points, ..*rank })
        });
        firsts.min().map(|rank| (rank.node, rank.points))
    }

    /// How many nodes can take the pod.
    pub(crate) fn feasible(&self) -> usize {
        self.open.iter().map(|(group, _)| group.nodes.len()).sum()
    }

    /// Every node that can take the pod, with its points, in no particular order.
    pub(crate) fn ranking(&self) -> impl Iterator<Item = (NodeId, i64)> {
        self.open
            .iter()
            .flat_map(|(group, shared)| group.nodes.iter().map(move |rank| (rank.node, shared + rank.points)))
    }

    /// Why every other node cannot, counted.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let mut diagnosis = Diagnosis::new(self.nodes);
        self.class.diagnose(&mut diagnosis);
        for (group, rejection) in &self.closed {
            diagnosis.count_of(std::slice::from_ref(rejection), group.nodes.len());
        }
        diagnosis
    }

    /// What every filter and score says of every node.
    pub(crate) fn explain(&self, profile: &Profile, snapshot: &Snapshot) -> Vec<NodeExplanation> {
        let mut nodes = Vec::with_capacity(self.nodes);
        for (at, (group, shared)) in self.open.iter().enumerate() {
            let parts = self.parts.iter().map(|(plugin, points)| (*plugin, points[at]));
            let parts: Vec<Points> = parts.map(|(plugin, points)| named(plugin, points)).collect();
            for rank in &group.nodes {
                let Some(node) = snapshot.by_id(rank.node) else { continue };
                let own = self.class.final_scores(node).map(|(plugin, points)| named(plugin, points));
                nodes.push(NodeExplanation {
                    node: node.name().to_string(),
                    rejections: Vec::new(),
                    total: Some(shared + rank.points),
                    scores: own.chain(parts.iter().cloned()).collect(),
                });
            }
        }
        let closed = snapshot.nodes().filter_map(|node| {
            let mut rejections = self.class.rejections(node);
            if let Some(around) = &self.class.around {
                let mut coordinates = Vec::new();
                around.coordinates(node.id(), self.terrain, &mut coordinates);
                let site = around.site(&coordinates, 1, self.terrain);
                rejections.extend(around.rejections(&site, &profile.around));
            }
            let node = node.name().to_string();
            (!rejections.is_empty()).then(|| NodeExplanation {
                node,
                rejections,
                ..NodeExplanation::default()
            })
        });
        nodes.extend(closed);
        nodes
    }

    /// Asks what looks around about each group.
    fn divide(&mut self, profile: &Profile) -> Vec<Site<'i>> {
        let mut sites = Vec::new();
        for group in self.class.groups.occupied() {
            if let Some(around) = &self.class.around {
                let coordinates = &group.coordinates[self.class.coordinates_of_surroundings()..];
                let site = around.site(coordinates, group.nodes.len(), self.terrain);
                if let Some(rejection) = around.rejections(&site, &profile.around).next() {
                    self.closed.push((group, rejection));
                    continue;
                }
                sites.push(site);
            }
            self.open.push((group, 0));
        }
        sites
    }

    /// The scores of single nodes whose points are normalized.
    fn add_normalized(&mut self) {
        for (at, (plugin, normalization, weight)) in self.class.raw_scores().enumerate() {
            let raw = || self.open.iter().map(|(group, _)| group.coordinates[at]);
            let most = raw().max().unwrap_or_default();
            self.parts.push((plugin, raw().map(|raw| weight * normalization.apply(raw, most)).collect()));
        }
    }

    fn add_images(&mut self, weight: i64) {
        let Some(images) = self.class.images() else { return };
        let end = self.class.coordinates_of_surroundings();
        let held = |group: &'i Group| &group.coordinates[end - images.len()..end];
        let points = self.open.iter().map(|(group, _)| weight * images.points(held(group), self.nodes));
        self.parts.push((IMAGES, points.collect()));
    }
}

fn named(plugin: &str, points: i64) -> Points {
    Points { plugin: plugin.to_owned(), points }
}
