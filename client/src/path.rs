//! Where an object is in the API.

use bireme_core::client::Part;
use bireme_core::object::{Kind, ObjectKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// All objects of a kind, or those in a namespace: `/apis/apps/v1/namespaces/shop/deployments`.
pub(crate) fn collection(kind: Kind, namespace: Option<&str>) -> String {
    let root = if kind.group().is_empty() { "/api".to_owned() } else { format!("/apis/{}", kind.group()) };
    let namespace =
        namespace.filter(|_| kind.is_namespaced()).map(|name| format!("/namespaces/{}", segment(name)));
    format!("{root}/{}{}/{}", kind.version(), namespace.unwrap_or_default(), kind.plural())
}

/// One object.
pub(crate) fn object(kind: Kind, key: &ObjectKey) -> String {
    format!("{}/{}", collection(kind, key.namespace()), segment(key.name()))
}

/// A part of one object.
pub(crate) fn part(kind: Kind, key: &ObjectKey, part: Part) -> String {
    match part {
        Part::Main => object(kind, key),
        Part::Status => subresource(kind, key, "status"),
        Part::Finalize => subresource(kind, key, "finalize"),
    }
}

/// A subresource of one object.
pub(crate) fn subresource(kind: Kind, key: &ObjectKey, name: &str) -> String {
    format!("{}/{name}", object(kind, key))
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::{Node, Pod};

    #[test]
    fn paths_are_those_of_the_api() {
        let web = ObjectKey::namespaced("shop", "web");
        assert_eq!(object(Kind::of::<Pod>(), &web), "/api/v1/namespaces/shop/pods/web");
        assert_eq!(
            part(Kind::of::<Deployment>(), &web, Part::Status),
            "/apis/apps/v1/namespaces/shop/deployments/web/status"
        );
        assert_eq!(collection(Kind::of::<Pod>(), None), "/api/v1/pods");
        assert_eq!(object(Kind::of::<Node>(), &ObjectKey::cluster("n1")), "/api/v1/nodes/n1");
    }

    #[test]
    fn a_name_cannot_leave_its_segment() {
        let key = ObjectKey::cluster("../secrets?x=%");
        assert_eq!(object(Kind::of::<Node>(), &key), "/api/v1/nodes/..%2Fsecrets%3Fx%3D%25");
    }
}
