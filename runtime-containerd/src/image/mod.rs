//! Images: finding, listing, importing, removing; [`registry`] pulls them.

mod content;
pub(crate) mod registry;
mod unpack;

use std::collections::{BTreeMap, HashMap};

use bireme_core::runtime::{Image, ImageImport, RuntimeError};
use containerd_client::services::v1 as services;
use containerd_client::types::Descriptor;
use oci_client::Reference;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::ContainerdRuntime;
use crate::engine::Engine;
use crate::error::{found, made};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What an image says of its containers, as the OCI image specification names it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Settings {
    pub(crate) entrypoint: Option<Vec<String>>,
    pub(crate) cmd: Option<Vec<String>>,
    pub(crate) env: Option<Vec<String>>,
    pub(crate) working_dir: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) stop_signal: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    config: Settings,
    rootfs: RootFs,
}

#[derive(Clone, Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    media_type: Option<String>,
    pub(super) config: Blob,
    pub(super) layers: Vec<Blob>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: i64,
}

impl Blob {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.size,
            ..Default::default()
        }
    }
}

/// An image that containers can be made of.
pub(crate) struct Present {
    /// Its id: the digest of its configuration.
    pub(crate) id: String,
    /// The snapshot of its file system.
    pub(crate) chain: String,
    pub(crate) settings: Settings,
}

pub(super) fn digest(bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}")
}

/// The name of the snapshot that these layers make, one on top of the other, as the OCI image specification has it.
pub(super) fn chain_id(diff_ids: &[String]) -> String {
    let mut ids = diff_ids.iter();
    let first = ids.next().cloned().unwrap_or_default();
    ids.fold(first, |chain, layer| digest(format!("{chain} {layer}").as_bytes()))
}

/// The full name of a reference: `busybox` is `docker.io/library/busybox:latest`. One that is no reference is itself.
pub(crate) fn full_name(reference: &str) -> String {
    Reference::try_from(reference).map_or_else(|_| reference.to_owned(), |parsed| parsed.whole())
}

/// The image that a reference or an id names.
async fn stored(engine: &Engine, reference: &str) -> Result<Option<services::Image>, RuntimeError> {
    let request = services::GetImageRequest { name: full_name(reference) };
    let answer = found(engine.images().get(request).await).map_err(engine.failed("looking for an image"))?;
    if let Some(image) = answer.and_then(|answer| answer.into_inner().image) {
        return Ok(Some(image));
    }
    if !reference.starts_with("sha256:") {
        return Ok(None);
    }
    for image in every(engine).await? {
        if manifest(engine, &image).await?.is_some_and(|manifest| manifest.config.digest == reference) {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

async fn every(engine: &Engine) -> Result<Vec<services::Image>, RuntimeError> {
    let answer = engine.images().list(services::ListImagesRequest::default()).await;
    Ok(answer.map_err(engine.failed("listing images"))?.into_inner().images)
}

async fn manifest(engine: &Engine, image: &services::Image) -> Result<Option<Manifest>, RuntimeError> {
    let Some(target) = &image.target else { return Ok(None) };
    content::read_json(engine, &target.digest).await
}

/// What containers of the image are made of; `None` when it is not whole here.
pub(crate) async fn open(engine: &Engine, reference: &str) -> Result<Option<Present>, RuntimeError> {
    let Some(image) = stored(engine, reference).await? else { return Ok(None) };
    let Some(manifest) = manifest(engine, &image).await? else { return Ok(None) };
    let Some(config) = content::read_json::<Config>(engine, &manifest.config.digest).await? else {
        return Ok(None);
    };
    let chain = chain_id(&config.rootfs.diff_ids);
    Ok(Some(Present { id: manifest.config.digest, chain, settings: config.config }))
}

/// The image that a reference names.
pub(crate) async fn find(engine: &Engine, reference: &str) -> Result<Option<Image>, RuntimeError> {
    let Some(image) = stored(engine, reference).await? else { return Ok(None) };
    Ok(manifest(engine, &image).await?.map(|manifest| shown(&image, &manifest)))
}

fn shown(image: &services::Image, manifest: &Manifest) -> Image {
    let mut references = vec![image.name.clone()];
    if let (Ok(name), Some(target)) = (Reference::try_from(image.name.as_str()), &image.target)
        && name.digest().is_none()
    {
        references.push(format!("{}/{}@{}", name.registry(), name.repository(), target.digest));
    }
    let size: i64 = manifest.layers.iter().map(|layer| layer.size).sum();
    let size = size.saturating_add(manifest.config.size).try_into().unwrap_or_default();
    Image { id: manifest.config.digest.clone(), references, size }
}

/// All images, each once with all its references.
pub(crate) async fn list(engine: &Engine) -> Result<Vec<Image>, RuntimeError> {
    let mut images: BTreeMap<String, Image> = BTreeMap::new();
    for image in every(engine).await? {
        // One whose content is gone is no image.
        let Some(manifest) = manifest(engine, &image).await? else { continue };
        let image = shown(&image, &manifest);
        match images.get_mut(&image.id) {
            Some(known) => known.references.extend(image.references),
            None => drop(images.insert(image.id.clone(), image)),
        }
    }
    Ok(images.into_values().collect())
}

/// Makes an image of one layer, unless it is there already.
pub(crate) async fn import(runtime: &ContainerdRuntime, import: &ImageImport) -> Result<Image, RuntimeError> {
    let layer = digest(&import.layer);
    let config = json!({
        "architecture": registry::architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": import.entrypoint,
            "Cmd": import.command,
            "Env": import.env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() },
        "layers": [{ "mediaType": LAYER, "digest": layer, "size": import.layer.len() }],
    });
    let manifest = manifest.to_string().into_bytes();
    let engine = &runtime.engine;
    let name = full_name(&import.reference);
    if let Some(image) = stored(engine, &name).await?
        && image.target.as_ref().is_some_and(|target| target.digest == digest(&manifest))
        && let Some(found) = find(engine, &name).await?
    {
        return Ok(found);
    }
    content::write(runtime, &layer, import.layer.clone(), HashMap::new()).await?;
    keep(runtime, &name, &manifest, &config).await
}

/// Unpacks the layers of an image, whose content is here, and names it.
pub(super) async fn keep(
    runtime: &ContainerdRuntime,
    name: &str,
    manifest: &[u8],
    config: &[u8],
) -> Result<Image, RuntimeError> {
    let engine = &runtime.engine;
    let invalid = |error: serde_json::Error| RuntimeError::Pull {
        reference: name.to_owned(),
        detail: format!("its description cannot be read: {error}"),
    };
    let parsed: Manifest = serde_json::from_slice(manifest).map_err(invalid)?;
    let settings: Config = serde_json::from_slice(config).map_err(invalid)?;
    let diff_ids = &settings.rootfs.diff_ids;
    unpack::layers(runtime, &parsed.layers, diff_ids).await?;
    let snapshot = (format!("containerd.io/gc.ref.snapshot.{}", engine.snapshotter), chain_id(diff_ids));
    content::write(runtime, &digest(config), config.to_vec().into(), HashMap::from([snapshot])).await?;
    let parts = std::iter::once(&parsed.config).chain(&parsed.layers).enumerate();
    let labels = parts
        .map(|(index, blob)| (format!("containerd.io/gc.ref.content.{index}"), blob.digest.clone()))
        .collect();
    content::write(runtime, &digest(manifest), manifest.to_vec().into(), labels).await?;
    let target = Descriptor {
        media_type: parsed.media_type.clone().unwrap_or_else(|| MANIFEST.to_owned()),
        digest: digest(manifest),
        size: i64::try_from(manifest.len()).unwrap_or(i64::MAX),
        ..Default::default()
    };
    let image = services::Image { name: name.to_owned(), target: Some(target), ..Default::default() };
    let request = services::CreateImageRequest { image: Some(image.clone()), ..Default::default() };
    let created = made(engine.images().create(request).await).map_err(engine.failed("naming an image"))?;
    if created.is_none() {
        let request = services::UpdateImageRequest { image: Some(image.clone()), ..Default::default() };
        engine.images().update(request).await.map_err(engine.failed("naming an image"))?;
    }
    Ok(shown(&image, &parsed))
}

/// Removes every name of an image; what it consists of goes with the last one.
pub(crate) async fn remove(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    let engine = &runtime.engine;
    let answer = engine.containers().list(services::ListContainersRequest::default()).await;
    let containers = answer.map_err(engine.failed("listing containers"))?.into_inner().containers;
    if containers.iter().any(|container| crate::labels::image_id(&container.labels) == Some(id)) {
        return Err(RuntimeError::InUse(format!("the image {id}")));
    }
    for image in every(engine).await? {
        if manifest(engine, &image).await?.is_some_and(|manifest| manifest.config.digest == id) {
            let request = services::DeleteImageRequest { name: image.name, sync: true, ..Default::default() };
            found(engine.images().delete(request).await).map_err(engine.failed("removing an image"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_reference_has_a_full_name() {
        assert_eq!(full_name("busybox"), "docker.io/library/busybox:latest");
        assert_eq!(full_name("localhost:5000/shop:2"), "localhost:5000/shop:2");
    }

    #[test]
    fn a_chain_is_named_after_all_its_layers() {
        let [a, b] = ["sha256:aa", "sha256:bb"].map(str::to_owned);
        assert_eq!(chain_id(std::slice::from_ref(&a)), a);
        assert_eq!(chain_id(&[a.clone(), b.clone()]), digest(b"sha256:aa sha256:bb"));
        assert_ne!(chain_id(&[a.clone(), b.clone()]), chain_id(&[b, a]));
    }
}
