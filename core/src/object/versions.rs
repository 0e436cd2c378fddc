//! Fields that some versions of the Kubernetes API require and others do not.
//!
//! Their types differ, so that code for every version reads and writes them through here.

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec, StatefulSet,
    StatefulSetSpec,
};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// A field that is a `T` or an `Option<T>`, as the version has it.
pub trait Given<T> {
    /// A field with a value.
    fn of(value: T) -> Self;
    /// The value, if there is one.
    fn given(&self) -> Option<&T>;
    /// The value to change, if there is one.
    fn given_mut(&mut self) -> Option<&mut T>;
    /// Sets the value.
    fn give(&mut self, value: T);
}

impl<T> Given<T> for T {
    fn of(value: T) -> Self {
        value
    }

    fn given(&self) -> Option<&T> {
        Some(self)
    }

    fn given_mut(&mut self) -> Option<&mut T> {
        Some(self)
    }

    fn give(&mut self, value: T) {
        *self = value;
    }
}

impl<T> Given<T> for Option<T> {
    fn of(value: T) -> Self {
        Some(value)
    }

    fn given(&self) -> Option<&T> {
        self.as_ref()
    }

    fn given_mut(&mut self) -> Option<&mut T> {
        self.as_mut()
    }

    fn give(&mut self, value: T) {
        *self = Some(value);
    }
}

/// The text of a field such as a condition's type, which is optional for the kinds of `apps` from 1.37 on; empty
/// when there is none.
pub fn text(field: &impl Given<String>) -> &str {
    field.given().map(String::as_str).unwrap_or_default()
}

/// The endpoints of a slice, which are optional from 1.36 on.
pub fn endpoints(slice: &EndpointSlice) -> &[Endpoint] {
    Given::<Vec<Endpoint>>::given(&slice.endpoints).map(Vec::as_slice).unwrap_or_default()
}

/// A kind whose `spec` is required from 1.37 on.
pub trait Specified {
    /// The type of the spec.
    type Spec;

    /// The spec, if there is one.
    fn spec_ref(&self) -> Option<&Self::Spec>;
    /// The spec to change, if there is one.
    fn spec_mut(&mut self) -> Option<&mut Self::Spec>;
}

macro_rules! specified {
    ($($kind:ty: $spec:ty),* $(,)?) => {$(
        impl Specified for $kind {
            type Spec = $spec;

            fn spec_ref(&self) -> Option<&$spec> {
                self.spec.given()
            }

            fn spec_mut(&mut self) -> Option<&mut $spec> {
                self.spec.given_mut()
            }
        }
    )*};
}

specified! {
    CronJob: CronJobSpec,
    DaemonSet: DaemonSetSpec,
    Deployment: DeploymentSpec,
    ReplicaSet: ReplicaSetSpec,
    StatefulSet: StatefulSetSpec,
}
