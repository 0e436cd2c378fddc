//! One revision of one object, shared by everybody who handles it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::encoding::Encoded;
use super::{Kind, Metadata, ObjectKey, Resource};
use crate::store::Revision;

/// Why bytes are not an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or not of the expected shape.
    #[error(transparent)]
    Json(serde_json::Error),
    /// There is no `metadata`, or it is not an object.
    #[error("metadata is missing")]
    NoMetadata,
    /// The resource version is not a decimal number.
    #[error("resource version {0:?} is not a number")]
    ResourceVersion(String),
    /// Written by an API server that was set to another encoding.
    #[error("the value is stored in an encoding that bireme does not read ({0})")]
    ForeignEncoding(&'static str),
    /// The object is of another kind than it is asked for as.
    #[error("the object is a {actual}, not a {wanted}")]
    WrongKind {
        /// What it is.
        actual: Kind,
        /// What it was taken for.
        wanted: Kind,
    },
}

/// One revision of one object: immutable, encoded at most once, decoded at most once, shared by `Arc`.
///
/// Its JSON never contains `metadata.resourceVersion`; that is [`revision`](Object::revision), and is spliced
/// in on the way out ([`wire`](Object::wire)), so that bytes go from the store to every watcher untouched.
pub struct Object {
    kind: Kind,
    key: ObjectKey,
    revision: Revision,
    metadata: Arc<Metadata>,
    encoded: Encoded,
    typed: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Object {
    /// An object as it was read from a store: `json` is its encoding, which carries no resource version.
    ///
    /// # Errors
    ///
    /// When `json` is not a JSON object with metadata. Whether the rest fits the kind shows on first
    /// [`typed`](Object::typed) use.
    pub fn decode(kind: Kind, revision: Revision, json: Bytes) -> Result<Object, DecodeError> {
        let (encoded, metadata) = Encoded::read(json)?;
        let key = key_of(kind, &metadata);
        Ok(Object { kind, key, revision, metadata: metadata.into(), encoded, typed: OnceLock::new() })
    }

    /// An object made in this process. A resource version in its metadata becomes the revision.
    ///
    /// # Errors
    ///
    /// When the resource version is not a decimal number.
    pub fn from_typed<K: Resource>(mut typed: K) -> Result<Object, DecodeError> {
        let revision =
            typed.metadata_mut().resource_version.take().map_or(Ok(Revision::ZERO), parse_revision)?;
        let (kind, metadata) = (Kind::of::<K>(), Metadata::from(typed.metadata()));
        let key = key_of(kind, &metadata);
        let json = typed.to_json().map_err(DecodeError::Json)?;
        let (encoded, _) = Encoded::read(json.into())?;
        if revision != Revision::ZERO {
            typed.metadata_mut().resource_version = Some(revision.to_string());
        }
        typed.metadata_mut().managed_fields = None;
        let typed: Arc<dyn Any + Send + Sync> = Arc::new(typed);
        Ok(Object { kind, key, revision, metadata: metadata.into(), encoded, typed: typed.into() })
    }

    /// An object as it was received: its resource version becomes the revision.
    ///
    /// # Errors
    ///
    /// When `value` has no metadata, or its resource version is not a decimal number.
    pub fn from_value(kind: Kind, mut value: Value) -> Result<Object, DecodeError> {
        let metadata =
            value.get_mut("metadata").and_then(Value::as_object_mut).ok_or(DecodeError::NoMetadata)?;
        let revision = match metadata.remove("resourceVersion") {
            Some(Value::String(version)) => parse_revision(version)?,
            Some(Value::Null) | None => Revision::ZERO,
            Some(other) => return Err(DecodeError::ResourceVersion(other.to_string())),
        };
        Object::decode(kind, revision, serde_json::to_vec(&value).map_err(DecodeError::Json)?.into())
    }

    /// The same bytes at another revision: what an object is once written, or when it was deleted.
    pub fn at_revision(&self, revision: Revision) -> Object {
        Object {
            kind: self.kind,
            key: self.key.clone(),
            revision,
            metadata: self.metadata.clone(),
            encoded: self.encoded.clone(),
            typed: OnceLock::new(),
        }
    }

    /// The object's kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The object's namespace and name.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// The namespace, for kinds that have one.
    pub fn namespace(&self) -> Option<&str> {
        self.key.namespace()
    }

    /// The identity of this incarnation of the name.
    pub fn uid(&self) -> &str {
        &self.metadata.uid
    }

    /// The store revision that made this revision of the object; zero for one that was never stored.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The metadata that everything generic goes by.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The object in its typed form, with the resource version set; decoded on first use.
    ///
    /// Its `managedFields` are left out: decoded they are a large tree of small maps, and hardly anybody looks at them,
    /// who finds them in [`value`](Object::value). An update without them leaves them as they are.
    ///
    /// # Errors
    ///
    /// When the object is of another kind than `K`, or its JSON does not fit the type.
    pub fn typed<K: Resource>(&self) -> Result<Arc<K>, DecodeError> {
        let wanted = Kind::of::<K>();
        let wrong_kind = || DecodeError::WrongKind { actual: self.kind, wanted };
        if self.kind != wanted {
            return Err(wrong_kind());
        }
        let any = match self.typed.get() {
            Some(typed) => typed.clone(),
            None => {
                let mut typed =
                    K::from_json(&self.encoded.without_managed_fields()?).map_err(DecodeError::Json)?;
                if self.revision != Revision::ZERO {
                    typed.metadata_mut().resource_version = Some(self.revision.to_string());
                }
                let typed: Arc<dyn Any + Send + Sync> = Arc::new(typed);
                self.typed.get_or_init(|| typed).clone()
            }
        };
        any.downcast().map_err(|_| wrong_kind())
    }

    /// The encoding, without resource version: what a store keeps.
    pub fn json(&self) -> &Bytes {
        &self.encoded.json
    }

    /// The encoding with the resource version, as slices to be sent one after the other.
    pub fn wire(&self) -> [Bytes; 3] {
        self.encoded.with_revision(self.revision)
    }

    /// The object as a JSON value with the resource version, for patches and generic field access.
    ///
    /// # Errors
    ///
    /// When the stored bytes are not JSON, which [`decode`](Object::decode) has in part already checked.
    pub fn value(&self) -> Result<Value, DecodeError> {
        let mut value: Value = serde_json::from_slice(self.json()).map_err(DecodeError::Json)?;
        if self.revision != Revision::ZERO {
            value["metadata"]["resourceVersion"] = Value::String(self.revision.to_string());
        }
        Ok(value)
    }
}

/// An empty resource version means none, as an absent one does.
fn parse_revision(version: String) -> Result<Revision, DecodeError> {
    if version.is_empty() {
        return Ok(Revision::ZERO);
    }
    version.parse().map(Revision).map_err(|_| DecodeError::ResourceVersion(version))
}

fn key_of(kind: Kind, metadata: &Metadata) -> ObjectKey {
    let namespace = if kind.is_namespaced() { metadata.namespace.as_deref() } else { None };
    ObjectKey::new(namespace, &metadata.name)
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}@{}", self.kind, self.key, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use serde_json::json;

    fn config_map(version: Option<&str>) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some("settings".into()),
                namespace: Some("shop".into()),
                resource_version: version.map(Into::into),
                ..ObjectMeta::default()
            },
            data: Some([("x".to_owned(), "\"metadata\":{".to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    fn wire_value(object: &Object) -> Value {
        serde_json::from_slice(&object.wire().concat()).unwrap()
    }

    #[test]
    fn the_resource_version_is_spliced_in_and_never_stored() {
        let object = Object::from_typed(config_map(Some("7"))).unwrap();
        assert_eq!(object.revision(), Revision(7));
        assert!(!String::from_utf8_lossy(object.json()).contains("resourceVersion"));
        assert_eq!(wire_value(&object)["metadata"]["resourceVersion"], "7");
        assert_eq!(wire_value(&object.at_revision(Revision(9)))["metadata"]["resourceVersion"], "9");
        assert_eq!(object.key().to_string(), "shop/settings");
    }

    #[test]
    fn metadata_is_found_behind_fields_that_look_like_it() {
        let json = json!({"aaa": {"metadata": {"name": "no"}}, "data": {"k": "\"metadata\":{"}, "metadata": {"name": "yes"}});
        let object = Object::decode(Kind::of::<Node>(), Revision(3), json.to_string().into()).unwrap();
        assert_eq!(object.name(), "yes");
        assert_eq!(wire_value(&object)["metadata"], json!({"name": "yes", "resourceVersion": "3"}));
    }

    #[test]
    fn empty_metadata_takes_a_resource_version_without_a_comma() {
        let object =
            Object::decode(Kind::of::<Node>(), Revision(3), Bytes::from_static(b"{\"metadata\":{ }}"))
                .unwrap();
        assert_eq!(wire_value(&object)["metadata"], json!({"resourceVersion": "3"}));
    }

    #[test]
    fn typed_is_decoded_once_and_carries_the_resource_version() {
        let bytes = Object::from_typed(config_map(None)).unwrap().json().clone();
        let object = Object::decode(Kind::of::<ConfigMap>(), Revision(5), bytes).unwrap();
        let (one, two) = (object.typed::<ConfigMap>().unwrap(), object.typed::<ConfigMap>().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(one.metadata.resource_version.as_deref(), Some("5"));
        assert!(matches!(object.typed::<Pod>(), Err(DecodeError::WrongKind { .. })));
    }

    #[test]
    fn typed_leaves_the_managed_fields_out_and_the_value_has_them() {
        let managed = json!([{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {}}}]);
        for metadata in [
            json!({"labels": {"a": "b"}, "managedFields": managed, "name": "settings"}),
            json!({"managedFields": managed}),
            json!({"labels": {"managedFields": "[{}]"}, "managedFields": [], "name": "x"}),
        ] {
            let json = json!({"data": {"managedFields": "kept"}, "metadata": metadata});
            let object =
                Object::decode(Kind::of::<ConfigMap>(), Revision(5), json.to_string().into()).unwrap();
            let typed = object.typed::<ConfigMap>().unwrap();
            assert_eq!(typed.metadata.managed_fields, None);
            assert_eq!(typed.metadata.name.as_deref(), metadata["name"].as_str());
            assert_eq!(typed.data.as_ref().unwrap()["managedFields"], "kept");
            assert_eq!(json!(typed.metadata.labels), metadata["labels"]);
            assert_eq!(object.value().unwrap()["metadata"]["managedFields"], metadata["managedFields"]);
        }
    }

    #[test]
    fn a_received_object_gives_up_its_resource_version() {
        let value = json!({"metadata": {"name": "a", "resourceVersion": "12"}});
        let object = Object::from_value(Kind::of::<Node>(), value.clone()).unwrap();
        assert_eq!((object.revision(), wire_value(&object)), (Revision(12), value));
        let bad = json!({"metadata": {"name": "a", "resourceVersion": "x"}});
        assert!(matches!(Object::from_value(Kind::of::<Node>(), bad), Err(DecodeError::ResourceVersion(_))));
    }

    #[test]
    fn foreign_encodings_are_named() {
        let error =
            Object::decode(Kind::of::<Node>(), Revision(1), Bytes::from_static(b"k8s\0...")).unwrap_err();
        assert!(matches!(error, DecodeError::ForeignEncoding("protobuf")));
    }
}
