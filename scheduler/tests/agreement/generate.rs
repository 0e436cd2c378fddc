//! Clusters and pods made up from a seed, of few enough names and values that they get in each other's way.

use std::collections::BTreeMap;

use bireme_core::object::ObjectKey;
use bireme_core::scheduler::Budget;
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Node, Pod};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

/// Makes things up.
pub struct Generator {
    random: StdRng,
    templates: Vec<Value>,
    pods: usize,
}

/// What happens next.
pub enum Event {
    Schedule(Pod),
    /// Somebody else bound it, perhaps to a node that does not exist.
    Place(Pod, String),
    PutNode(Node),
    RemoveNode(String),
    RemovePod(String),
    /// A pod on a node is being deleted.
    Terminate(String),
    Namespace(String, BTreeMap<String, String>),
}

const NODES: usize = 9;
const ZONES: [&str; 3] = ["a", "b", "c"];
const APPS: [&str; 3] = ["web", "db", "job"];
const NAMESPACES: [&str; 2] = ["x", "y"];
const KEYS: [&str; 3] = ["kubernetes.io/hostname", "zone", "rack"];

impl Generator {
    pub fn new(seed: u64) -> Self {
        let mut generator = Self { random: StdRng::seed_from_u64(seed), templates: Vec::new(), pods: 0 };
        generator.templates = (0..4).map(|_| generator.template()).collect();
        generator
    }

    fn one_in(&mut self, times: u32) -> bool {
        self.random.random_range(0..times) == 0
    }

    fn any<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.random.random_range(0..of.len())]
    }

    fn up_to(&mut self, most: i64) -> i64 {
        self.random.random_range(0..=most)
    }

    /// What protects some pods from going.
    pub fn budgets(&mut self) -> Vec<Budget> {
        let budget = |app: &str, allowed| Budget {
            key: ObjectKey::new(Some("x"), app),
            selector: LabelSelector::parse(&format!("app={app}")).ok(),
            allowed,
            disrupted: Vec::new(),
        };
        let count = usize::try_from(self.up_to(2)).unwrap();
        APPS[..count].iter().map(|app| budget(app, i32::try_from(self.up_to(1)).unwrap())).collect()
    }

    /// What happens next in a cluster of these nodes and pods.
    pub fn event(&mut self, nodes: &[String], pods: &[String]) -> Event {
        let known_pod = |generator: &mut Self| pods[generator.random.random_range(0..pods.len())].clone();
        match self.random.random_range(0..20) {
            0..2 => Event::PutNode(self.node()),
            2 if !nodes.is_empty() && self.one_in(2) => {
                Event::RemoveNode(nodes[self.random.random_range(0..nodes.len())].clone())
            }
            3 => {
                let number = self.random.random_range(0..NODES + 1);
                Event::Place(self.pod(), format!("n{number}"))
            }
            4 if !pods.is_empty() => Event::RemovePod(known_pod(self)),
            5 if !pods.is_empty() => Event::Terminate(known_pod(self)),
            6 => {
                let team = self.any(&["red", "blue"]).to_owned();
                Event::Namespace(self.any(&NAMESPACES).to_owned(), [("team".to_owned(), team)].into())
            }
            _ => Event::Schedule(self.pod()),
        }
    }

    /// A node, perhaps one that exists already in another form.
    pub fn node(&mut self) -> Node {
        let name = format!("n{}", self.random.random_range(0..NODES));
        let mut labels = serde_json::Map::new();
        if !self.one_in(8) {
            labels.insert("kubernetes.io/hostname".to_owned(), name.clone().into());
        }
        if !self.one_in(6) {
            labels.insert("zone".to_owned(), self.any(&ZONES).into());
        }
        if !self.one_in(4) {
            // Few nodes have one, and some share it: the key is narrow at times and not at others.
            labels.insert("rack".to_owned(), self.up_to(12).to_string().into());
        }
        labels.insert("disk".to_owned(), self.any(&["ssd", "hdd"]).into());
        let mut taints = Vec::new();
        for effect in ["NoSchedule", "NoExecute", "PreferNoSchedule", "PreferNoSchedule"] {
            if self.one_in(7) {
                taints.push(
                    json!({"key": self.any(&["t", "u"]), "value": self.any(&["", "v"]), "effect": effect}),
                );
            }
        }
        let mut images = Vec::new();
        for image in ["app:v1", "tool:v1"] {
            if self.one_in(3) {
                images.push(json!({"names": [image], "sizeBytes": (1 + self.up_to(3)) * (300 << 20)}));
            }
        }
        let node = json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": taints, "unschedulable": self.one_in(10)},
            "status": {"images": images, "allocatable": {
                "cpu": (1 + self.up_to(3)).to_string(),
                "memory": format!("{}Gi", 1 + self.up_to(3)),
                "pods": (1 + self.up_to(6)).to_string(),
                "example.com/gpu": self.up_to(2).to_string()}}});
        serde_json::from_value(node).unwrap()
    }

    /// A pod, most often one that is like others.
    fn pod(&mut self) -> Pod {
        if self.one_in(12) {
            let at = self.random.random_range(0..self.templates.len());
            self.templates[at] = self.template();
        }
        let mut pod = self.templates[self.random.random_range(0..self.templates.len())].clone();
        self.pods += 1;
        let name = format!("p{}", self.pods);
        pod["metadata"]["name"] = name.clone().into();
        pod["metadata"]["uid"] = name.into();
        if self.one_in(2) {
            pod["status"]["startTime"] = format!("2026-01-01T00:00:0{}Z", self.up_to(3)).into();
        }
        serde_json::from_value(pod).unwrap()
    }

    fn template(&mut self) -> Value {
        let mut spec = json!({"containers": [self.container()]});
        if self.one_in(4) {
            let mut init = self.container();
            if self.one_in(2) {
                init["restartPolicy"] = "Always".into();
            }
            spec["initContainers"] = json!([init, self.container()]);
        }
        if self.one_in(6) {
            spec["overhead"] = json!({"cpu": "50m"});
        }
        if self.one_in(3) {
            spec["tolerations"] = json!([self.toleration(), self.toleration()]);
        }
        if self.one_in(6) {
            spec["nodeSelector"] = json!({"disk": self.any(&["ssd", "hdd"])});
        }
        if self.one_in(15) {
            spec["nodeName"] = format!("n{}", self.random.random_range(0..NODES)).into();
        }
        if self.one_in(2) {
            let constraints: Vec<Value> = (0..1 + self.up_to(1)).map(|_| self.constraint()).collect();
            spec["topologySpreadConstraints"] = constraints.into();
        }
        if self.one_in(2) {
            spec["affinity"] = self.affinity();
        }
        spec["priority"] = self.up_to(3).into();
        json!({
            "metadata": {"namespace": self.any(&NAMESPACES),
                "labels": {"app": self.any(&APPS), "version": self.any(&["1", "2"])}},
            "spec": spec})
    }

    fn container(&mut self) -> Value {
        let mut requests = serde_json::Map::new();
        if self.one_in(2) {
            requests.insert("cpu".to_owned(), format!("{}m", 100 * self.up_to(8)).into());
        }
        if self.one_in(2) {
            requests.insert("memory".to_owned(), format!("{}Mi", 100 * self.up_to(8)).into());
        }
        if self.one_in(8) {
            requests.insert("example.com/gpu".to_owned(), "1".into());
        }
        let mut container = json!({"name": "c", "resources": {"requests": requests}});
        if self.one_in(2) {
            container["image"] = self.any(&["app:v1", "tool:v1", "other:v1"]).into();
        }
        if self.one_in(6) {
            container["ports"] = json!([{"containerPort": 80, "hostPort": 80 + self.up_to(1),
                "hostIP": self.any(&["", "0.0.0.0", "10.0.0.1", "10.0.0.2"]), "protocol": self.any(&["TCP", "UDP"])}]);
        }
        container
    }

    fn toleration(&mut self) -> Value {
        let mut toleration = json!({"operator": self.any(&["Exists", "Equal"])});
        if toleration["operator"] == "Equal" || !self.one_in(4) {
            toleration["key"] = self.any(&["t", "u", "node.kubernetes.io/unschedulable"]).into();
        }
        if toleration["operator"] == "Equal" {
            toleration["value"] = self.any(&["", "v"]).into();
        }
        if self.one_in(2) {
            toleration["effect"] = self.any(&["NoSchedule", "NoExecute", "PreferNoSchedule"]).into();
        }
        toleration
    }

    fn pods_meant(&mut self) -> Value {
        match self.up_to(5) {
            0 => json!({}),
            1 => {
                json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [self.any(&APPS)]}]})
            }
            2 => json!({"matchLabels": {"version": self.any(&["1", "2"])}}),
            _ => json!({"matchLabels": {"app": self.any(&APPS)}}),
        }
    }

    fn constraint(&mut self) -> Value {
        let mut constraint = json!({
            "maxSkew": 1 + self.up_to(2),
            "topologyKey": self.any(&KEYS),
            "whenUnsatisfiable": self.any(&["DoNotSchedule", "ScheduleAnyway"]),
            "labelSelector": self.pods_meant()});
        if constraint["whenUnsatisfiable"] == "DoNotSchedule" && self.one_in(3) {
            constraint["minDomains"] = (1 + self.up_to(4)).into();
        }
        if self.one_in(3) {
            constraint["nodeAffinityPolicy"] = self.any(&["Honor", "Ignore"]).into();
        }
        if self.one_in(3) {
            constraint["nodeTaintsPolicy"] = self.any(&["Honor", "Ignore"]).into();
        }
        if self.one_in(4) {
            constraint["matchLabelKeys"] = json!(["version"]);
            // The API server does not let a key be in both.
            constraint["labelSelector"] = json!({"matchLabels": {"app": self.any(&APPS)}});
        }
        constraint
    }

    fn term(&mut self) -> Value {
        let mut term = json!({"topologyKey": self.any(&KEYS), "labelSelector": self.pods_meant()});
        if self.one_in(4) {
            term["namespaces"] = json!([self.any(&NAMESPACES)]);
        }
        match self.up_to(7) {
            0 => term["namespaceSelector"] = json!({}),
            1 => term["namespaceSelector"] = json!({"matchLabels": {"team": self.any(&["red", "blue"])}}),
            _ => {}
        }
        term
    }

    fn weighted(&mut self) -> Value {
        json!({"weight": 1 + self.up_to(99), "podAffinityTerm": self.term()})
    }

    fn affinity(&mut self) -> Value {
        let mut affinity = json!({});
        let (required, preferred) = (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
        );
        if self.one_in(3) {
            let wanted = json!({"matchExpressions": [self.requirement()]});
            affinity["nodeAffinity"][required] = json!({"nodeSelectorTerms": [wanted]});
        }
        if self.one_in(3) {
            let liked = |generator: &mut Self| {
                let preference = json!({"matchExpressions": [generator.requirement()]});
                json!({"weight": 1 + generator.up_to(99), "preference": preference})
            };
            affinity["nodeAffinity"][preferred] = json!([liked(self), liked(self)]);
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            if self.one_in(3) {
                affinity[kind][required] = json!([self.term()]);
            }
            if self.one_in(3) {
                affinity[kind][preferred] = json!([self.weighted(), self.weighted()]);
            }
        }
        affinity
    }

    fn requirement(&mut self) -> Value {
        match self.up_to(5) {
            0 => json!({"key": "zone", "operator": "NotIn", "values": [self.any(&ZONES)]}),
            1 => json!({"key": "rack", "operator": "Exists"}),
            2 => json!({"key": "rack", "operator": "DoesNotExist"}),
            3 => {
                json!({"key": "rack", "operator": self.any(&["Gt", "Lt"]), "values": [self.up_to(12).to_string()]})
            }
            _ => json!({"key": "zone", "operator": "In", "values": [self.any(&ZONES), self.any(&ZONES)]}),
        }
    }
}
