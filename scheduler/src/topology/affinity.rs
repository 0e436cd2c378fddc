//! Pods that want to be near to, or away from, other pods.

use std::collections::BTreeMap;

use bireme_core::scheduler::{PodInfo, Snapshot};

use super::domains::Topologies;
use super::surroundings::Site;
use super::tally::{Amount, Tally};
use super::term::{PodTerm, Terms};
use crate::framework::MOST_POINTS;

/// The affinity of a pod's specification.
#[derive(Debug, Default)]
pub(crate) struct Affinity {
    /// A tally for each required term, of the pods that match all of them.
    required: Vec<usize>,
    /// Whether the pod itself matches all of them.
    matches_itself: bool,
    /// A tally for each required term.
    required_anti: Vec<usize>,
    /// A tally for each topology, of weights.
    preferred: Vec<usize>,
    selects_namespaces: bool,
}

/// Why a node does not suit the pod.
pub(crate) const NO_COMPANY: &str = "node(s) didn't match pod affinity rules";
/// Why a node does not suit the pod.
pub(crate) const BAD_COMPANY: &str = "node(s) didn't match pod anti-affinity rules";
/// Why a pod on a node does not suit the pod.
pub(crate) const UNWELCOME: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

impl Affinity {
    /// The pod's terms; what they count is added to the tallies.
    pub(crate) fn new(
        pod: &PodInfo,
        topologies: &mut Topologies,
        snapshot: &Snapshot,
        tallies: &mut Vec<Tally>,
    ) -> Self {
        let Some(terms) = Terms::of(pod.spec()) else { return Self::default() };
        let namespace = pod.key().namespace().unwrap_or_default();
        let mut affinity = Self { selects_namespaces: terms.select_namespaces(), ..Self::default() };
        let mut add = |key: &str, amount: Amount| {
            tallies.push(Tally::new(topologies.intern(key, snapshot), amount));
            tallies.len() - 1
        };
        let ready = || terms.required.iter().map(|term| PodTerm::new(term, namespace)).collect::<Vec<_>>();
        affinity.matches_itself = ready().iter().all(|term| term.matches(pod, snapshot));
        for term in terms.required {
            let all = ready();
            let counts = move |other: &PodInfo, snapshot: &Snapshot| {
                i64::from(all.iter().all(|term| term.matches(other, snapshot)))
            };
            affinity.required.push(add(&term.topology_key, Box::new(counts)));
        }
        for term in terms.required_anti {
            let ready = PodTerm::new(term, namespace);
            let counts =
                move |other: &PodInfo, snapshot: &Snapshot| i64::from(ready.matches(other, snapshot));
            affinity.required_anti.push(add(&term.topology_key, Box::new(counts)));
        }
        for (key, weighted) in preferences(terms, namespace) {
            let counts = move |other: &PodInfo, snapshot: &Snapshot| {
                let matching = weighted.iter().filter(|(term, _)| term.matches(other, snapshot));
                matching.map(|(_, weight)| weight).sum()
            };
            affinity.preferred.push(add(&key, Box::new(counts)));
        }
        affinity
    }

    /// Whether the labels of namespaces matter.
    pub(crate) fn selects_namespaces(&self) -> bool {
        self.selects_namespaces
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.required.is_empty() && self.required_anti.is_empty() && self.preferred.is_empty()
    }

    /// Why the pod cannot go to the nodes of a site, and whether evictions would help.
    pub(crate) fn reject(&self, site: &Site<'_>) -> Option<(&'static str, bool)> {
        if !self.has_company(site) {
            return Some((NO_COMPANY, false));
        }
        if self.required_anti.iter().any(|tally| site.tally(*tally).is_some_and(|count| count > 0)) {
            return Some((BAD_COMPANY, true));
        }
        site.is_kept_off().then_some((UNWELCOME, true))
    }

    fn has_company(&self, site: &Site<'_>) -> bool {
        let counts: Option<Vec<i64>> = self.required.iter().map(|tally| site.tally(*tally)).collect();
        let Some(counts) = counts else { return false };
        // The first of pods that want each other's company has to go somewhere.
        let is_first = || self.required.iter().all(|tally| site.total(*tally) == 0) && self.matches_itself;
        counts.iter().all(|count| *count > 0) || is_first()
    }

    /// The points of every site that can take the pod.
    pub(crate) fn score(&self, sites: &[Site<'_>]) -> Vec<i64> {
        let likes = |site: &Site<'_>| {
            let own = self.preferred.iter().filter_map(|tally| site.tally(*tally));
            own.sum::<i64>() + site.likes()
        };
        let likes: Vec<i64> = sites.iter().map(likes).collect();
        let least = likes.iter().copied().min().unwrap_or_default();
        let range = likes.iter().copied().max().unwrap_or_default() - least;
        let points = |liked: i64| {
            // As upstream, a fraction that is cut off.
            #[expect(clippy::cast_possible_truncation, reason = "from 0 to 100")]
            let points = (MOST_POINTS as f64 * ((liked - least) as f64 / range as f64)) as i64;
            points
        };
        likes.into_iter().map(|liked| if range == 0 { 0 } else { points(liked) }).collect()
    }
}

/// The preferred terms by topology, each with its weight, which is below zero for those that keep apart.
fn preferences(terms: Terms<'_>, namespace: &str) -> BTreeMap<String, Vec<(PodTerm, i64)>> {
    let signed = terms
        .preferred
        .iter()
        .map(|term| (term, 1))
        .chain(terms.preferred_anti.iter().map(|term| (term, -1)));
    let mut by_topology: BTreeMap<String, Vec<(PodTerm, i64)>> = BTreeMap::new();
    for (weighted, sign) in signed {
        let term = PodTerm::new(&weighted.pod_affinity_term, namespace);
        let weight = sign * i64::from(weighted.weight);
        by_topology.entry(weighted.pod_affinity_term.topology_key.clone()).or_default().push((term, weight));
    }
    by_topology
}
