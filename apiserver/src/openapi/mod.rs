//! OpenAPI v3: the schemas of all kinds, one document for each version of each group.
//!
//! Clients read them to check, explain and merge. A document is put together when it is asked for and not kept:
//! that takes milliseconds, clients keep what they have by its hash, and the server stays small.

mod document;
mod merge;
mod paths;
mod schemas;
mod v2;

pub(crate) use v2::document as document_v2;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bireme_core::error::ApiError;
use bireme_registry::resource::DynStrategy;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, HeaderValue, LOCATION, VARY};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::discovery::{fingerprint, is_known};
use crate::http::{Reply, ReplyBody, reply};
use crate::kinds::{KindIndex, no_such_path};
use crate::negotiate;
use crate::query::Query;

/// The documents, each made from the kinds of its version.
pub(crate) struct OpenApi {
    /// By path: `api/v1`, `apis/apps/v1`.
    versions: BTreeMap<String, Version>,
}

struct Version {
    kinds: Vec<Arc<dyn DynStrategy>>,
    /// Of the document; known once it has been made for the first time.
    hash: OnceLock<String>,
}

impl OpenApi {
    pub(crate) fn new(kinds: &KindIndex) -> Self {
        let mut versions: BTreeMap<String, Version> = BTreeMap::new();
        for strategy in kinds.all() {
            let kind = strategy.kind();
            let path = match kind.group() {
                "" => format!("api/{}", kind.version()),
                group => format!("apis/{group}/{}", kind.version()),
            };
            let empty = || Version { kinds: Vec::new(), hash: OnceLock::new() };
            versions.entry(path).or_insert_with(empty).kinds.push(strategy.clone());
        }
        Self { versions }
    }

    /// `/openapi/v3`: where the documents are, with their hashes.
    pub(crate) fn index(&self, headers: &HeaderMap) -> Result<Reply, ApiError> {
        negotiate::requires_json(headers)?;
        let mut paths = serde_json::Map::new();
        for (path, version) in &self.versions {
            paths.insert(path.clone(), json!({ "serverRelativeURL": location(path, version.hash()?) }));
        }
        reply::json(StatusCode::OK, &json!({ "paths": paths }))
    }

    /// One document. One asked for by its hash never changes; another hash leads to the present one.
    pub(crate) fn document(&self, path: &str, query: &Query, headers: &HeaderMap) -> Result<Reply, ApiError> {
        negotiate::requires_json(headers)?;
        let version = self.versions.get(path).ok_or_else(no_such_path)?;
        let hash = version.hash()?;
        let invalid = |error| ApiError::internal("a header is not valid", error);
        let mut answer = match query.text("hash") {
            Some(other) if other != hash => {
                let mut answer = reply::text(StatusCode::MOVED_PERMANENTLY, "");
                let to = HeaderValue::from_str(&location(path, hash)).map_err(invalid)?;
                answer.headers_mut().insert(LOCATION, to);
                return Ok(answer);
            }
            _ if is_known(headers, &format!("\"{hash}\"")) => {
                let mut answer = reply::text(StatusCode::NOT_MODIFIED, "");
                answer.headers_mut().remove(CONTENT_TYPE);
                answer
            }
            _ => {
                let media = HeaderValue::from_static("application/json");
                reply::with_type(StatusCode::OK, media, ReplyBody::full(version.encode()?))
            }
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, HeaderValue::from_str(&format!("\"{hash}\"")).map_err(invalid)?);
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        if query.text("hash").is_some() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable, max-age=31536000"));
            headers.remove(EXPIRES);
        }
        Ok(answer)
    }
}

impl Version {
    fn encode(&self) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(&document::build(&self.kinds))
            .map_err(|error| ApiError::internal("the document cannot be encoded", error))
    }

    fn hash(&self) -> Result<&str, ApiError> {
        if let Some(hash) = self.hash.get() {
            return Ok(hash);
        }
        let hash = fingerprint(&self.encode()?);
        Ok(self.hash.get_or_init(|| hash))
    }
}

fn location(path: &str, hash: &str) -> String {
    format!("/openapi/v3/{path}?hash={hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_registry::kinds::built_in;
    use serde_json::Value;

    fn core() -> Value {
        let kinds = KindIndex::new(built_in());
        document::build(&OpenApi::new(&kinds).versions["api/v1"].kinds)
    }

    fn schema<'a>(document: &'a Value, name: &str) -> &'a Value {
        &document["components"]["schemas"][format!("io.k8s.api.core.v1.{name}")]
    }

    #[test]
    fn schemas_tell_how_their_lists_merge() {
        let document = core();
        let containers = &schema(&document, "PodSpec")["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(containers["x-kubernetes-patch-strategy"], "merge");
        assert_eq!(containers["x-kubernetes-list-type"], "map");
        let ports = &schema(&document, "Container")["properties"]["ports"];
        assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
        let volumes = &schema(&document, "PodSpec")["properties"]["volumes"];
        assert_eq!(volumes["x-kubernetes-patch-strategy"], "merge,retainKeys");
        let args = &schema(&document, "Container")["properties"]["args"];
        assert_eq!(args["x-kubernetes-list-type"], "atomic");
        let metadata = &document["components"]["schemas"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"];
        assert_eq!(metadata["properties"]["finalizers"]["x-kubernetes-list-type"], "set");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, visit: &mut dyn FnMut(&str)) {
            match value {
                Value::Object(object) => object.iter().for_each(|(key, value)| match (key.as_str(), value) {
                    ("$ref", Value::String(to)) => visit(to),
                    _ => walk(value, visit),
                }),
                Value::Array(list) => list.iter().for_each(|value| walk(value, visit)),
                _ => {}
            }
        }
        let document = core();
        let mut seen = 0;
        walk(&document, &mut |to| {
            seen += 1;
            assert!(document.pointer(&to[1..]).is_some(), "{to}");
        });
        assert!(seen > 100);
    }

    #[test]
    fn kinds_and_operations_name_what_they_are_about() {
        let document = core();
        let expected = json!([{"group": "", "version": "v1", "kind": "Pod"}]);
        assert_eq!(schema(&document, "Pod")["x-kubernetes-group-version-kind"], expected);
        let patch = &document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"], expected[0]);
        let names: Vec<_> = patch["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
        assert!(names.contains(&&json!("fieldValidation")) && names.contains(&&json!("dryRun")));
    }
}
