//! Who may do what.

use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::Kind;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1 as events;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// The verb as Kubernetes names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`,
    /// `deletecollection`.
    pub verb: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The subresource, such as `status` or `binding`.
    pub subresource: Option<&'a str>,
    /// The namespace, where the request is for one.
    pub namespace: Option<&'a str>,
    /// The name, where the request is for one object that exists.
    pub name: Option<&'a str>,
}

/// Decides who may do what. Asked for every call of every client, in-process ones too.
pub trait Authorizer: Send + Sync + 'static {
    /// Whether `identity` may do this.
    fn allows(&self, identity: &Identity, attributes: &Attributes<'_>) -> bool;
}

/// Members of [`Identity::ADMIN_GROUP`] may do everything, kubelets what kubelets do, others nothing.
///
/// What a kubelet may write is narrowed down to its own node, and the pods on it, by admission.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdminsAndNodes;

impl Authorizer for AdminsAndNodes {
    fn allows(&self, identity: &Identity, attributes: &Attributes<'_>) -> bool {
        let is_admin = identity.groups.iter().any(|group| group == Identity::ADMIN_GROUP);
        is_admin || (identity.node_name().is_some() && node_may(attributes))
    }
}

fn node_may(attributes: &Attributes<'_>) -> bool {
    let is = |kinds: &[Kind]| kinds.contains(&attributes.kind);
    match attributes.verb {
        "get" | "list" | "watch" => is(&[
            Kind::of::<core::Node>(),
            Kind::of::<core::Pod>(),
            Kind::of::<core::Service>(),
            Kind::of::<core::Endpoints>(),
            Kind::of::<EndpointSlice>(),
            Kind::of::<core::ConfigMap>(),
            Kind::of::<core::Secret>(),
            Kind::of::<core::ServiceAccount>(),
            Kind::of::<core::Namespace>(),
            Kind::of::<Lease>(),
        ]),
        "create" | "update" | "patch" => {
            is(&[
                Kind::of::<core::Node>(),
                Kind::of::<Lease>(),
                Kind::of::<core::Event>(),
                Kind::of::<events::Event>(),
            ]) || (is(&[Kind::of::<core::Pod>()])
                && matches!(attributes.subresource, Some("status" | "eviction")))
        }
        "delete" => is(&[Kind::of::<core::Pod>(), Kind::of::<Lease>()]),
        _ => false,
    }
}

/// The answer to somebody who may not.
pub fn forbidden(identity: &Identity, attributes: &Attributes<'_>) -> ApiError {
    let Attributes { verb, kind, subresource, namespace, name } = *attributes;
    let subject = match name {
        Some(name) => format!("{} \"{name}\"", kind.qualified_plural()),
        None => kind.qualified_plural(),
    };
    let resource = match subresource {
        Some(subresource) => format!("{}/{subresource}", kind.plural()),
        None => kind.plural().to_owned(),
    };
    let scope = match namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{subject} is forbidden: User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {scope}",
        identity.user,
        kind.group()
    );
    ApiError::new(Reason::Forbidden, message).about(kind, name.unwrap_or_default())
}
