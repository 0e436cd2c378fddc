//! What a kind offers below its objects.

use bireme_core::object::Kind;

/// A subresource of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// The object again, where writes reach the status alone.
    Status,
    /// The number of replicas, as an `autoscaling/v1` Scale.
    Scale(ScalePaths),
    /// One that the API server knows how to serve.
    Special {
        /// Its name in the path, such as `log`.
        name: &'static str,
        /// Group, version and kind of what is sent to or read from it, where it is not the parent's: an
        /// Eviction for `pods/eviction`.
        body: Option<(&'static str, &'static str, &'static str)>,
        /// The verbs in discovery.
        verbs: &'static [&'static str],
    },
}

/// Where a kind keeps what a Scale tells, as dotted paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The number wanted.
    pub spec_replicas: &'static str,
    /// The number that exists.
    pub status_replicas: &'static str,
    /// The selector of the pods: a label selector, a map of labels, or a selector in text form.
    pub selector: &'static str,
}

impl Subresource {
    /// The paths that Deployment, ReplicaSet, StatefulSet and ReplicationController have.
    pub const SCALE: Subresource = Subresource::Scale(ScalePaths {
        spec_replicas: "spec.replicas",
        status_replicas: "status.replicas",
        selector: "spec.selector",
    });

    /// The name in the path.
    pub const fn name(&self) -> &'static str {
        match self {
            Subresource::Status => "status",
            Subresource::Scale(_) => "scale",
            Subresource::Special { name, .. } => name,
        }
    }

    /// Group, version and kind of its body, given the kind that it belongs to.
    pub fn body(&self, parent: Kind) -> (&'static str, &'static str, &'static str) {
        match self {
            Subresource::Scale(_) => ("autoscaling", "v1", "Scale"),
            Subresource::Special { body: Some(body), .. } => *body,
            _ => (parent.group(), parent.version(), parent.name()),
        }
    }

    /// The verbs in discovery.
    pub const fn verbs(&self) -> &'static [&'static str] {
        match self {
            Subresource::Status | Subresource::Scale(_) => &["get", "patch", "update"],
            Subresource::Special { verbs, .. } => verbs,
        }
    }
}
