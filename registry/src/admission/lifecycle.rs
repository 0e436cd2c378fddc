//! What the cluster cannot do without.

use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use crate::kinds::priority_class::SYSTEM;

/// The namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Refuses to delete what the cluster cannot do without.
pub(crate) fn ensure_deletable(kind: Kind, key: &ObjectKey) -> Result<(), ApiError> {
    if kind == Kind::of::<Namespace>() && IMMORTAL.contains(&key.name()) {
        return Err(ApiError::forbidden(kind, key.name(), "this namespace may not be deleted"));
    }
    if kind == Kind::of::<PriorityClass>() && SYSTEM.iter().any(|(name, ..)| *name == key.name()) {
        let why = "this is a system priority class and cannot be deleted";
        return Err(ApiError::forbidden(kind, key.name(), why));
    }
    Ok(())
}
