//! What a scheduler answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a pod goes, or why nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "decision")]
pub enum Decision {
    /// To a node.
    Bind {
        /// The node's name.
        node: String,
        /// The node's score, the highest there was.
        score: i64,
        /// How many nodes could have taken the pod.
        feasible: usize,
    },
    /// Nowhere, as things are.
    Unschedulable(Diagnosis),
    /// Nowhere yet: whoever permits it has not decided.
    Wait {
        /// When to ask again at the latest.
        until: Timestamp,
    },
}

/// What a filter says about one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The pod can go there.
    Fits,
    /// It cannot.
    Rejects(Vec<Rejection>),
}

/// Why a node cannot take a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The filter that says so.
    pub filter: String,
    /// The reason, in the words that Kubernetes uses: `Insufficient cpu`.
    pub reason: String,
    /// Whether pods that go from the node would help.
    pub eviction_helps: bool,
}

/// Why a pod fits on no node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many nodes each reason holds for.
    #[serde(with = "as_list")]
    pub rejections: BTreeMap<Rejection, usize>,
}

impl Diagnosis {
    /// A diagnosis of so many nodes, none of which has been rejected yet.
    pub fn new(nodes: usize) -> Self {
        Self { nodes, rejections: BTreeMap::new() }
    }

    /// Counts what a filter said about one node.
    pub fn count(&mut self, rejections: Vec<Rejection>) {
        self.count_of(&rejections, 1);
    }

    /// Counts what a filter said about so many nodes.
    pub fn count_of(&mut self, rejections: &[Rejection], nodes: usize) {
        for rejection in rejections {
            match self.rejections.get_mut(rejection) {
                Some(count) => *count += nodes,
                None => {
                    self.rejections.insert(rejection.clone(), nodes);
                }
            }
        }
    }

    /// Whether there is a node from which pods would have to go for this one to come: without one, nobody's going helps.
    pub fn eviction_could_help(&self) -> bool {
        self.rejections.keys().any(|rejection| rejection.eviction_helps)
    }

    /// The filters that rejected a node: only a change that one of them looks at can help.
    pub fn filters(&self) -> BTreeSet<String> {
        self.rejections.keys().map(|rejection| rejection.filter.clone()).collect()
    }
}

impl fmt::Display for Diagnosis {
    /// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (rejection, count) in &self.rejections {
            *reasons.entry(&rejection.reason).or_default() += count;
        }
        let reasons: Vec<String> =
            reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        write!(f, "0/{} nodes are available: {}.", self.nodes, reasons.join(", "))
    }
}

/// A map with keys that are no strings is a list in JSON.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Rejection;

    #[derive(Serialize, Deserialize)]
    struct Entry<R> {
        #[serde(flatten)]
        rejection: R,
        nodes: usize,
    }

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Rejection, usize>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map.iter().map(|(rejection, nodes)| Entry { rejection, nodes: *nodes }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Rejection, usize>, D::Error> {
        let entries = Vec::<Entry<Rejection>>::deserialize(from)?;
        Ok(entries.into_iter().map(|entry| (entry.rejection, entry.nodes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_reads_as_upstreams_and_survives_json() {
        let rejection = |filter: &str, reason: &str| Rejection {
            filter: filter.into(),
            reason: reason.into(),
            eviction_helps: false,
        };
        let mut diagnosis = Diagnosis::new(3);
        diagnosis.count(vec![rejection("NodeResourcesFit", "Insufficient cpu")]);
        diagnosis.count(vec![rejection("NodeUnschedulable", "node(s) were unschedulable")]);
        diagnosis.count(vec![rejection("NodeUnschedulable", "node(s) were unschedulable")]);
        assert_eq!(
            diagnosis.to_string(),
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable."
        );
        assert!(!diagnosis.eviction_could_help());
        diagnosis.count(vec![Rejection { eviction_helps: true, ..rejection("NodePorts", "taken") }]);
        assert!(diagnosis.eviction_could_help());
        let decision = Decision::Unschedulable(diagnosis);
        let json = serde_json::to_string(&decision).unwrap();
        assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
    }
}
