//! The types that are objects.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kind::Scope;

/// A type that is an object of its own: it has a kind and metadata.
///
/// The stable kinds of `k8s_openapi` are resources. [`resources!`](crate::resources) makes one of any other type:
///
/// ```
/// # use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// #[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
/// struct Backup {
///     metadata: ObjectMeta,
/// }
///
/// impl k8s_openapi::Resource for Backup {
///     const API_VERSION: &'static str = "example.com/v1";
///     const GROUP: &'static str = "example.com";
///     const KIND: &'static str = "Backup";
///     const VERSION: &'static str = "v1";
///     const URL_PATH_SEGMENT: &'static str = "backups";
///     type Scope = k8s_openapi::NamespaceResourceScope;
/// }
///
/// impl k8s_openapi::Metadata for Backup {
///     type Ty = ObjectMeta;
///     fn metadata(&self) -> &ObjectMeta {
///         &self.metadata
///     }
///     fn metadata_mut(&mut self) -> &mut ObjectMeta {
///         &mut self.metadata
///     }
/// }
///
/// bireme_core::resources!(Backup);
/// ```
///
/// A type has its encoding once in a program: were the methods here generic functions, each crate that handles pods
/// would hold a copy of all that it takes to decode one.
pub trait Resource:
    k8s_openapi::Resource<Scope: Scope>
    + k8s_openapi::Metadata<Ty = ObjectMeta>
    + Clone
    + fmt::Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// Reads the type's JSON form.
    ///
    /// # Errors
    ///
    /// When `json` is not JSON or does not fit the type.
    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error>;

    /// The JSON form, with `apiVersion` and `kind`.
    ///
    /// # Errors
    ///
    /// When there is none (a map whose keys are not text), which no Kubernetes type has.
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error>;

    /// The JSON form as a value.
    ///
    /// # Errors
    ///
    /// As for [`to_json`](Resource::to_json).
    fn to_value(&self) -> Result<Value, serde_json::Error>;
}

/// Makes [`Resource`](crate::object::Resource)s of types that have the traits which it requires.
#[macro_export]
macro_rules! resources {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::object::Resource for $type {
            #[inline(never)]
            fn from_json(json: &[u8]) -> ::core::result::Result<Self, $crate::object::json::Error> {
                $crate::object::json::from_slice(json)
            }

            #[inline(never)]
            fn to_json(&self) -> ::core::result::Result<::std::vec::Vec<u8>, $crate::object::json::Error> {
                $crate::object::json::to_vec(self)
            }

            #[inline(never)]
            fn to_value(&self) -> ::core::result::Result<$crate::object::json::Value, $crate::object::json::Error> {
                $crate::object::json::to_value(self)
            }
        }
    )+};
}

/// What [`resources!`](crate::resources) needs where it is used.
#[doc(hidden)]
pub mod json {
    pub use serde_json::{Error, Value, from_slice, to_value, to_vec};
}

mod stable {
    use k8s_openapi::api::{
        admissionregistration::v1 as admission, apps::v1 as apps, autoscaling, batch::v1 as batch,
        certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core,
        discovery::v1 as discovery, events::v1 as events, flowcontrol::v1 as flowcontrol,
        networking::v1 as networking, node::v1 as node, policy::v1 as policy, rbac::v1 as rbac,
        scheduling::v1 as scheduling, storage::v1 as storage,
    };
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
    use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as registration;

    crate::resources!(
        core::ConfigMap,
        core::Endpoints,
        core::Event,
        core::LimitRange,
        core::Namespace,
        core::Node,
        core::PersistentVolume,
        core::PersistentVolumeClaim,
        core::Pod,
        core::PodTemplate,
        core::ReplicationController,
        core::ResourceQuota,
        core::Secret,
        core::Service,
        core::ServiceAccount,
        admission::MutatingWebhookConfiguration,
        admission::ValidatingAdmissionPolicy,
        admission::ValidatingAdmissionPolicyBinding,
        admission::ValidatingWebhookConfiguration,
        apps::ControllerRevision,
        apps::DaemonSet,
        apps::Deployment,
        apps::ReplicaSet,
        apps::StatefulSet,
        autoscaling::v1::HorizontalPodAutoscaler,
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::CronJob,
        batch::Job,
        certificates::CertificateSigningRequest,
        coordination::Lease,
        discovery::EndpointSlice,
        events::Event,
        extensions::CustomResourceDefinition,
        flowcontrol::FlowSchema,
        flowcontrol::PriorityLevelConfiguration,
        networking::IPAddress,
        networking::Ingress,
        networking::IngressClass,
        networking::NetworkPolicy,
        networking::ServiceCIDR,
        node::RuntimeClass,
        policy::PodDisruptionBudget,
        rbac::ClusterRole,
        rbac::ClusterRoleBinding,
        rbac::Role,
        rbac::RoleBinding,
        registration::APIService,
        scheduling::PriorityClass,
        storage::CSIDriver,
        storage::CSINode,
        storage::CSIStorageCapacity,
        storage::StorageClass,
        storage::VolumeAttachment,
    );
}
