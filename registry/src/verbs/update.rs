//! update, and what patch and the subresources have in common with it.

use std::sync::Arc;

use bireme_core::client::Part;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::{Commit, Revision, StoreError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use super::write::{ATTEMPTS, Encoded, unattended, unencodable};
use crate::decode::receive;
use crate::errors::store_error;
use crate::managed_fields::{Managers, attach, given_instead};
use crate::metadata;
use crate::registry::Registry;
use crate::request::{Body, RequestContext, Written};
use crate::resource::Draft;
use crate::table::KindEntry;

/// What a writer wants an object to be.
pub(super) struct Proposal {
    pub(super) draft: Draft,
    /// The revision that the writer read; zero when it named none.
    pub(super) revision: Revision,
    pub(super) warnings: Vec<String>,
    /// The managers, of an object that somebody applied something to; else they follow from what changed.
    pub(super) managers: Option<Managers>,
}

/// What is written, and by what rules.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) entry: &'a KindEntry,
    pub(super) key: &'a ObjectKey,
    pub(super) part: Part,
    /// As what the write is recorded in `managedFields`.
    pub(super) subresource: Option<&'static str>,
    /// Whether the change is the registry's own (a binding), which may do what authors may not.
    pub(super) trusted: bool,
}

/// How a part is named in the paths of the API.
pub(super) fn subresource_of(part: Part) -> Option<&'static str> {
    match part {
        Part::Main => None,
        Part::Status => Some("status"),
        Part::Finalize => Some("finalize"),
    }
}

impl Registry {
    /// Replaces a part of an object.
    ///
    /// # Errors
    ///
    /// `Conflict` when the body names a resource version that is not the object's any more; `NotFound`; `Invalid`
    /// or `BadRequest` for an object that is wrong; `Forbidden`; or what the store says.
    pub async fn update(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        body: Body<'_>,
    ) -> Result<Written, ApiError> {
        let entry = self.table.entry(kind)?;
        self.authorize_object(context, "update", kind, key, subresource_of(part))?;
        let received = receive(entry, &body, context.validation)?;
        let target = Target { entry, key, part, subresource: subresource_of(part), trusted: false };
        self.modify(context, target, |_, _| {
            Ok(Proposal {
                draft: received.draft.clone(),
                revision: received.revision,
                warnings: received.warnings.clone(),
                managers: None,
            })
        })
        .await
    }

    /// Writes what `propose` makes of the present object, again and again until nobody else wrote meanwhile.
    /// A proposal that names a revision is refused once that is not the present one any more.
    pub(super) async fn modify(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        propose: impl FnMut(&Arc<Object>, &mut Draft) -> Result<Proposal, ApiError>,
    ) -> Result<Written, ApiError> {
        let written = self.modify_present(context, target, propose).await?;
        written.ok_or_else(|| ApiError::not_found(target.entry.kind, target.key.name()))
    }

    /// The same; nothing where there is no such object.
    pub(super) async fn modify_present(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        mut propose: impl FnMut(&Arc<Object>, &mut Draft) -> Result<Proposal, ApiError>,
    ) -> Result<Option<Written>, ApiError> {
        let Target { entry, key, .. } = target;
        for _ in 0..ATTEMPTS {
            let Some(old) = self.find(entry, key).await? else { return Ok(None) };
            let mut old_draft = entry.strategy.draft(&old)?;
            let proposal = propose(&old, &mut old_draft)?;
            if proposal.revision != Revision::ZERO && proposal.revision != old.revision() {
                return Err(ApiError::modified(entry.kind, key.name()));
            }
            if let Some(written) = self.replace(context, target, &old, old_draft, proposal).await? {
                return Ok(Some(written));
            }
        }
        Err(ApiError::modified(entry.kind, key.name()))
    }

    /// One attempt to replace `old`; nothing when somebody else was faster.
    async fn replace(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        old: &Arc<Object>,
        mut old_draft: Draft,
        proposal: Proposal,
    ) -> Result<Option<Written>, ApiError> {
        let Target { entry, key, part, trusted, .. } = target;
        let Proposal { mut draft, mut warnings, managers, .. } = proposal;
        // They go their own way, so that nothing else has to carry them along.
        let known = old_draft.metadata_mut().managed_fields.take();
        let given = draft.metadata_mut().managed_fields.take();
        let given = given.filter(|_| part == Part::Main && !trusted);
        let (old_draft, instead) = (&old_draft, given_instead(given, known.as_ref()));
        if !trusted {
            metadata::carry_over(entry, key, part, &mut draft, old_draft)?;
            entry.strategy.prepare_update(&mut draft, old_draft, part);
            self.admit(context, entry, key, &mut draft, Some((old_draft, part))).await?;
        }
        if !trusted && entry.strategy.has_generation() && !entry.strategy.same_spec(&draft, old_draft) {
            let generation = old_draft.metadata().generation.unwrap_or(0);
            draft.metadata_mut().generation = Some(generation + 1);
        }
        warnings.extend(entry.strategy.warnings(&draft, Some(old_draft)));
        let finished = is_finished(entry, &draft);
        let given = (!finished).then_some(&mut draft);
        let mut claims = self.allocations.claim(&*self.store, Some(old_draft), given).await?;
        let (value, old_value) =
            (draft.value().map_err(unencodable)?, old_draft.value().map_err(unencodable)?);
        warnings.extend(unattended(entry, Some(&old_value), &value));
        let owners = Owners { known, instead, applied: managers };
        let Some(value) = self.with_owners(context, target, old_value, value, owners) else {
            return Ok(Some(Written { object: old.clone(), created: false, warnings }));
        };
        let encoded = Encoded::new(entry, &value)?;
        let store_key = entry.key(key);
        let commit = Commit::new().if_modified_at(store_key.clone(), old.revision());
        let commit = if finished {
            commit.delete(store_key.clone())
        } else {
            self.put(entry, commit, store_key.clone(), &encoded)
        };
        let commit = claims.join(commit, &store_key);
        match self.commit_unless(context.dry_run, commit).await {
            Ok(revision) => {
                if !context.dry_run {
                    claims.settle();
                }
                let object = encoded.at(entry, revision)?;
                Ok(Some(Written { object, created: false, warnings }))
            }
            Err(StoreError::Conflict(conflict)) => {
                claims.lose(&conflict.key);
                Ok(None)
            }
            Err(error) => Err(store_error(error)),
        }
    }

    /// The object as it is to be written, with its managers; nothing where that is what it is already.
    fn with_owners(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        mut old: Value,
        mut new: Value,
        owners: Owners,
    ) -> Option<Value> {
        let Target { entry, subresource, trusted, .. } = target;
        let Owners { known, instead, applied } = owners;
        if applied.is_some() {
            attach(&mut old, known.clone());
            attach(&mut new, instead.or(known));
            self.own(context, entry, subresource, Some(&old), &mut new, applied);
            return (new != old).then_some(new);
        }
        if new == old && instead.is_none() {
            return None;
        }
        attach(&mut new, instead.or(known));
        if !trusted {
            self.own(context, entry, subresource, Some(&old), &mut new, None);
        }
        Some(new)
    }
}

/// The managers of an object about to be written.
struct Owners {
    /// Those that it has.
    known: Option<Vec<ManagedFieldsEntry>>,
    /// Those that its writer names instead.
    instead: Option<Vec<ManagedFieldsEntry>>,
    /// Those that an apply makes of them.
    applied: Option<Managers>,
}

/// Whether the last thing that kept an object which is being deleted is gone.
pub(super) fn is_finished(entry: &KindEntry, draft: &Draft) -> bool {
    let metadata = draft.metadata();
    metadata.deletion_timestamp.is_some()
        && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
        && metadata.finalizers.as_deref().unwrap_or_default().is_empty()
        && !entry.strategy.is_held(draft)
}
