//! Namespaces: emptied before they go, and furnished when they come.

mod emptying;
mod furnishing;
#[cfg(test)]
mod tests;

pub use emptying::NamespaceDeletion;
pub use furnishing::{RootCertificates, ServiceAccounts};

use bireme_core::object::ObjectKey;
use bireme_core::reconciler::ObjectRef;
use k8s_openapi::api::core::v1::Namespace;

/// The namespace of this name.
fn namespace(name: &str) -> ObjectRef {
    ObjectRef::to::<Namespace>(ObjectKey::cluster(name))
}
