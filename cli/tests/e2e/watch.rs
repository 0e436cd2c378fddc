//! Pods as a watch of the API shows them, event by event.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Kubectl, Namespace, Streaming};

/// What a rule about rollouts is made of.
#[derive(Clone, Debug)]
pub struct Seen {
    pub image: String,
    /// Ready, and not about to go.
    pub is_available: bool,
    pub is_going: bool,
    pub is_running: bool,
}

/// A watch of the pods with a label, that misses no event from its start on.
pub struct PodWatch {
    start: Value,
    events: Streaming,
}

impl PodWatch {
    pub fn start(space: &Namespace, label: &str) -> PodWatch {
        let kubectl: &Kubectl = space;
        let selector = label.replace('=', "%3D");
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector={selector}", space.name);
        let start: Value = serde_json::from_str(&kubectl.run(&format!("get --raw {path}")))
            .expect("the API answers in JSON");
        let version = start["metadata"]["resourceVersion"].as_str().expect("a list has a version");
        let events = kubectl.stream(&format!("get --raw {path}&watch=true&resourceVersion={version}"));
        PodWatch { start, events }
    }

    /// Ends the watch, and shows `look` the pods as they were at its start and after each of its events.
    /// Returns how many events there were.
    pub fn replay(self, mut look: impl FnMut(&BTreeMap<String, Seen>)) -> usize {
        let mut pods: BTreeMap<String, Seen> =
            self.start["items"].as_array().into_iter().flatten().map(|pod| (name(pod), seen(pod))).collect();
        look(&pods);
        let printed = self.events.end();
        let mut count = 0;
        for line in printed.lines() {
            let event: Value = serde_json::from_str(line).expect("each event is a line of JSON");
            let pod = &event["object"];
            match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => drop(pods.insert(name(pod), seen(pod))),
                Some("DELETED") => drop(pods.remove(&name(pod))),
                other => panic!("an event of type {other:?}: {line}"),
            }
            look(&pods);
            count += 1;
        }
        count
    }
}

fn name(pod: &Value) -> String {
    pod["metadata"]["name"].as_str().expect("a pod has a name").to_owned()
}

fn seen(pod: &Value) -> Seen {
    let conditions = pod["status"]["conditions"].as_array();
    let is_ready = conditions
        .is_some_and(|all| all.iter().any(|each| each["type"] == "Ready" && each["status"] == "True"));
    let is_going = !pod["metadata"]["deletionTimestamp"].is_null();
    Seen {
        image: pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned(),
        is_available: is_ready && !is_going,
        is_going,
        is_running: pod["status"]["phase"] == "Running",
    }
}
