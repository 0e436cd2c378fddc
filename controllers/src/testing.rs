//! Objects for tests, said in few words.

use std::collections::BTreeMap;

use bireme_core::object::Resource;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus,
    RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{Container, Pod, PodCondition, PodSpec, PodStatus, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The time at which tests happen, plus so many seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What every object can be given.
pub(crate) trait Fluent: Resource {
    fn meta(mut self, change: impl FnOnce(&mut ObjectMeta)) -> Self {
        change(self.metadata_mut());
        self
    }

    fn uid(self, uid: &str) -> Self {
        self.meta(|meta| meta.uid = Some(uid.to_owned()))
    }

    fn label(self, key: &str, value: &str) -> Self {
        self.meta(|meta| {
            meta.labels.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        })
    }

    fn annotation(self, key: &str, value: &str) -> Self {
        self.meta(|meta| {
            meta.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        })
    }

    fn created(self, seconds: i64) -> Self {
        self.meta(|meta| meta.creation_timestamp = Some(Time(at(seconds))))
    }

    fn deleting(self, seconds: i64) -> Self {
        self.meta(|meta| meta.deletion_timestamp = Some(Time(at(seconds))))
    }

    fn finalizer(self, finalizer: &str) -> Self {
        self.meta(|meta| meta.finalizers.get_or_insert_default().push(finalizer.to_owned()))
    }

    /// Controlled by the object of this kind whose uid is its name.
    fn controlled_by<K: Resource>(self, name: &str) -> Self {
        self.owned_by::<K>(name, Some(true))
    }

    /// Owned by the object of this kind whose uid is its name.
    fn owned_by<K: Resource>(self, name: &str, controller: Option<bool>) -> Self {
        let reference = OwnerReference {
            api_version: K::API_VERSION.to_owned(),
            kind: K::KIND.to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
            controller,
            block_owner_deletion: Some(true),
        };
        self.meta(|meta| meta.owner_references.get_or_insert_default().push(reference))
    }
}

impl<K: Resource> Fluent for K {}

/// An object in the namespace `shop`, with its name for a uid.
pub(crate) fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("shop".to_owned()),
        uid: Some(name.to_owned()),
        generation: Some(1),
        creation_timestamp: Some(Time(at(-1000))),
        ..ObjectMeta::default()
    }
}

/// The same for a kind without namespaces.
pub(crate) fn named_in_cluster(name: &str) -> ObjectMeta {
    ObjectMeta { namespace: None, ..named(name) }
}

/// A template of pods labelled `app=web` that run this image.
pub(crate) fn template(image: &str) -> PodTemplateSpec {
    let container =
        Container { name: "web".to_owned(), image: Some(image.to_owned()), ..Container::default() };
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(&[("app", "web")])), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
    }
}

pub(crate) fn web_selector() -> LabelSelector {
    LabelSelector { match_labels: Some(labels(&[("app", "web")])), match_expressions: None }
}

/// A pending pod labelled `app=web`.
pub(crate) fn pod(name: &str) -> Pod {
    let metadata = ObjectMeta { labels: Some(labels(&[("app", "web")])), ..named(name) };
    Pod { metadata, spec: Some(PodSpec::default()), status: None }
}

/// What a pod can be given.
pub(crate) trait FluentPod {
    fn on(self, node: &str) -> Pod;
    fn phase(self, phase: &str) -> Pod;
    fn ready(self, since: i64) -> Pod;
    fn condition(self, type_: &str, status: &str, since: i64) -> Pod;
    fn ip(self, ip: &str) -> Pod;
}

impl FluentPod for Pod {
    fn on(mut self, node: &str) -> Pod {
        self.spec.get_or_insert_default().node_name = Some(node.to_owned());
        self
    }

    fn phase(mut self, phase: &str) -> Pod {
        self.status.get_or_insert_default().phase = Some(phase.to_owned());
        self
    }

    fn ready(self, since: i64) -> Pod {
        self.phase("Running").condition("Ready", "True", since)
    }

    fn condition(mut self, type_: &str, status: &str, since: i64) -> Pod {
        let status = PodCondition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            last_transition_time: Some(Time(at(since))),
            ..PodCondition::default()
        };
        let conditions: &mut Vec<_> =
            self.status.get_or_insert_with(PodStatus::default).conditions.get_or_insert_default();
        conditions.retain(|condition| condition.type_ != type_);
        conditions.push(status);
        self
    }

    fn ip(mut self, ip: &str) -> Pod {
        self.status.get_or_insert_default().pod_ip = Some(ip.to_owned());
        self
    }
}

/// A ReplicaSet of so many pods labelled `app=web`.
pub(crate) fn replica_set(name: &str, replicas: i32) -> ReplicaSet {
    ReplicaSet {
        metadata: ObjectMeta { labels: Some(labels(&[("app", "web")])), ..named(name) },
        spec: Some(ReplicaSetSpec {
            replicas: Some(replicas),
            min_ready_seconds: None,
            selector: web_selector(),
            template: Some(template("v1")),
        }),
        status: None,
    }
}

/// What a ReplicaSet can be given.
pub(crate) trait FluentSet {
    fn image(self, image: &str) -> ReplicaSet;
    fn observed(self, replicas: i32, available: i32) -> ReplicaSet;
    fn min_ready(self, seconds: i32) -> ReplicaSet;
}

impl FluentSet for ReplicaSet {
    fn image(mut self, image: &str) -> ReplicaSet {
        self.spec.get_or_insert_default().template = Some(template(image));
        self
    }

    fn observed(mut self, replicas: i32, available: i32) -> ReplicaSet {
        self.status = Some(ReplicaSetStatus {
            replicas,
            ready_replicas: Some(available),
            available_replicas: Some(available),
            observed_generation: self.metadata.generation,
            ..ReplicaSetStatus::default()
        });
        self
    }

    fn min_ready(mut self, seconds: i32) -> ReplicaSet {
        self.spec.get_or_insert_default().min_ready_seconds = Some(seconds);
        self
    }
}

/// A Deployment named `web` of so many pods labelled `app=web`, rolling with 25% and 25%.
pub(crate) fn deployment(replicas: i32) -> Deployment {
    Deployment {
        metadata: named("web"),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas),
            selector: web_selector(),
            template: template("v1"),
            progress_deadline_seconds: Some(600),
            revision_history_limit: Some(10),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// What a Deployment can be given.
pub(crate) trait FluentDeployment {
    fn spec(self, change: impl FnOnce(&mut DeploymentSpec)) -> Deployment;
    fn image(self, image: &str) -> Deployment;
    fn rolling(self, surge: IntOrString, unavailable: IntOrString) -> Deployment;
    fn recreating(self) -> Deployment;
}

impl FluentDeployment for Deployment {
    fn spec(mut self, change: impl FnOnce(&mut DeploymentSpec)) -> Deployment {
        change(self.spec.as_mut().unwrap());
        self
    }

    fn image(self, image: &str) -> Deployment {
        self.spec(|spec| spec.template = template(image))
    }

    fn rolling(self, surge: IntOrString, unavailable: IntOrString) -> Deployment {
        let rolling = RollingUpdateDeployment { max_surge: Some(surge), max_unavailable: Some(unavailable) };
        self.spec(|spec| {
            spec.strategy = Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(rolling),
            });
        })
    }

    fn recreating(self) -> Deployment {
        self.spec(|spec| {
            let type_ = Some("Recreate".to_owned());
            spec.strategy = Some(DeploymentStrategy { type_, rolling_update: None });
        })
    }
}
