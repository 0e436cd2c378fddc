//! Pods choose nodes by label: the node selector, and required and preferred node affinity.

use bireme_core::scheduler::{ClusterEvent, NodeInfo, PodInfo};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{NodeAffinity as Affinity, NodeSelectorRequirement, NodeSelectorTerm};

use crate::framework::{Filter, NodeFilter, NodeScore, Normalization, PodShape, Score, verdict};

/// Upstream's `NodeAffinity`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeAffinity;

const NAME: &str = "NodeAffinity";

/// One term, made ready for matching: all of its requirements must hold.
struct Term {
    labels: Vec<LabelSelector>,
    /// Requirements on fields, of which there is only `metadata.name`.
    names: Vec<LabelSelector>,
}

impl Term {
    /// `None` for a term that matches nothing: an empty one, or one that cannot be understood.
    fn new(term: &NodeSelectorTerm) -> Option<Term> {
        let ready = |list: &Option<Vec<NodeSelectorRequirement>>| -> Option<Vec<LabelSelector>> {
            let ready = |requirement: &NodeSelectorRequirement| {
                let values = requirement.values.as_deref().unwrap_or_default();
                LabelSelector::expression(&requirement.key, &requirement.operator, values).ok()
            };
            list.iter().flatten().map(ready).collect()
        };
        let term = Term { labels: ready(&term.match_expressions)?, names: ready(&term.match_fields)? };
        (!term.labels.is_empty() || !term.names.is_empty()).then_some(term)
    }

    fn matches(&self, node: &NodeInfo) -> bool {
        let name = || [("metadata.name".to_owned(), node.name().to_string())].into();
        self.labels.iter().all(|selector| selector.matches(node.labels()))
            && (self.names.is_empty() || self.names.iter().all(|selector| selector.matches(&name())))
    }
}

fn affinity(pod: &PodInfo) -> Option<&Affinity> {
    pod.spec().affinity.as_ref()?.node_affinity.as_ref()
}

/// Whether a node is one of some.
pub(crate) type Eligible = Box<dyn Fn(&NodeInfo) -> bool + Send>;

/// Whether a node is one that the pod's selector and required affinity allow; `None` when they allow all.
pub(crate) fn required(pod: &PodInfo) -> Option<Eligible> {
    let selector = pod.spec().node_selector.as_ref().map(LabelSelector::equals);
    let required = affinity(pod).and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    // The terms are alternatives.
    let terms: Option<Vec<Term>> =
        required.map(|required| required.node_selector_terms.iter().filter_map(Term::new).collect());
    if selector.is_none() && terms.is_none() {
        return None;
    }
    Some(Box::new(move |node| {
        selector.as_ref().is_none_or(|selector| selector.matches(node.labels()))
            && terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
    }))
}

/// The selector and the affinity are all that is looked at of a pod.
pub(crate) fn see(pod: &PodInfo, shape: &mut PodShape) {
    shape.see_if_any(&pod.spec().node_selector);
    shape.see_if_any(&affinity(pod));
}

impl Filter for NodeAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        let fits = required(pod)?;
        Some(Box::new(move |node| {
            let reason = || "node(s) didn't match Pod's node affinity/selector".to_owned();
            verdict(fits(node), NAME, false, reason)
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        see(pod, shape);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::NodeLabels)
    }
}

impl Score for NodeAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let preferred = affinity(pod)?.preferred_during_scheduling_ignored_during_execution.as_deref()?;
        let terms: Vec<(Term, i64)> = preferred
            .iter()
            .filter_map(|preference| Some((Term::new(&preference.preference)?, preference.weight.into())))
            .collect();
        Some(Box::new(move |node| {
            terms.iter().filter(|(term, _)| term.matches(node)).map(|(_, weight)| weight).sum()
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        see(pod, shape);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn normalization(&self) -> Normalization {
        Normalization::ToMost
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fits, node, pod, score_points};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_selector_wants_every_label() {
        let pod = pod("p").spec(json!({"nodeSelector": {"disk": "ssd", "zone": "a"}})).info();
        assert!(fits(&NodeAffinity, &pod, &node("n").label("disk", "ssd").label("zone", "a").info()));
        assert!(!fits(&NodeAffinity, &pod, &node("n").label("disk", "ssd").info()));
    }

    #[test]
    fn every_operator_of_required_affinity_is_known() {
        let big = node("big").label("cpus", "8").label("zone", "a").info();
        for (operator, key, values, expected) in [
            ("In", "zone", vec!["a", "b"], true),
            ("NotIn", "zone", vec!["a"], false),
            ("NotIn", "absent", vec!["a"], true),
            ("Exists", "zone", vec![], true),
            ("DoesNotExist", "zone", vec![], false),
            ("Gt", "cpus", vec!["7"], true),
            ("Lt", "cpus", vec!["8"], false),
            ("Gt", "zone", vec!["1"], false),
            ("Unknown", "zone", vec!["a"], false),
        ] {
            let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
            let pod = pod("p").required_node_terms(vec![term]).info();
            assert_eq!(fits(&NodeAffinity, &pod, &big), expected, "{operator} {values:?}");
        }
    }

    #[test]
    fn terms_are_alternatives_an_empty_one_matches_nothing_and_names_can_be_asked_for() {
        let (a, b) = (node("a").label("x", "1").info(), node("b").info());
        let by_label = json!({"matchExpressions": [{"key": "x", "operator": "Exists"}]});
        let by_name = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]});
        let both = pod("p").required_node_terms(vec![by_label, by_name]).info();
        assert!(fits(&NodeAffinity, &both, &a) && fits(&NodeAffinity, &both, &b));
        assert!(!fits(&NodeAffinity, &pod("p").required_node_terms(vec![json!({})]).info(), &a));
    }

    #[test]
    fn preferred_terms_add_their_weights() {
        let prefer = |key: &str, weight: i32| json!({"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}});
        let pod = pod("p")
            .spec(json!({"affinity": {"nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [prefer("x", 30), prefer("y", 10)]}}}))
            .info();
        let nodes = [
            node("a").label("x", "").label("y", "").info(),
            node("b").label("y", "").info(),
            node("c").info(),
        ];
        assert_eq!(score_points(&NodeAffinity, &pod, &nodes.each_ref()), [100, 25, 0]);
    }
}
