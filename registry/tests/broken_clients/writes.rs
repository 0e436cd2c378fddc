//! Faults in writing.

use std::sync::Arc;

use bireme_core::client::{
    Client as _, DeleteOptions, Deletion, FieldValidation, ListOptions, Part, Patch, Preconditions,
    WriteOptions,
};
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::selector::LabelSelector;
use bireme_core::store::Revision;
use k8s_openapi::api::core::v1::Binding;

use super::Broken;
use super::faults::Fault::*;

fn written(client: &Broken, options: &WriteOptions) -> WriteOptions {
    let mut options = options.clone();
    match client.fault {
        Some(WritesOnDryRuns) => options.dry_run = false,
        Some(WritesWithoutManagers) => options.manager = None,
        Some(WritesWithoutStrictness) => options.validation = FieldValidation::Ignore,
        _ => {}
    }
    options
}

fn part_for(client: &Broken, part: Part) -> Part {
    if client.has(WritesTheMainPartAlways) { Part::Main } else { part }
}

/// The error as a client with a fault tells it.
pub fn spoilt(client: &Broken, error: ApiError) -> ApiError {
    match client.fault {
        Some(HidesCauses) => ApiError::new(error.reason(), error.message()),
        Some(CallsEveryRefusalInternal) => ApiError::new(Reason::InternalError, error.message()),
        _ => error,
    }
}

pub async fn create(
    client: &Broken,
    object: &Object,
    options: &WriteOptions,
) -> Result<Arc<Object>, ApiError> {
    let options = written(client, options);
    match client.inner.create(object, &options).await {
        Err(error) if error.is_already_exists() && client.has(CreatesOver) => {
            client.inner.update(object, Part::Main, &options).await
        }
        answer => answer,
    }
}

pub async fn update(
    client: &Broken,
    object: &Object,
    part: Part,
    options: &WriteOptions,
) -> Result<Arc<Object>, ApiError> {
    let unconditional = object.at_revision(Revision::ZERO);
    let object = if client.has(UpdatesWithoutRevisions) { &unconditional } else { object };
    client.inner.update(object, part_for(client, part), &written(client, options)).await
}

pub async fn patch(
    client: &Broken,
    kind: Kind,
    key: &ObjectKey,
    part: Part,
    patch: &Patch,
    options: &WriteOptions,
) -> Result<Arc<Object>, ApiError> {
    let options = written(client, options);
    match patch {
        Patch::Merge(change) if client.has(PatchesInTwoSteps) => {
            let present = client.inner.get(kind, key).await?;
            tokio::task::yield_now().await;
            let mut value = present.value()?;
            json_patch::merge(&mut value, &serde_json::from_slice(change).unwrap());
            let wanted = Object::from_value(kind, value)?.at_revision(Revision::ZERO);
            client.inner.update(&wanted, part, &options).await
        }
        Patch::Apply { body, .. } if client.has(ForcesEveryApply) => {
            let forced = Patch::Apply { body: body.clone(), force: true };
            client.inner.patch(kind, key, part, &forced, &options).await
        }
        _ => client.inner.patch(kind, key, part_for(client, part), patch, &options).await,
    }
}

fn deleting(client: &Broken, options: &DeleteOptions) -> DeleteOptions {
    let mut options = options.clone();
    match client.fault {
        Some(DeletesWithoutPreconditions) => options.preconditions = Preconditions::default(),
        Some(DeletesWithoutPropagation) => options.propagation = None,
        Some(DeletesWithoutGrace) => options.grace_period_seconds = None,
        Some(DeletesOnDryRuns) => options.dry_run = false,
        _ => {}
    }
    options
}

pub async fn delete(
    client: &Broken,
    kind: Kind,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<Deletion, ApiError> {
    match client.inner.delete(kind, key, &deleting(client, options)).await? {
        Deletion::Marked(object) if client.has(TakesMarkedForGone) => {
            Ok(Deletion::Gone { uid: object.uid().to_owned(), last: Some(object) })
        }
        done => Ok(done),
    }
}

pub async fn delete_collection(
    client: &Broken,
    kind: Kind,
    list: &ListOptions,
    options: &DeleteOptions,
) -> Result<Vec<Deletion>, ApiError> {
    let mut list = list.clone();
    if client.has(DeletesWholeNamespaces) {
        list.labels = LabelSelector::everything();
    }
    client.inner.delete_collection(kind, &list, &deleting(client, options)).await
}

pub async fn bind(client: &Broken, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError> {
    let mut binding = binding.clone();
    if client.has(BindsWhateverHasTheName) {
        binding.metadata.uid = None;
    }
    client.inner.bind(pod, &binding).await
}
