//! Affinity and anti-affinity among pods.

use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm, WeightedPodAffinityTerm};

use super::single::means;
use super::{label, namespace};
use crate::world::World;

#[derive(Default)]
struct Terms {
    required: Vec<PodAffinityTerm>,
    required_anti: Vec<PodAffinityTerm>,
    preferred: Vec<WeightedPodAffinityTerm>,
    preferred_anti: Vec<WeightedPodAffinityTerm>,
}

fn terms(pod: &Pod) -> Terms {
    let affinity = pod.spec.as_ref().unwrap().affinity.clone().unwrap_or_default();
    let (pro, anti) =
        (affinity.pod_affinity.unwrap_or_default(), affinity.pod_anti_affinity.unwrap_or_default());
    Terms {
        required: pro.required_during_scheduling_ignored_during_execution.unwrap_or_default(),
        required_anti: anti.required_during_scheduling_ignored_during_execution.unwrap_or_default(),
        preferred: pro.preferred_during_scheduling_ignored_during_execution.unwrap_or_default(),
        preferred_anti: anti.preferred_during_scheduling_ignored_during_execution.unwrap_or_default(),
    }
}

/// Whether a term of one pod means another.
fn matches(world: &World, owner: &Pod, term: &PodAffinityTerm, other: &Pod) -> bool {
    let Some(selector) = &term.label_selector else { return false };
    let named = term.namespaces.clone().unwrap_or_default();
    let by_name = match (named.is_empty(), &term.namespace_selector) {
        (true, None) => namespace(other) == namespace(owner),
        _ => named.iter().any(|name| name == namespace(other)),
    };
    let by_label = term.namespace_selector.as_ref().is_some_and(|selector| {
        let labels = world.namespaces.get(namespace(other)).cloned().unwrap_or_default();
        LabelSelector::try_from(selector).unwrap().matches(&labels)
    });
    (by_name || by_label) && means(&LabelSelector::try_from(selector).unwrap(), other)
}

/// Every pod on a node that is known, with that node.
fn placed(world: &World) -> impl Iterator<Item = (&Pod, &Node)> {
    world.pods.values().filter_map(|(pod, place)| Some((pod, world.nodes.get(place)?)))
}

fn same_domain(key: &str, node: &Node, other: &Node) -> bool {
    label(node, key).is_some() && label(node, key) == label(other, key)
}

pub fn reject(world: &World, pod: &Pod, node: &Node) -> Vec<String> {
    let own = terms(pod);
    let matches_all = |other: &Pod| own.required.iter().all(|term| matches(world, pod, term, other));
    let near = |term: &PodAffinityTerm| {
        placed(world).any(|(other, place)| matches_all(other) && same_domain(&term.topology_key, node, place))
    };
    let in_all_domains = own.required.iter().all(|term| label(node, &term.topology_key).is_some());
    let nobody = !placed(world).any(|(other, place)| {
        matches_all(other) && own.required.iter().any(|term| label(place, &term.topology_key).is_some())
    });
    let has_company = own.required.iter().all(near) || (nobody && matches_all(pod));
    let suits = own.required.is_empty() || (in_all_domains && has_company);
    if !suits {
        return vec!["node(s) didn't match pod affinity rules".to_owned()];
    }
    let disturbed = own.required_anti.iter().any(|term| {
        placed(world).any(|(other, place)| {
            matches(world, pod, term, other) && same_domain(&term.topology_key, node, place)
        })
    });
    if disturbed {
        return vec!["node(s) didn't match pod anti-affinity rules".to_owned()];
    }
    let disturbs = placed(world).any(|(other, place)| {
        let theirs = terms(other).required_anti;
        theirs
            .iter()
            .any(|term| matches(world, other, term, pod) && same_domain(&term.topology_key, node, place))
    });
    if disturbs {
        return vec!["node(s) didn't satisfy existing pods anti-affinity rules".to_owned()];
    }
    Vec::new()
}

pub fn score(world: &World, pod: &Pod, open: &[&Node]) -> Vec<i64> {
    let own = terms(pod);
    let likes = |node: &&Node| -> i64 {
        let mut sum = 0;
        for (other, place) in placed(world) {
            let theirs = terms(other);
            let mut add = |owner: &Pod, about: &Pod, term: &PodAffinityTerm, weight: i64| {
                if matches(world, owner, term, about) && same_domain(&term.topology_key, node, place) {
                    sum += weight;
                }
            };
            for (owner, about, terms) in [(pod, other, &own), (other, pod, &theirs)] {
                for term in &terms.preferred {
                    add(owner, about, &term.pod_affinity_term, term.weight.into());
                }
                for term in &terms.preferred_anti {
                    add(owner, about, &term.pod_affinity_term, -i64::from(term.weight));
                }
            }
            for term in &theirs.required {
                add(other, pod, term, 1);
            }
        }
        sum
    };
    let likes: Vec<i64> = open.iter().map(likes).collect();
    let least = likes.iter().copied().min().unwrap_or(0);
    let range = likes.iter().copied().max().unwrap_or(0) - least;
    let points =
        |liked: &i64| if range == 0 { 0 } else { (100.0 * ((liked - least) as f64 / range as f64)) as i64 };
    likes.iter().map(points).collect()
}
