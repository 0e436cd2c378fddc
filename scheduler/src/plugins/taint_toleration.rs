//! Tainted nodes take only pods that tolerate their taints, and would rather not take some others.

use bireme_core::scheduler::{ClusterEvent, NodeInfo, PodInfo};
use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::framework::{Filter, NodeFilter, NodeScore, Normalization, PodShape, Score, verdict};

/// Upstream's `TaintToleration`: filters by `NoSchedule` and `NoExecute`, scores by `PreferNoSchedule`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaintToleration;

const NAME: &str = "TaintToleration";

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        let pod = pod.clone();
        Some(Box::new(move |node| {
            let untolerated = untolerated(&pod, node);
            verdict(untolerated.is_none(), NAME, false, || {
                let (key, value) =
                    untolerated.map_or(("", ""), |taint| (&taint.key, taint.value.as_deref().unwrap_or("")));
                format!("node(s) had untolerated taint {{{key}: {value}}}")
            })
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_if_any(&pod.spec().tolerations);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::NodeTaints)
    }
}

impl Score for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let pod = pod.clone();
        Some(Box::new(move |node| {
            let soft = node.taints().iter().filter(|taint| taint.effect == "PreferNoSchedule");
            soft.filter(|taint| !tolerates(&pod, taint)).count().try_into().unwrap_or(i64::MAX)
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_if_any(&pod.spec().tolerations);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn normalization(&self) -> Normalization {
        Normalization::ToNone
    }
}

/// The first taint that keeps the pod from the node.
pub(crate) fn untolerated<'n>(pod: &PodInfo, node: &'n NodeInfo) -> Option<&'n Taint> {
    let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    node.taints().iter().filter(hard).find(|taint| !tolerates(pod, taint))
}

/// Whether one of the pod's tolerations is for the taint.
pub(super) fn tolerates(pod: &PodInfo, taint: &Taint) -> bool {
    pod.spec().tolerations.iter().flatten().any(|toleration| covers(toleration, taint))
}

/// An empty key with `Exists` is for every taint, an empty effect for every effect.
fn covers(toleration: &Toleration, taint: &Taint) -> bool {
    fn text(field: &Option<String>) -> &str {
        field.as_deref().unwrap_or_default()
    }
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    let key_fits = key.is_empty() || key == taint.key;
    let effect_fits = effect.is_empty() || effect == taint.effect;
    let value_fits = match text(&toleration.operator) {
        "Exists" => true,
        "" | "Equal" => !key.is_empty() && text(&toleration.value) == text(&taint.value),
        _ => false,
    };
    key_fits && effect_fits && value_fits
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fits, node, pod, score_points};
    use super::*;

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Toleration {
            key: some(key),
            operator: some(operator),
            value: some(value),
            effect: some(effect),
            toleration_seconds: None,
        }
    }

    #[test]
    fn hard_taints_need_a_toleration_of_key_value_and_effect() {
        let tainted = node("n").taint("team", "red", "NoSchedule").info();
        for (tolerations, expected) in [
            (vec![], false),
            (vec![toleration("team", "Equal", "red", "NoSchedule")], true),
            (vec![toleration("team", "", "red", "")], true),
            (vec![toleration("team", "Exists", "", "")], true),
            (vec![toleration("", "Exists", "", "")], true),
            (vec![toleration("team", "Equal", "blue", "")], false),
            (vec![toleration("team", "Exists", "", "NoExecute")], false),
            (vec![toleration("other", "Exists", "", "")], false),
        ] {
            let pod = pod("p").tolerations(tolerations.clone()).info();
            assert_eq!(fits(&TaintToleration, &pod, &tainted), expected, "{tolerations:?}");
        }
    }

    #[test]
    fn soft_taints_only_cost_points() {
        let (tainted, plain) = (node("a").taint("x", "", "PreferNoSchedule").info(), node("b").info());
        let pod = pod("p").info();
        assert!(fits(&TaintToleration, &pod, &tainted));
        assert_eq!(score_points(&TaintToleration, &pod, &[&tainted, &plain]), [0, 100]);
    }

    #[test]
    fn no_execute_keeps_new_pods_away_too() {
        let tainted = node("n").taint("gone", "", "NoExecute").info();
        assert!(!fits(&TaintToleration, &pod("p").info(), &tainted));
    }
}
