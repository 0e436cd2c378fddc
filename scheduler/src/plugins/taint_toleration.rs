//! Tainted nodes take only pods that tolerate their taints, and would rather not take some others.

use bireme_core::scheduler::{ClusterEvent, PodInfo};
use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::framework::{Filter, NodeFilter, NodeScore, Score, stretch, verdict};

/// Upstream's `TaintToleration`: filters by `NoSchedule` and `NoExecute`, scores by `PreferNoSchedule`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaintToleration;

const NAME: &str = "TaintToleration";

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeFilter<'a>> {
        Some(Box::new(move |node| {
            let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
            let untolerated = node.taints().iter().filter(hard).find(|taint| !tolerates(pod, taint));
            verdict(untolerated.is_none(), NAME, false, || {
                let (key, value) =
                    untolerated.map_or(("", ""), |taint| (&taint.key, taint.value.as_deref().unwrap_or("")));
                format!("node(s) had untolerated taint {{{key}: {value}}}")
            })
        }))
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::NodeTaints)
    }
}

impl Score for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeScore<'a>> {
        Some(Box::new(move |node| {
            let soft = node.taints().iter().filter(|taint| taint.effect == "PreferNoSchedule");
            soft.filter(|taint| !tolerates(pod, taint)).count().try_into().unwrap_or(i64::MAX)
        }))
    }

    fn normalize(&self, points: &mut [i64]) {
        stretch(points, true);
    }
}

/// Whether one of the pod's tolerations is for the taint.
pub(super) fn tolerates(pod: &PodInfo, taint: &Taint) -> bool {
    pod.spec().tolerations.iter().flatten().any(|toleration| covers(toleration, taint))
}

/// An empty key with `Exists` is for every taint, an empty effect for every effect.
fn covers(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (key, effect, operator) =
        (text(&toleration.key), text(&toleration.effect), text(&toleration.operator));
    let key_fits = key.is_empty() || key == taint.key;
    let effect_fits = effect.is_empty() || effect == taint.effect;
    let value_fits = match operator.as_str() {
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
