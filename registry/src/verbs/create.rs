//! create.

use bireme_core::error::{ApiError, Cause};
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::store::{Commit, Key, Revision, StoreError};
use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;

use super::write::{ATTEMPTS, unattended};
use crate::authorize::Attributes;
use crate::decode::receive;
use crate::errors::store_error;
use crate::managed_fields::Managers;
use crate::metadata;
use crate::registry::Registry;
use crate::request::{Body, RequestContext, Written};
use crate::resource::Draft;
use crate::table::KindEntry;

/// How many generated names are tried when each is taken.
const NAMES: usize = 8;

impl Registry {
    /// Creates an object in a namespace (that of the object itself, where `namespace` is unset).
    ///
    /// # Errors
    ///
    /// `AlreadyExists`; `NotFound` or `Forbidden` when the namespace does not exist or is going; `Invalid` or
    /// `BadRequest` for an object that is wrong; `Forbidden`; or what the store says.
    pub async fn create(
        &self,
        context: &RequestContext,
        kind: Kind,
        namespace: Option<&str>,
        body: Body<'_>,
    ) -> Result<Written, ApiError> {
        let entry = self.table.entry(kind)?;
        let own = match &body {
            Body::Object(object) => object.namespace(),
            Body::Json(_) => None,
        };
        let attributes =
            Attributes { verb: "create", kind, subresource: None, namespace: namespace.or(own), name: None };
        self.authorize(context, &attributes)?;
        let mut received = receive(entry, &body, context.validation)?;
        if received.revision != Revision::ZERO {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        metadata::place(entry, namespace, &mut received.draft)?;
        self.create_draft(context, entry, received.draft, received.warnings, None).await
    }

    /// Creates an object that has its place; its managers are the author alone, or those that an apply says.
    pub(super) async fn create_draft(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        draft: Draft,
        warnings: Vec<String>,
        managers: Option<Managers>,
    ) -> Result<Written, ApiError> {
        let generates = draft.name().is_empty() && draft.metadata().generate_name.is_some();
        let mut names = 0;
        for attempt in 0..ATTEMPTS {
            let mut draft = draft.clone();
            metadata::begin(entry, &self.env, draft.metadata_mut());
            if generates {
                metadata::generate_name(&self.env, draft.metadata_mut());
                names += 1;
            }
            let key = ObjectKey::new(draft.metadata().namespace.as_deref(), draft.name());
            let home = self.living_namespace(entry, &key, attempt == 0).await?;
            entry.strategy.prepare_create(&mut draft);
            self.admit(context, entry, &key, &mut draft, None).await?;
            let mut claims = self.allocations.claim(&*self.store, None, Some(&mut draft)).await?;
            let encoded = self.encode_new(context, entry, &draft, managers.clone())?;
            let store_key = entry.key(&key);
            let mut commit = Commit::new().if_absent(store_key.clone());
            commit = self.put(entry, commit, store_key.clone(), &encoded);
            if let Some((namespace, revision)) = home {
                // The namespace must still be there, and not be going, when the object is committed.
                commit = commit.if_modified_at(namespace, revision);
            }
            let commit = claims.join(commit, &store_key);
            match self.commit_unless(context.dry_run, commit).await {
                Ok(revision) => {
                    if !context.dry_run {
                        claims.settle();
                    }
                    let object = encoded.at(entry, revision)?;
                    let mut warnings = warnings;
                    warnings.extend(entry.strategy.warnings(&draft, None));
                    warnings.extend(unattended(entry, None, &Value::Null));
                    return Ok(Written { object, created: true, warnings });
                }
                Err(StoreError::Conflict(conflict)) if conflict.key == store_key => {
                    if !generates || names >= NAMES {
                        // What goes with its namespace is no reason: the namespace is, which the cache may not know yet.
                        self.living_namespace(entry, &key, false).await?;
                        return Err(ApiError::already_exists(entry.kind, key.name()));
                    }
                }
                // The namespace changed, or somebody else took the same address: look again.
                Err(StoreError::Conflict(conflict)) => claims.lose(&conflict.key),
                Err(error) => return Err(store_error(error)),
            }
        }
        Err(ApiError::conflict(entry.kind, draft.name(), "its namespace does not come to rest"))
    }

    /// The namespace of an object to be created, at the revision at which it was seen alive. The cache may be
    /// asked first, since the commit fails when it was behind; of a namespace that the cache does not know or
    /// that is going, only the store is believed.
    async fn living_namespace(
        &self,
        entry: &KindEntry,
        key: &ObjectKey,
        ask_cache: bool,
    ) -> Result<Option<(Key, Revision)>, ApiError> {
        let Some(name) = key.namespace() else { return Ok(None) };
        let namespaces = self.table.entry(Kind::of::<Namespace>())?;
        let mut cached = None;
        if ask_cache {
            namespaces.cache.load(&*self.store).await?;
            cached = namespaces.cache.present(name).filter(|known| !known.metadata().is_being_deleted());
        }
        let namespace = match cached {
            Some(namespace) => namespace,
            None => self.read(namespaces, &ObjectKey::cluster(name)).await?,
        };
        if namespace.metadata().is_being_deleted() {
            let why =
                format!("unable to create new content in namespace {name} because it is being terminated");
            let cause = Cause {
                reason: "NamespaceTerminating",
                field: "metadata.namespace".to_owned(),
                message: format!("namespace {name} is being terminated"),
            };
            return Err(ApiError::forbidden(entry.kind, key.name(), why).with_causes([cause]));
        }
        Ok(Some((namespaces.key(namespace.key()), namespace.revision())))
    }

    /// Commits; or, for a dry run, finds out whether the conditions hold.
    pub(super) async fn commit_unless(&self, dry_run: bool, commit: Commit) -> Result<Revision, StoreError> {
        if !dry_run {
            return self.store.commit(commit).await;
        }
        // Without operations a commit checks its conditions and changes nothing.
        self.store.commit(Commit { operations: Vec::new(), ..commit }).await.map(|_| Revision::ZERO)
    }
}
