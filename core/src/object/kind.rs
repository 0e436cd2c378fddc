//! What an object is: its group, version, kind and plural.

use std::fmt;

/// The identity of a kind of object in one API version. Cheap to copy; equal by content.
///
/// The rest of a kind's description (defaulting, validation, columns, subresources) is the registry's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(&'static Names);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Names {
    group: &'static str,
    kind: &'static str,
    version: &'static str,
    plural: &'static str,
    namespaced: bool,
}

/// Where objects of a `k8s_openapi` type live; implemented for its two scopes.
pub trait Scope {
    /// Whether an object of this scope belongs to a namespace.
    const NAMESPACED: bool;
}

impl Scope for k8s_openapi::NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scope for k8s_openapi::ClusterResourceScope {
    const NAMESPACED: bool = false;
}

struct NamesOf<K>(std::marker::PhantomData<K>);

impl<K> NamesOf<K>
where
    K: k8s_openapi::Resource,
    K::Scope: Scope,
{
    const NAMES: &'static Names = &Names {
        group: K::GROUP,
        kind: K::KIND,
        version: K::VERSION,
        plural: K::URL_PATH_SEGMENT,
        namespaced: <K::Scope as Scope>::NAMESPACED,
    };
}

impl Kind {
    /// The kind of a `k8s_openapi` type.
    pub const fn of<K>() -> Kind
    where
        K: k8s_openapi::Resource,
        K::Scope: Scope,
    {
        Kind(NamesOf::<K>::NAMES)
    }

    /// The API group; empty for the core group.
    pub const fn group(self) -> &'static str {
        self.0.group
    }

    /// The version within the group, such as `v1`.
    pub const fn version(self) -> &'static str {
        self.0.version
    }

    /// The kind's name, such as `Pod`.
    pub const fn name(self) -> &'static str {
        self.0.kind
    }

    /// The name in URLs and store keys, such as `pods`.
    pub const fn plural(self) -> &'static str {
        self.0.plural
    }

    /// Whether objects of this kind belong to a namespace.
    pub const fn is_namespaced(self) -> bool {
        self.0.namespaced
    }

    /// The `apiVersion` field: `v1`, `apps/v1`.
    pub fn api_version(self) -> String {
        if self.0.group.is_empty() {
            self.0.version.to_owned()
        } else {
            format!("{}/{}", self.0.group, self.0.version)
        }
    }

    /// The resource as error messages name it: `pods`, `deployments.apps`.
    pub fn qualified_plural(self) -> String {
        if self.0.group.is_empty() {
            self.0.plural.to_owned()
        } else {
            format!("{}.{}", self.0.plural, self.0.group)
        }
    }

    /// Whether an owner reference or other reference by `apiVersion` and `kind` means this kind, in any version.
    pub fn is_meant_by(self, api_version: &str, kind: &str) -> bool {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        self.0.kind == kind && self.0.group == group
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.kind, self.api_version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::{Node, Pod};

    #[test]
    fn kinds_take_their_names_from_the_type() {
        let kind = Kind::of::<Deployment>();
        assert_eq!(kind.api_version(), "apps/v1");
        assert_eq!(kind.qualified_plural(), "deployments.apps");
        assert!(kind.is_namespaced() && !Kind::of::<Node>().is_namespaced());
        assert_eq!(Kind::of::<Pod>().api_version(), "v1");
        assert!(kind.is_meant_by("apps/v1beta1", "Deployment"));
        assert!(!kind.is_meant_by("v1", "Deployment"));
    }
}
