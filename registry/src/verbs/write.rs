//! What create and update have in common: the way from a draft to a commit.

use std::sync::Arc;

use bireme_core::client::Part;
use bireme_core::error::{ApiError, Cause};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::store::{Commit, Key, Operation, Revision};
use bytes::Bytes;
use serde_json::Value;

use crate::admission::{AdmissionRequest, Operation as Action};
use crate::managed_fields::{self, Managers, Writer};
use crate::metadata;
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::resource::Draft;
use crate::table::KindEntry;

/// How often a write is tried again when somebody else is faster. Every failure means that somebody made
/// progress, so this is only reached by an endless stream of writes to one object.
pub(super) const ATTEMPTS: usize = 256;

/// An object that is ready to be committed.
pub(super) struct Encoded {
    /// As clients see it.
    pub(super) json: Bytes,
    /// As the store keeps it.
    pub(super) stored: Bytes,
}

impl Encoded {
    pub(super) fn new(entry: &KindEntry, value: &Value) -> Result<Self, ApiError> {
        Self::of(entry, serde_json::to_vec(value).map_err(unencodable)?)
    }

    fn of(entry: &KindEntry, json: Vec<u8>) -> Result<Self, ApiError> {
        // Without the room that was left for it to grow, since it is going to be kept.
        let json = json.into_boxed_slice().into();
        let stored = entry.codec().encode(&json)?;
        Ok(Self { json, stored })
    }

    pub(super) fn at(self, entry: &KindEntry, revision: Revision) -> Result<Arc<Object>, ApiError> {
        Ok(Arc::new(Object::decode(entry.kind, revision, self.json)?))
    }
}

/// What the author of a new or changed object is warned of when nothing acts on objects of its kind.
pub(super) fn unattended(entry: &KindEntry, old: Option<&Value>, new: &Value) -> Option<String> {
    let consequence = entry.strategy.unattended()?;
    let is_desired = |(name, _): &(&String, &Value)| !matches!(name.as_str(), "metadata" | "status");
    let desired = |value| Value::as_object(value).into_iter().flatten().filter(is_desired);
    let changed = old.is_none_or(|old| !desired(old).eq(desired(new)));
    let (version, kind) = (entry.kind.api_version(), entry.kind.name());
    changed.then(|| format!("bireme has no controller for {version} {kind} yet: {consequence}"))
}

pub(super) fn unencodable(error: serde_json::Error) -> ApiError {
    ApiError::internal("the object cannot be encoded", error)
}

impl Registry {
    /// The commit with an object put, which lives as long as its kind says if the store can see to it.
    pub(super) fn put(&self, entry: &KindEntry, mut commit: Commit, key: Key, object: &Encoded) -> Commit {
        let ttl = entry.strategy.time_to_live().filter(|_| self.store.limits().ttl);
        commit.operations.push(Operation::Put { key, value: object.stored.clone(), ttl });
        commit
    }

    /// On whose behalf something is written.
    pub(super) fn writer<'a>(
        &self,
        context: &'a RequestContext,
        api_version: &'a str,
        subresource: Option<&'a str>,
    ) -> Writer<'a> {
        Writer { manager: &context.manager, api_version, subresource, now: self.env.now() }
    }

    /// Records who wrote what: what the managers of an apply say, else what changed.
    pub(super) fn own(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        subresource: Option<&str>,
        old: Option<&Value>,
        new: &mut Value,
        managers: Option<Managers>,
    ) {
        let api_version = entry.kind.api_version();
        let writer = self.writer(context, &api_version, subresource);
        match managers {
            Some(managers) => managers.write(old, new, &writer),
            None => managed_fields::record(old, new, &writer, entry.strategy.schema()),
        }
    }

    /// The encoding of a new object, which has the managers that an apply says; else all of it is its author's.
    pub(super) fn encode_new(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        draft: &Draft,
        managers: Option<Managers>,
    ) -> Result<Encoded, ApiError> {
        if managers.is_some() {
            let mut value = draft.value().map_err(unencodable)?;
            self.own(context, entry, None, None, &mut value, managers);
            return Encoded::new(entry, &value);
        }
        let api_version = entry.kind.api_version();
        let writer = self.writer(context, &api_version, None);
        let json = draft.encode().map_err(unencodable)?;
        let owned = managed_fields::created(json, &writer, entry.strategy.schema());
        Encoded::of(entry, owned.map_err(unencodable)?)
    }

    /// Admission, defaults and all validation of an object about to be written.
    pub(super) async fn admit(
        &self,
        context: &RequestContext,
        entry: &KindEntry,
        key: &ObjectKey,
        draft: &mut Draft,
        old: Option<(&Draft, Part)>,
    ) -> Result<(), ApiError> {
        let operation = old.map_or(Action::Create, |(_, part)| Action::Update(part));
        let request = AdmissionRequest {
            operation,
            kind: entry.kind,
            key,
            identity: &context.identity,
            dry_run: context.dry_run,
            objects: self,
        };
        let strategy = &entry.strategy;
        strategy.default(draft);
        let mut mutated = false;
        for step in self.admission.iter().filter(|step| step.handles(&request)) {
            step.mutate(&request, draft).await?;
            mutated = true;
        }
        if mutated {
            strategy.default(draft);
        }
        let causes = faults(entry, draft, old);
        if !causes.is_empty() {
            return Err(ApiError::invalid(entry.kind, draft.name(), causes));
        }
        for step in self.admission.iter().filter(|step| step.handles(&request)) {
            step.validate(&request, Some(draft), old.map(|(old, _)| old)).await?;
        }
        Ok(())
    }
}

/// Everything that is wrong with an object, or with a change of one.
fn faults(entry: &KindEntry, draft: &Draft, old: Option<(&Draft, Part)>) -> Vec<Cause> {
    let mut causes = Vec::new();
    // A name that exists was valid once; the rules of another version must not make it immutable.
    if old.is_none() || old.is_some_and(|(_, part)| part == Part::Main) {
        metadata::validate(entry.strategy.name_rule(), draft.metadata(), &mut causes);
    }
    entry.strategy.validate(draft, &mut causes);
    if let Some((old, part)) = old {
        metadata::validate_update(draft.metadata(), old.metadata(), &mut causes);
        entry.strategy.validate_update(draft, old, part, &mut causes);
    }
    causes
}
