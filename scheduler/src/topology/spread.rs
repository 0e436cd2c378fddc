//! Spreading the pods of an application over the domains of a topology.

use std::collections::HashSet;

use bireme_core::scheduler::{PodInfo, Snapshot};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::TopologySpreadConstraint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as Selection;

use super::domains::Topologies;
use super::surroundings::Site;
use super::tally::Tally;
use crate::framework::MOST_POINTS;
use crate::plugins::{required_affinity, untolerated};

/// The topology in which every node counts for itself when nodes are compared.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The constraints of a pod's specification.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    hard: Vec<Hard>,
    soft: Vec<Soft>,
}

/// A constraint that must hold.
#[derive(Debug)]
struct Hard {
    tally: usize,
    max_skew: i64,
    /// With fewer domains, the emptiest is taken to be empty.
    min_domains: usize,
    /// What the pod itself adds.
    own: i64,
}

/// A constraint that had better hold.
#[derive(Debug)]
struct Soft {
    tally: usize,
    max_skew: i64,
    per_node: bool,
}

/// Why a node would break a hard constraint.
pub(crate) const MISSING_LABEL: &str =
    "node(s) didn't match pod topology spread constraints (missing required label)";
/// Why a node would break a hard constraint.
pub(crate) const TOO_MANY: &str = "node(s) didn't match pod topology spread constraints";

impl Spread {
    /// The pod's constraints; what they count is added to the tallies.
    pub(crate) fn new(
        pod: &PodInfo,
        topologies: &mut Topologies,
        snapshot: &Snapshot,
        tallies: &mut Vec<Tally>,
    ) -> Self {
        let constraints = pod.spec().topology_spread_constraints.as_deref().unwrap_or_default();
        let (hard, soft): (Vec<_>, Vec<_>) =
            constraints.iter().partition(|constraint| constraint.when_unsatisfiable == "DoNotSchedule");
        let mut spread = Self::default();
        for constraint in &hard {
            let tally = tally(pod, constraint, &hard, topologies, snapshot);
            spread.hard.push(Hard {
                tally: tallies.len(),
                max_skew: constraint.max_skew.into(),
                min_domains: constraint.min_domains.and_then(|least| least.try_into().ok()).unwrap_or(1),
                own: selector(pod, constraint).is_some_and(|selector| selector.matches(pod.labels())).into(),
            });
            tallies.push(tally);
        }
        for constraint in &soft {
            let tally = tally(pod, constraint, &soft, topologies, snapshot);
            let per_node = constraint.topology_key == HOSTNAME;
            let soft = Soft { tally: tallies.len(), max_skew: constraint.max_skew.into(), per_node };
            spread.soft.push(soft);
            tallies.push(if per_node { tally.per_node() } else { tally });
        }
        spread
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hard.is_empty() && self.soft.is_empty()
    }

    /// Why the pod cannot go to the nodes of a site, and whether evictions would help.
    pub(crate) fn reject(&self, site: &Site<'_>) -> Option<(&'static str, bool)> {
        self.hard.iter().find_map(|constraint| {
            let Some(count) = site.tally(constraint.tally) else { return Some((MISSING_LABEL, false)) };
            let (lowest, domains) = site.counter(constraint.tally).lowest();
            let lowest = if domains < constraint.min_domains { Some(0) } else { lowest };
            // Without pods that would go, this domain may be the emptiest.
            let lowest = lowest.map(|lowest| lowest.min(count));
            let breaks = lowest.is_some_and(|lowest| count + constraint.own - lowest > constraint.max_skew);
            breaks.then_some((TOO_MANY, true))
        })
    }

    /// The points of every site that can take the pod; `None` when it does not matter where it goes.
    pub(crate) fn score(&self, sites: &[Site<'_>]) -> Option<Vec<i64>> {
        if self.soft.is_empty() {
            return None;
        }
        let counted: Vec<bool> = sites.iter().map(|site| self.is_counted(site)).collect();
        let weights: Vec<f64> = self.soft.iter().map(|soft| weight(soft, sites, &counted)).collect();
        let costs: Vec<Option<i64>> = sites
            .iter()
            .zip(&counted)
            .map(|(site, counted)| counted.then(|| self.cost(site, &weights)))
            .collect();
        let known = || costs.iter().flatten().copied();
        let (most, least) = (known().max().unwrap_or_default(), known().min().unwrap_or_default());
        let points = |cost: &Option<i64>| match cost {
            None => 0,
            Some(_) if most == 0 => MOST_POINTS,
            Some(cost) => MOST_POINTS * (most + least - cost) / most,
        };
        Some(costs.iter().map(points).collect())
    }

    /// Whether the nodes of a site are in a domain of every constraint.
    fn is_counted(&self, site: &Site<'_>) -> bool {
        self.soft.iter().all(|soft| site.domain(soft.tally).is_some())
    }

    #[expect(clippy::cast_possible_truncation, reason = "counts of pods times a logarithm")]
    fn cost(&self, site: &Site<'_>, weights: &[f64]) -> i64 {
        let costs = self.soft.iter().zip(weights).map(|(soft, weight)| {
            let count = site.tally(soft.tally).unwrap_or_default();
            count as f64 * weight + (soft.max_skew - 1) as f64
        });
        costs.sum::<f64>().round() as i64
    }
}

/// The more domains there are, the fewer pods each has, and the more each of them weighs.
fn weight(soft: &Soft, sites: &[Site<'_>], counted: &[bool]) -> f64 {
    let sites = || sites.iter().zip(counted).filter(|(_, counted)| **counted).map(|(site, _)| site);
    let shared: HashSet<_> = sites().filter_map(|site| site.shared_domain(soft.tally)).collect();
    let apart = |site: &&Site<'_>| soft.per_node || site.shared_domain(soft.tally).is_none();
    let nodes: usize = sites().filter(apart).map(Site::nodes).sum();
    let domains = nodes + if soft.per_node { 0 } else { shared.len() };
    (domains as f64 + 2.0).ln()
}

/// What a constraint counts: pods of the namespace that its selector means, on nodes that have all the labels that the
/// constraints of its kind are about, and that its policies do not leave out.
fn tally(
    pod: &PodInfo,
    constraint: &TopologySpreadConstraint,
    all: &[&TopologySpreadConstraint],
    topologies: &mut Topologies,
    snapshot: &Snapshot,
) -> Tally {
    let (selector, namespace) = (selector(pod, constraint), pod.key().namespace().map(str::to_owned));
    let counts = move |other: &PodInfo, _: &Snapshot| {
        let means = selector.as_ref().is_some_and(|selector| selector.matches(other.labels()));
        i64::from(means && !other.is_terminating() && other.key().namespace() == namespace.as_deref())
    };
    let keys: Vec<String> = all.iter().map(|constraint| constraint.topology_key.clone()).collect();
    let honors =
        |policy: &Option<String>, default: bool| policy.as_ref().map_or(default, |policy| policy == "Honor");
    let affinity = honors(&constraint.node_affinity_policy, true).then(|| required_affinity(pod)).flatten();
    let tolerant = honors(&constraint.node_taints_policy, false).then(|| pod.clone());
    let topology = topologies.intern(&constraint.topology_key, snapshot);
    Tally::new(topology, Box::new(counts)).over(Box::new(move |node| {
        keys.iter().all(|key| node.labels().contains_key(key))
            && affinity.as_ref().is_none_or(|fits| fits(node))
            && tolerant.as_ref().is_none_or(|pod| untolerated(pod, node).is_none())
    }))
}

/// Which pods a constraint is about, with the pod's own values of `matchLabelKeys`; `None` for no pods at all.
fn selector(pod: &PodInfo, constraint: &TopologySpreadConstraint) -> Option<LabelSelector> {
    let mut selection: Selection = constraint.label_selector.clone()?;
    for key in constraint.match_label_keys.iter().flatten() {
        if let Some(value) = pod.labels().get(key) {
            let labels = selection.match_labels.get_or_insert_default();
            // A value that the selector wants already and the pod has not leaves it matching nothing of the pod's.
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    LabelSelector::try_from(&selection).ok()
}
