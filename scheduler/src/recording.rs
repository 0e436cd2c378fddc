//! A cluster as it was at one moment: from a live one, or from a file.

use bireme_core::client::{Client, ClientExt as _, ListOptions};
use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Kind, Object};
use bireme_core::scheduler::{PodInfo, Snapshot};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use serde_json::Value;

/// What scheduling looks at of a cluster, and the pods in it that wait for a node.
#[derive(Debug, Default)]
pub struct Recording {
    /// The nodes, and the pods on them.
    pub snapshot: Snapshot,
    /// The pods that are on no node, in the order of their names.
    pub pending: Vec<PodInfo>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The cluster could not be asked.
    #[error("the cluster cannot be read")]
    Api(#[from] ApiError),
    /// An object cannot be understood.
    #[error("object {index} cannot be understood")]
    Object {
        /// Its place in the list, from zero.
        index: usize,
        /// Why.
        source: DecodeError,
    },
    /// An object is not one that scheduling looks at.
    #[error("object {index} is a {kind:?}; what is wanted are {wanted}")]
    Kind {
        /// Its place in the list, from zero.
        index: usize,
        /// Its kind.
        kind: String,
        /// The kinds that may be there.
        wanted: &'static str,
    },
}

impl Recording {
    /// The cluster as it is now.
    ///
    /// # Errors
    ///
    /// When the cluster cannot be asked.
    pub async fn of_cluster(client: &dyn Client) -> Result<Self, RecordingError> {
        let (all, mut recording) = (ListOptions::default(), Self::default());
        for namespace in client.fetch_all::<Namespace>(&all).await?.0 {
            recording.snapshot.put_namespace(&namespace);
        }
        for node in client.fetch_all::<Node>(&all).await?.0 {
            recording.snapshot.put_node(node);
        }
        for pod in client.fetch_all::<Pod>(&all).await?.0 {
            recording.add(PodInfo::new(pod));
        }
        Ok(recording)
    }

    /// What `kubectl get nodes,pods,namespaces --all-namespaces --output json` prints.
    ///
    /// # Errors
    ///
    /// When there is anything else in it.
    pub fn from_list(list: &Value) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        for (index, item) in items(list).enumerate() {
            let failed = |source| RecordingError::Object { index, source };
            match item["kind"].as_str() {
                Some("Namespace") => {
                    let object = Object::from_value(Kind::of::<Namespace>(), item.clone()).map_err(failed)?;
                    recording.snapshot.put_namespace(&*object.typed::<Namespace>().map_err(failed)?);
                }
                Some("Node") => {
                    let object = Object::from_value(Kind::of::<Node>(), item.clone()).map_err(failed)?;
                    recording.snapshot.set_node(&object).map_err(failed)?;
                }
                Some("Pod") => recording.add(pod(index, item)?),
                other => return Err(not_wanted(index, other, "Namespaces, Nodes and Pods")),
            }
        }
        Ok(recording)
    }

    fn add(&mut self, pod: PodInfo) {
        let phase = pod.pod().status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return;
        }
        match pod.spec().node_name.clone().filter(|node| !node.is_empty()) {
            Some(node) => {
                self.snapshot.assume(pod, &node);
            }
            None => self.pending.push(pod),
        }
    }
}

/// The pods of a list, or one pod.
///
/// # Errors
///
/// When there is anything but pods in it.
pub fn pods_from_list(list: &Value) -> Result<Vec<PodInfo>, RecordingError> {
    let wanted = |(index, item): (usize, &Value)| match item["kind"].as_str() {
        Some("Pod") => pod(index, item),
        other => Err(not_wanted(index, other, "Pods")),
    };
    items(list).enumerate().map(wanted).collect()
}

/// The objects of a list of any kind, or the one object.
fn items(list: &Value) -> impl Iterator<Item = &Value> {
    let several = list["items"].as_array().or_else(|| list.as_array());
    let one = several.is_none().then_some(list);
    several.into_iter().flatten().chain(one)
}

fn pod(index: usize, item: &Value) -> Result<PodInfo, RecordingError> {
    let failed = |source| RecordingError::Object { index, source };
    let mut item = item.clone();
    // Manifests have none; one pod is told from another by it.
    if item["metadata"]["uid"].is_null() {
        item["metadata"]["uid"] = format!("manifest-{index}").into();
    }
    let object = Object::from_value(Kind::of::<Pod>(), item).map_err(failed)?;
    PodInfo::of(&object).map_err(failed)
}

fn not_wanted(index: usize, kind: Option<&str>, wanted: &'static str) -> RecordingError {
    RecordingError::Kind { index, kind: kind.unwrap_or_default().to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, node: Option<&str>, phase: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"nodeName": node, "containers": []}, "status": {"phase": phase}})
    }

    #[test]
    fn what_kubectl_prints_is_a_recording() {
        let list = json!({"kind": "List", "items": [
            {"kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "red"}}},
            {"kind": "Node", "metadata": {"name": "a"}},
            pod("placed", Some("a"), "Running"),
            pod("ended", Some("a"), "Succeeded"),
            pod("waiting", None, "Pending")]});
        let recording = Recording::from_list(&list).unwrap();
        assert_eq!(recording.snapshot.node("a").unwrap().pods().len(), 1);
        assert_eq!(recording.snapshot.namespace_labels("default").unwrap()["team"], "red");
        assert_eq!(recording.pending.len(), 1);
    }

    #[test]
    fn what_is_no_part_of_it_is_named() {
        let error = Recording::from_list(&json!({"kind": "Secret", "metadata": {"name": "s"}})).unwrap_err();
        assert!(matches!(&error, RecordingError::Kind { index: 0, kind, .. } if kind == "Secret"), "{error}");
        let error = pods_from_list(&json!([pod("p", None, ""), {"kind": "Node"}])).unwrap_err();
        assert_eq!(error.to_string(), "object 1 is a \"Node\"; what is wanted are Pods");
    }

    #[test]
    fn pods_of_a_manifest_are_different_pods() {
        let manifest = json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}});
        let pods = pods_from_list(&json!([manifest, manifest])).unwrap();
        assert_ne!(pods[0].uid(), pods[1].uid());
    }
}
