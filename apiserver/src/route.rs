//! What a request path means.

use http::Method;
use percent_encoding::percent_decode_str;

/// What the path of a request points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api`: the versions of the core group.
    CoreVersions,
    /// `/apis`: the groups.
    Groups,
    /// `/apis/<group>`: one group.
    Group(String),
    /// `/api/v1`, `/apis/<group>/<version>`: the resources of a version.
    Resources(GroupVersion),
    /// Objects.
    Resource(ResourcePath),
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`: the index of the schemas.
    OpenApiIndex,
    /// `/openapi/v3/<group version>`: one version's schemas, by its path such as `apis/apps/v1`.
    OpenApi(String),
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`, and one check of them by name.
    Health {
        /// Which of the three.
        endpoint: &'static str,
        /// The one check asked for.
        check: Option<String>,
    },
    /// `/metrics`.
    Metrics,
    /// `/`: the list of paths.
    Root,
}

/// A group and a version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupVersion {
    /// Empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
}

/// The path of objects, one object, or a subresource of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    pub(crate) version: GroupVersion,
    pub(crate) namespace: Option<String>,
    /// The plural.
    pub(crate) resource: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// Whether the deprecated `/watch/` prefix makes a get or list a watch.
    pub(crate) watch: bool,
}

/// Subresources that namespaces have; anything else below a namespace's name is a resource in it.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

impl Route {
    /// The route of a path; none when nothing can be there.
    pub(crate) fn parse(path: &str) -> Option<Route> {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned()))
            .collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match segments.as_slice() {
            [] => Route::Root,
            ["api"] => Route::CoreVersions,
            ["apis"] => Route::Groups,
            ["apis", group] => Route::Group((*group).to_owned()),
            ["api", version] => Route::Resources(GroupVersion::new("", version)),
            ["apis", group, version] => Route::Resources(GroupVersion::new(group, version)),
            ["api", version, rest @ ..] => resource(GroupVersion::new("", version), rest)?,
            ["apis", group, version, rest @ ..] => resource(GroupVersion::new(group, version), rest)?,
            ["openapi", "v2"] => Route::OpenApiV2,
            ["openapi", "v3"] => Route::OpenApiIndex,
            ["openapi", "v3", rest @ ..] => Route::OpenApi(rest.join("/")),
            ["version"] => Route::Version,
            ["metrics"] => Route::Metrics,
            [first, rest @ ..] => {
                let endpoint = ["healthz", "livez", "readyz"].into_iter().find(|name| name == first)?;
                let check = match rest {
                    [] => None,
                    [check] => Some((*check).to_owned()),
                    _ => return None,
                };
                Route::Health { endpoint, check }
            }
        })
    }

    /// Whether anybody may ask, without saying who they are.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self, Route::Health { .. } | Route::Version)
    }
}

impl GroupVersion {
    fn new(group: &str, version: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned() }
    }
}

fn resource(version: GroupVersion, rest: &[&str]) -> Option<Route> {
    let (watch, rest) = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        rest => (false, rest),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, resource @ ..]
            if resource.first().is_some_and(|first| !NAMESPACE_SUBRESOURCES.contains(first)) =>
        {
            (Some((*namespace).to_owned()), resource)
        }
        rest => (None, rest),
    };
    let (resource, name, subresource) = match rest {
        [resource] => (resource, None, None),
        [resource, name] => (resource, Some(name), None),
        [resource, name, subresource] => (resource, Some(name), Some(subresource)),
        // What a proxy subresource leads to is the business of the one who serves it.
        [resource, name, subresource @ "proxy", ..] => (resource, Some(name), Some(subresource)),
        _ => return None,
    };
    Some(Route::Resource(ResourcePath {
        version,
        namespace,
        resource: (*resource).to_owned(),
        name: name.map(|name| (*name).to_owned()),
        subresource: subresource.map(|subresource| (*subresource).to_owned()),
        watch,
    }))
}

/// What a request does, in the words of the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// The verb of a method on objects; none when there is no such verb.
    pub(crate) fn of(method: &Method, path: &ResourcePath, wants_watch: bool) -> Option<Verb> {
        let one = path.name.is_some();
        Some(match *method {
            Method::GET if path.subresource.is_some() => Verb::Get,
            // Also with a name: the deprecated watch of one object.
            Method::GET if path.watch || (wants_watch && !one) => Verb::Watch,
            Method::GET if one => Verb::Get,
            Method::GET => Verb::List,
            Method::POST if !one || path.subresource.is_some() => Verb::Create,
            Method::PUT if one => Verb::Update,
            Method::PATCH if one => Verb::Patch,
            Method::DELETE if one => Verb::Delete,
            Method::DELETE => Verb::DeleteCollection,
            _ => return None,
        })
    }

    /// The name that authorization and metrics know it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `group/version namespace resource name subresource`, with `-` for what is not there.
    fn told(path: &str) -> String {
        match Route::parse(path) {
            Some(Route::Resource(found)) => {
                let or = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".into());
                format!(
                    "{}/{} {} {} {} {}{}",
                    found.version.group,
                    found.version.version,
                    or(&found.namespace),
                    found.resource,
                    or(&found.name),
                    or(&found.subresource),
                    if found.watch { " watch" } else { "" }
                )
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_of_objects_are_taken_apart() {
        for (path, expected) in [
            ("/api/v1/pods", "/v1 - pods - -"),
            ("/api/v1/namespaces", "/v1 - namespaces - -"),
            ("/api/v1/namespaces/shop", "/v1 - namespaces shop -"),
            ("/api/v1/namespaces/shop/", "/v1 - namespaces shop -"),
            ("/api/v1/namespaces/shop/finalize", "/v1 - namespaces shop finalize"),
            ("/api/v1/namespaces/shop/status", "/v1 - namespaces shop status"),
            ("/api/v1/namespaces/shop/pods", "/v1 shop pods - -"),
            ("/api/v1/namespaces/shop/pods/web/log", "/v1 shop pods web log"),
            ("/api/v1/nodes/n1/status", "/v1 - nodes n1 status"),
            ("/api/v1/nodes/n1/proxy/metrics/cadvisor", "/v1 - nodes n1 proxy"),
            ("/apis/apps/v1/namespaces/shop/deployments/web/scale", "apps/v1 shop deployments web scale"),
            ("/api/v1/watch/pods", "/v1 - pods - - watch"),
            ("/api/v1/watch/namespaces/shop/pods/web", "/v1 shop pods web - watch"),
            ("/api/v1/namespaces/a/configmaps/kube%2Droot", "/v1 a configmaps kube-root -"),
        ] {
            assert_eq!(told(path), expected, "{path}");
        }
    }

    #[test]
    fn other_paths_are_known_with_and_without_trailing_slash() {
        for (path, expected) in [
            ("/", Route::Root),
            ("/api/", Route::CoreVersions),
            ("/apis", Route::Groups),
            ("/apis/apps/", Route::Group("apps".into())),
            ("/apis/apps/v1", Route::Resources(GroupVersion::new("apps", "v1"))),
            ("/openapi/v3", Route::OpenApiIndex),
            ("/openapi/v3/apis/apps/v1", Route::OpenApi("apis/apps/v1".into())),
            ("/livez/ping", Route::Health { endpoint: "livez", check: Some("ping".into()) }),
        ] {
            assert_eq!(Route::parse(path), Some(expected), "{path}");
        }
        for path in ["/nothing", "/api/v1/pods/a/log/b", "/healthz/a/b", "/api/v1/namespaces/%FF"] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }

    #[test]
    fn methods_become_verbs() {
        let verb = |method: Method, path: &str, watch| match Route::parse(path) {
            Some(Route::Resource(path)) => Verb::of(&method, &path, watch).map(Verb::name),
            _ => None,
        };
        let (list, one, log) =
            ("/api/v1/pods", "/api/v1/namespaces/a/pods/b", "/api/v1/namespaces/a/pods/b/log");
        assert_eq!(verb(Method::GET, list, false), Some("list"));
        assert_eq!(verb(Method::GET, list, true), Some("watch"));
        assert_eq!(verb(Method::GET, one, true), Some("get"));
        assert_eq!(verb(Method::GET, log, false), Some("get"));
        assert_eq!(verb(Method::POST, list, false), Some("create"));
        assert_eq!(verb(Method::POST, one, false), None);
        assert_eq!(verb(Method::PUT, list, false), None);
        assert_eq!(verb(Method::DELETE, list, false), Some("deletecollection"));
        assert_eq!(verb(Method::DELETE, one, false), Some("delete"));
    }
}
