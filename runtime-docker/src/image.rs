//! Images: finding, pulling, importing, removing.

use bireme_core::runtime::{Image, ImageImport, RegistryAuth, RuntimeError};
use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::{
    CreateImageOptions, CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::DockerRuntime;
use crate::error::{is_not_found, message_of, status_of};

/// What an imported image was made from, so that a repeat can tell that nothing changed.
const SOURCE_LABEL: &str = "bireme.dev/source";

/// The image that a reference names.
pub(crate) async fn find(runtime: &DockerRuntime, reference: &str) -> Result<Option<Image>, RuntimeError> {
    Ok(inspect(runtime, reference).await?.map(image))
}

async fn inspect(runtime: &DockerRuntime, reference: &str) -> Result<Option<ImageInspect>, RuntimeError> {
    match runtime.docker.inspect_image(reference).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(runtime.failed("inspecting an image")(error)),
    }
}

/// All images.
pub(crate) async fn list(runtime: &DockerRuntime) -> Result<Vec<Image>, RuntimeError> {
    let options = ListImagesOptionsBuilder::new().all(false).build();
    let found = runtime.docker.list_images(Some(options)).await.map_err(runtime.failed("listing images"))?;
    let image = |summary: bollard::models::ImageSummary| Image {
        id: summary.id,
        references: [summary.repo_tags, summary.repo_digests].concat(),
        size: summary.size.try_into().unwrap_or_default(),
    };
    Ok(found.into_iter().map(image).collect())
}

/// Brings an image from its registry.
pub(crate) async fn pull(
    runtime: &DockerRuntime,
    reference: &str,
    auth: Option<&RegistryAuth>,
) -> Result<Image, RuntimeError> {
    // Without a tag the engine would pull every tag there is.
    let has_tag = reference.rsplit('/').next().is_some_and(|name| name.contains([':', '@']));
    let options = CreateImageOptionsBuilder::new().from_image(reference);
    let options = if has_tag { options } else { options.tag("latest") }.build();
    let credentials = auth.map(|auth| DockerCredentials {
        username: Some(auth.username.clone()),
        password: Some(auth.password.clone()),
        ..DockerCredentials::default()
    });
    let failed = |detail| RuntimeError::Pull { reference: reference.to_owned(), detail };
    let progress = runtime.docker.create_image(Some(options), None, credentials);
    progress.try_for_each(|_| async { Ok(()) }).await.map_err(|error| failed(message_of(&error)))?;
    find(runtime, reference)
        .await?
        .ok_or_else(|| failed("the engine pulled it and does not have it".to_owned()))
}

/// Makes an image of one layer, unless it is there already.
pub(crate) async fn import(runtime: &DockerRuntime, import: &ImageImport) -> Result<Image, RuntimeError> {
    let source = fingerprint(import);
    if let Some(found) = inspect(runtime, &import.reference).await? {
        let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
        if labels.and_then(|labels| labels.get(SOURCE_LABEL)) == Some(&source) {
            return Ok(image(found));
        }
    }
    let (repository, tag) = import.reference.rsplit_once(':').unwrap_or((&import.reference, "latest"));
    // Set by field: the builder joins nothing for `changes`, of which there are several.
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
        changes: changes(import, &source),
        ..CreateImageOptions::default()
    };
    let body = bollard::body_full(import.layer.clone());
    let progress = runtime.docker.create_image(Some(options), Some(body), None);
    progress.try_for_each(|_| async { Ok(()) }).await.map_err(runtime.failed("importing an image"))?;
    let found = find(runtime, &import.reference).await?;
    found.ok_or_else(|| RuntimeError::NotFound { what: "image", id: import.reference.clone() })
}

/// The engine's Dockerfile-like instructions for what is not in the layer.
fn changes(import: &ImageImport, source: &str) -> Vec<String> {
    let list = |items: &[String]| {
        let quoted: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
        format!("[{}]", quoted.join(","))
    };
    let mut changes = vec![format!("LABEL {SOURCE_LABEL}={source}")];
    if !import.entrypoint.is_empty() {
        changes.push(format!("ENTRYPOINT {}", list(&import.entrypoint)));
    }
    if !import.command.is_empty() {
        changes.push(format!("CMD {}", list(&import.command)));
    }
    changes.extend(import.env.iter().map(|(name, value)| format!("ENV {name}={value:?}")));
    changes
}

fn fingerprint(import: &ImageImport) -> String {
    let mut hash = Sha256::new();
    hash.update(&import.layer);
    hash.update(format!("{:?}{:?}{:?}", import.entrypoint, import.command, import.env));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes an image by its id.
pub(crate) async fn remove(runtime: &DockerRuntime, id: &str) -> Result<(), RuntimeError> {
    match runtime.docker.remove_image(id, None::<RemoveImageOptions>, None).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) if status_of(&error) == Some(409) => Err(RuntimeError::InUse(format!("the image {id}"))),
        Err(error) => Err(runtime.failed("removing an image")(error)),
    }
}

fn image(found: ImageInspect) -> Image {
    Image {
        id: found.id.unwrap_or_default(),
        references: [found.repo_tags.unwrap_or_default(), found.repo_digests.unwrap_or_default()].concat(),
        size: found.size.and_then(|size| size.try_into().ok()).unwrap_or_default(),
    }
}
