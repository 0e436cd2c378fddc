//! Terms of inter-pod affinity: which pods are meant, and in which domains.

use bireme_core::scheduler::{PodInfo, Snapshot};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{PodAffinityTerm, PodSpec, WeightedPodAffinityTerm};

/// A term, made ready for matching.
#[derive(Debug)]
pub(crate) struct PodTerm {
    namespaces: Vec<String>,
    /// By the namespaces' labels.
    namespace_selector: Option<LabelSelector>,
    /// `None` matches nothing.
    selector: Option<LabelSelector>,
    topology_key: String,
}

impl PodTerm {
    /// The term as a pod in this namespace means it. A selector that cannot be understood, which the API server lets
    /// nobody write, matches nothing.
    pub(crate) fn new(term: &PodAffinityTerm, namespace: &str) -> Self {
        let selector =
            term.label_selector.as_ref().and_then(|selector| LabelSelector::try_from(selector).ok());
        let mut namespaces = term.namespaces.clone().unwrap_or_default();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(namespace.to_owned());
        }
        let namespace_selector =
            term.namespace_selector.as_ref().and_then(|selector| LabelSelector::try_from(selector).ok());
        Self { namespaces, namespace_selector, selector, topology_key: term.topology_key.clone() }
    }

    /// The label of nodes whose value makes a domain.
    pub(crate) fn topology_key(&self) -> &str {
        &self.topology_key
    }

    /// Whether the labels of namespaces matter to it.
    pub(crate) fn selects_namespaces(&self) -> bool {
        self.namespace_selector.is_some()
    }

    /// Whether the pod is meant.
    pub(crate) fn matches(&self, pod: &PodInfo, snapshot: &Snapshot) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(pod.labels()))
            && self.covers(pod.key().namespace().unwrap_or_default(), snapshot)
    }

    fn covers(&self, namespace: &str, snapshot: &Snapshot) -> bool {
        self.namespaces.iter().any(|covered| covered == namespace)
            || self.namespace_selector.as_ref().is_some_and(|selector| {
                match snapshot.namespace_labels(namespace) {
                    Some(labels) => selector.matches(labels),
                    // Of a namespace that is not known only that it exists.
                    None => selector.is_everything(),
                }
            })
    }
}

/// The terms of a pod's affinity to other pods, as it says them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'p> {
    pub(crate) required: &'p [PodAffinityTerm],
    pub(crate) required_anti: &'p [PodAffinityTerm],
    pub(crate) preferred: &'p [WeightedPodAffinityTerm],
    pub(crate) preferred_anti: &'p [WeightedPodAffinityTerm],
}

impl<'p> Terms<'p> {
    /// Whether the labels of namespaces matter to any.
    pub(crate) fn select_namespaces(&self) -> bool {
        let weighted = self.preferred.iter().chain(self.preferred_anti).map(|term| &term.pod_affinity_term);
        let mut all = self.required.iter().chain(self.required_anti).chain(weighted);
        all.any(|term| term.namespace_selector.is_some())
    }

    /// `None` for a pod that has none.
    pub(crate) fn of(spec: &'p PodSpec) -> Option<Self> {
        let affinity = spec.affinity.as_ref()?;
        let (pro, anti) = (affinity.pod_affinity.as_ref(), affinity.pod_anti_affinity.as_ref());
        if pro.is_none() && anti.is_none() {
            return None;
        }
        Some(Self {
            required: pro
                .and_then(|pro| pro.required_during_scheduling_ignored_during_execution.as_deref())
                .unwrap_or_default(),
            required_anti: anti
                .and_then(|anti| anti.required_during_scheduling_ignored_during_execution.as_deref())
                .unwrap_or_default(),
            preferred: pro
                .and_then(|pro| pro.preferred_during_scheduling_ignored_during_execution.as_deref())
                .unwrap_or_default(),
            preferred_anti: anti
                .and_then(|anti| anti.preferred_during_scheduling_ignored_during_execution.as_deref())
                .unwrap_or_default(),
        })
    }
}
