//! What there is: groups, versions and resources, as clients ask for them first of all.

mod aggregated;
mod plain;

use bireme_core::error::ApiError;
use http::header::{ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::http::{Reply, ReplyBody, reply};
use crate::kinds::{KindIndex, no_such_path};
use crate::negotiate::{self, DiscoveryForm};
use crate::route::GroupVersion;

/// The documents of discovery. They are small, and put together when they are asked for.
pub(crate) struct Discovery {
    groups: Vec<Group>,
}

/// A group with its versions, the preferred one first.
struct Group {
    name: &'static str,
    versions: Vec<Version>,
}

/// A version with its resources.
struct Version {
    name: &'static str,
    resources: Vec<Resource>,
}

/// A resource as discovery describes it.
struct Resource {
    plural: &'static str,
    singular: &'static str,
    namespaced: bool,
    kind: &'static str,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    subresources: Vec<Subresource>,
}

struct Subresource {
    name: &'static str,
    /// Group, version and kind of its body.
    body: (&'static str, &'static str, &'static str),
    verbs: &'static [&'static str],
}

/// What can be done with every resource.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

impl Discovery {
    pub(crate) fn new(kinds: &KindIndex) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for strategy in kinds.all() {
            let kind = strategy.kind();
            let group = position(
                &mut groups,
                |group| group.name == kind.group(),
                || Group { name: kind.group(), versions: Vec::new() },
            );
            let version = position(
                &mut group.versions,
                |version| version.name == kind.version(),
                || Version { name: kind.version(), resources: Vec::new() },
            );
            let subresources = strategy.subresources().iter().map(|subresource| Subresource {
                name: subresource.name(),
                body: subresource.body(kind),
                verbs: subresource.verbs(),
            });
            version.resources.push(Resource {
                plural: kind.plural(),
                singular: strategy.singular(),
                namespaced: kind.is_namespaced(),
                kind: kind.name(),
                short_names: strategy.short_names(),
                categories: strategy.categories(),
                subresources: subresources.collect(),
            });
        }
        Self { groups }
    }

    /// `/api`.
    pub(crate) fn core(&self, form: DiscoveryForm, headers: &HeaderMap) -> Result<Reply, ApiError> {
        let core: Vec<&Group> = self.groups.iter().filter(|group| group.name.is_empty()).collect();
        match form {
            DiscoveryForm::Plain => document(&plain::core_versions(&core), "application/json", headers),
            DiscoveryForm::Aggregated(version) => aggregate(&core, version, headers),
        }
    }

    /// `/apis`.
    pub(crate) fn groups(&self, form: DiscoveryForm, headers: &HeaderMap) -> Result<Reply, ApiError> {
        let named: Vec<&Group> = self.groups.iter().filter(|group| !group.name.is_empty()).collect();
        match form {
            DiscoveryForm::Plain => document(&plain::groups(&named), "application/json", headers),
            DiscoveryForm::Aggregated(version) => aggregate(&named, version, headers),
        }
    }

    /// `/apis/<group>`.
    pub(crate) fn group(&self, name: &str, headers: &HeaderMap) -> Result<Reply, ApiError> {
        negotiate::requires_json(headers)?;
        let group = self.groups.iter().find(|group| group.name == name && !name.is_empty());
        document(&plain::group(group.ok_or_else(no_such_path)?), "application/json", headers)
    }

    /// `/api/v1`, `/apis/<group>/<version>`.
    pub(crate) fn resources(&self, wanted: &GroupVersion, headers: &HeaderMap) -> Result<Reply, ApiError> {
        negotiate::requires_json(headers)?;
        let group = self.groups.iter().find(|group| group.name == wanted.group).ok_or_else(no_such_path)?;
        let version = group.versions.iter().find(|version| version.name == wanted.version);
        let list = plain::resources(group, version.ok_or_else(no_such_path)?);
        document(&list, "application/json", headers)
    }

    /// `/`.
    pub(crate) fn paths(&self) -> Result<Reply, ApiError> {
        let mut paths: Vec<String> =
            ["/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz"]
                .into_iter()
                .map(str::to_owned)
                .collect();
        for group in &self.groups {
            for version in &group.versions {
                paths.push(match group.name {
                    "" => format!("/api/{}", version.name),
                    name => format!("/apis/{name}/{}", version.name),
                });
            }
        }
        paths.push("/version".to_owned());
        paths.sort();
        reply::json(StatusCode::OK, &json!({ "paths": paths }))
    }
}

/// The item that `is_it`, which is made if it is not there.
fn position<T>(items: &mut Vec<T>, is_it: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &mut T {
    let index = items.iter().position(is_it).unwrap_or_else(|| {
        items.push(make());
        items.len() - 1
    });
    &mut items[index]
}

fn aggregate(groups: &[&Group], version: &str, headers: &HeaderMap) -> Result<Reply, ApiError> {
    let media = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    document(&aggregated::groups(groups, version), &media, headers)
}

/// A document with an `ETag`; only that it has not changed, when the client has it already.
fn document(body: &Value, media: &str, headers: &HeaderMap) -> Result<Reply, ApiError> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| ApiError::internal("the document cannot be encoded", error))?;
    let tag = format!("\"{}\"", fingerprint(&bytes));
    let media = HeaderValue::from_str(media)
        .map_err(|error| ApiError::internal("the media type is not valid", error))?;
    let mut answer = reply::with_type(StatusCode::OK, media, ReplyBody::full(bytes));
    if is_known(headers, &tag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = ReplyBody::empty();
    }
    let tag =
        HeaderValue::from_str(&tag).map_err(|error| ApiError::internal("the tag is not valid", error))?;
    answer.headers_mut().insert(ETAG, tag);
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// Whether the client says that it has the document with this tag.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag)
}

/// A hash of a document, the same in every process.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    use std::hash::Hasher;
    let half = |seed: u8| {
        // A hasher made this way has fixed keys.
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u8(seed);
        hasher.write(bytes);
        hasher.finish()
    };
    format!("{:016X}{:016X}", half(0), half(1))
}
