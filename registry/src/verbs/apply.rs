//! Server-side apply.

use std::sync::Arc;

use bireme_core::client::{FieldValidation, Part};
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::store::Revision;
use serde_json::Value;

use super::update::{Proposal, Target};
use super::write::{ATTEMPTS, unencodable};
use crate::apply::{ApplyError, Configuration, apply, unfit};
use crate::decode::receive;
use crate::metadata;
use crate::registry::Registry;
use crate::request::{Body, RequestContext, Written};
use crate::resource::Draft;
use crate::table::KindEntry;

impl Registry {
    /// Makes an object have what a configuration says, and creates it where it is not there.
    pub(super) async fn apply(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        body: &[u8],
        force: bool,
    ) -> Result<Written, ApiError> {
        let Target { entry, key, part, .. } = target;
        if part == Part::Finalize {
            let message = "the server does not allow this method on the requested resource";
            return Err(ApiError::new(Reason::MethodNotAllowed, message));
        }
        let configuration = Configuration::read(entry, key, part, body, context.validation)?;
        for _ in 0..ATTEMPTS {
            if let Some(written) = self.apply_to_present(context, target, &configuration, force).await? {
                return Ok(written);
            }
            if part != Part::Main {
                return Err(ApiError::not_found(entry.kind, key.name()));
            }
            match self.create_applied(context, target, &configuration).await {
                Err(error) if error.is_already_exists() => {}
                created => return created,
            }
        }
        Err(ApiError::modified(entry.kind, key.name()))
    }

    /// Makes an object that is there have what a configuration says; nothing where it is not.
    pub(super) async fn apply_to_present(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        configuration: &Configuration,
        force: bool,
    ) -> Result<Option<Written>, ApiError> {
        let propose = |_: &Arc<Object>, old: &mut Draft| {
            let live = old.value().map_err(unencodable)?;
            self.applied(context, target, Some(&live), configuration, force)
        };
        self.modify_present(context, target, propose).await
    }

    /// What an object is to become by a configuration.
    fn applied(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        live: Option<&Value>,
        configuration: &Configuration,
        force: bool,
    ) -> Result<Proposal, ApiError> {
        let Target { entry, key, subresource, .. } = target;
        let api_version = entry.kind.api_version();
        let writer = self.writer(context, &api_version, subresource);
        let applied = apply(live, &configuration.value, entry.strategy.schema(), &writer, force);
        let applied = applied.map_err(|error| match error {
            ApplyError::Fault(fault) => unfit(entry.kind, key, &fault),
            ApplyError::Conflicts(conflicts) => conflicts.into(),
        })?;
        let body = Body::Json(serde_json::to_vec(&applied.object).map_err(unencodable)?.into());
        // The configuration itself has been looked through.
        let received = receive(entry, &body, FieldValidation::Ignore)?;
        Ok(Proposal {
            draft: received.draft,
            revision: configuration.revision,
            warnings: configuration.warnings.clone(),
            managers: Some(applied.managers),
        })
    }

    async fn create_applied(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        configuration: &Configuration,
    ) -> Result<Written, ApiError> {
        let Target { entry, key, .. } = target;
        self.authorize_object(context, "create", entry.kind, key, None)?;
        let mut proposal = self.applied(context, target, None, configuration, false)?;
        check_new(entry, key, &proposal.draft, configuration.revision)?;
        metadata::place(entry, key.namespace(), &mut proposal.draft)?;
        self.create_draft(context, entry, proposal.draft, proposal.warnings, proposal.managers).await
    }
}

/// Refuses to create what is not the object that the request names, or what its author has seen before.
fn check_new(entry: &KindEntry, key: &ObjectKey, draft: &Draft, revision: Revision) -> Result<(), ApiError> {
    let name = key.name();
    match draft.name() {
        "" => {
            let why = format!("the name of the object ({name} based on URL) was undeterminable");
            return Err(ApiError::bad_request(format!("{why}: name must be provided")));
        }
        other if other != name => {
            let why = format!("the name of the object ({other}) does not match the name on the URL ({name})");
            return Err(ApiError::bad_request(why));
        }
        _ => {}
    }
    if let Some(uid) = draft.metadata().uid.as_deref().filter(|uid| !uid.is_empty()) {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(ApiError::conflict(entry.kind, name, why));
    }
    if revision != Revision::ZERO {
        return Err(ApiError::modified(entry.kind, name));
    }
    Ok(())
}
