//! delete and deletecollection.

use std::sync::Arc;

use bireme_core::client::{DeleteOptions, Deletion, ListOptions, Preconditions, Propagation};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::{Commit, StoreError};

use super::update::is_finished;
use super::write::{ATTEMPTS, Encoded, unencodable};
use crate::admission::{AdmissionRequest, Operation, ensure_deletable};
use crate::authorize::Attributes;
use crate::errors::store_error;
use crate::metadata::{mark_deleted, uid_mismatch};
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::resource::Draft;
use crate::table::KindEntry;

/// The finalizer by which an object waits for its dependants.
const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer by which an object's dependants are released first.
const ORPHAN: &str = "orphan";

impl Registry {
    /// Deletes an object, or marks it as being deleted while finalizers or a grace period hold it.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when a precondition does not hold; `Forbidden`; or what the store says.
    pub async fn delete(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        let entry = self.table.entry(kind)?;
        self.authorize_object(context, "delete", kind, key, None)?;
        self.delete_object(context, entry, key, options).await
    }

    /// Deletes what the list options select, object by object; those that others delete meanwhile are passed
    /// over.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list) and [`delete`](Self::delete); what was deleted before an error stays deleted.
    pub async fn delete_collection(
        &self,
        context: &RequestContext,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        let entry = self.table.entry(kind)?;
        let namespace = list.namespace.as_deref();
        let attributes =
            Attributes { verb: "deletecollection", kind, subresource: None, namespace, name: None };
        self.authorize(context, &attributes)?;
        let mut deletions = Vec::new();
        for object in self.select(entry, list).await?.items {
            match self.delete_object(context, entry, object.key(), options).await {
                Ok(deletion) => deletions.push(deletion),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deletions)
    }

    /// The same for a caller who has been authorized.
    pub(super) async fn delete_object(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        ensure_deletable(entry.kind, key)?;
        let (mut options, mut marked) = (options.clone(), None);
        for _ in 0..ATTEMPTS {
            let old = match (self.read(entry, key).await, &marked) {
                // Somebody else has done the rest, however often it was tried here.
                (Err(error), Some(last)) if error.is_not_found() => return Ok(gone(Arc::clone(last))),
                (read, _) => read?,
            };
            check_preconditions(entry, &old, &options)?;
            let old_draft = entry.strategy.draft(&old)?;
            self.admit_deletion(context, entry, key, &old_draft).await?;
            let mut draft = old_draft.clone();
            self.prepare_deletion(entry, &mut draft, &options);
            if entry.strategy.is_graceful() && is_finished(entry, &draft) && !has_no_time_left(&old_draft) {
                // Whoever sees it go sees in its last state that it had no time left.
                match self.mark_once(context, entry, key, &old, &draft).await? {
                    Some(last) if context.dry_run => return Ok(gone(last)),
                    // What the caller knew of it held when it was marked; it must still be the same one.
                    Some(last) => {
                        options.preconditions =
                            Preconditions { uid: Some(last.uid().to_owned()), revision: None };
                        marked = Some(last);
                    }
                    None if options.preconditions.revision.is_some() => {
                        return Err(ApiError::modified(entry.kind, key.name()));
                    }
                    None => {}
                }
                continue;
            }
            if let Some(deletion) = self.delete_once(context, entry, key, &old, &old_draft, &draft).await? {
                return Ok(deletion);
            }
            if options.preconditions.revision.is_some() {
                return Err(ApiError::modified(entry.kind, key.name()));
            }
        }
        Err(ApiError::modified(entry.kind, key.name()))
    }

    async fn admit_deletion(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        key: &ObjectKey,
        old: &Draft,
    ) -> Result<(), ApiError> {
        let request = AdmissionRequest {
            operation: Operation::Delete,
            kind: entry.kind,
            key,
            identity: &context.identity,
            dry_run: context.dry_run,
            objects: self,
        };
        for step in self.admission.iter().filter(|step| step.handles(&request)) {
            step.validate(&request, None, Some(old)).await?;
        }
        Ok(())
    }

    /// Marks the object as it must be while it is being deleted.
    fn prepare_deletion(&self, entry: &KindEntry, draft: &mut Draft, options: &DeleteOptions) {
        set_propagation(draft, options.propagation);
        let requested = options.grace_period_seconds.map(|seconds| seconds.max(0));
        let grace = entry.strategy.grace_period_seconds(draft, requested);
        match draft.metadata().deletion_grace_period_seconds {
            // A deletion under way can be hastened, not slowed down.
            Some(given) if draft.metadata().deletion_timestamp.is_some() => {
                if grace < given && (requested.is_some() || grace == 0) {
                    mark_deleted(&self.env, draft.metadata_mut(), grace);
                }
            }
            _ if draft.metadata().deletion_timestamp.is_some() => {}
            _ => mark_deleted(&self.env, draft.metadata_mut(), grace),
        }
        entry.strategy.prepare_delete(draft);
    }

    /// One attempt; nothing when somebody else wrote the object meanwhile.
    async fn delete_once(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        key: &ObjectKey,
        old: &Arc<Object>,
        old_draft: &Draft,
        draft: &Draft,
    ) -> Result<Option<Deletion>, ApiError> {
        let store_key = entry.key(key);
        let commit = Commit::new().if_modified_at(store_key.clone(), old.revision());
        if is_finished(entry, draft) {
            let claims = self.allocations.claim(&*self.store, Some(old_draft), None).await?;
            let commit = claims.join(commit.delete(store_key.clone()), &store_key);
            return match self.commit_unless(context.dry_run, commit).await {
                Ok(revision) => {
                    if !context.dry_run {
                        claims.settle();
                    }
                    Ok(Some(gone(Arc::new(old.at_revision(revision)))))
                }
                Err(StoreError::Conflict(_)) => Ok(None),
                Err(error) => Err(store_error(error)),
            };
        }
        if draft.value().map_err(unencodable)? == old_draft.value().map_err(unencodable)? {
            return Ok(Some(Deletion::Marked(old.clone())));
        }
        Ok(self.mark_once(context, entry, key, old, draft).await?.map(Deletion::Marked))
    }

    /// One attempt to write down that the object is being deleted; nothing when somebody else wrote it meanwhile.
    async fn mark_once(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        key: &ObjectKey,
        old: &Object,
        draft: &Draft,
    ) -> Result<Option<Arc<Object>>, ApiError> {
        let store_key = entry.key(key);
        let commit = Commit::new().if_modified_at(store_key.clone(), old.revision());
        let encoded = Encoded::new(entry, &draft.value().map_err(unencodable)?)?;
        let commit = self.put(entry, commit, store_key, &encoded);
        match self.commit_unless(context.dry_run, commit).await {
            Ok(revision) => Ok(Some(encoded.at(entry, revision)?)),
            Err(StoreError::Conflict(_)) => Ok(None),
            Err(error) => Err(store_error(error)),
        }
    }
}

/// What is said of an object that was deleted.
fn gone(last: Arc<Object>) -> Deletion {
    Deletion::Gone { uid: last.uid().to_owned(), last: Some(last) }
}

/// Whether it is written down already that the object is deleted at once.
fn has_no_time_left(draft: &Draft) -> bool {
    let metadata = draft.metadata();
    metadata.deletion_timestamp.is_some() && metadata.deletion_grace_period_seconds == Some(0)
}

fn check_preconditions(entry: &KindEntry, old: &Object, options: &DeleteOptions) -> Result<(), ApiError> {
    let wanted = &options.preconditions;
    if let Some(uid) = wanted.uid.as_deref().filter(|uid| *uid != old.uid()) {
        return Err(uid_mismatch(entry, old.key(), uid, old.uid()));
    }
    if let Some(revision) = wanted.revision.filter(|revision| *revision != old.revision()) {
        let why = format!(
            "Precondition failed: ResourceVersion in precondition: {revision}, ResourceVersion in object meta: {}",
            old.revision()
        );
        return Err(ApiError::conflict(entry.kind, old.name(), why));
    }
    Ok(())
}

/// Propagation is a pair of finalizers that the garbage collector takes off again.
fn set_propagation(draft: &mut Draft, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let metadata = draft.metadata_mut();
    let mut finalizers = metadata.finalizers.take().unwrap_or_default();
    finalizers.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
    }
    metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
}
