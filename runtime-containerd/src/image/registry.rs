//! Pulling images from their registries.

use std::collections::HashMap;
use std::net::IpAddr;

use bireme_core::runtime::{Image, RegistryAuth, RuntimeError};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use oci_client::Reference;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth as Secret;
use serde::Deserialize;

use super::{Blob, Manifest, content, full_name, keep};
use crate::ContainerdRuntime;

/// How many layers come at once, as with containerd's own tools.
const AT_ONCE: usize = 3;

/// The kinds of descriptions that are understood: OCI's and Docker's, of one image and of one for each platform.
const ACCEPTED: &[&str] = &[
    super::MANIFEST,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// This machine's architecture by the name that images have for it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// Brings an image from its registry.
pub(crate) async fn pull(
    runtime: &ContainerdRuntime,
    reference: &str,
    auth: Option<&RegistryAuth>,
) -> Result<Image, RuntimeError> {
    let failed = |detail: String| RuntimeError::Pull { reference: reference.to_owned(), detail };
    let name = Reference::try_from(reference).map_err(|error| failed(error.to_string()))?;
    let client = client(&name).map_err(|error| failed(error.to_string()))?;
    let secret =
        auth.map_or(Secret::Anonymous, |auth| Secret::Basic(auth.username.clone(), auth.password.clone()));
    let refused = |error: oci_client::errors::OciDistributionError| failed(error.to_string());
    let (manifest, _) = client.pull_manifest_raw(&name, &secret, ACCEPTED).await.map_err(refused)?;
    let manifest = match serde_json::from_slice::<Manifest>(&manifest) {
        Ok(_) => manifest,
        Err(_) => {
            let chosen = of_this_platform(&manifest).map_err(failed)?;
            let one = name.clone_with_digest(chosen);
            client.pull_manifest_raw(&one, &secret, ACCEPTED).await.map_err(refused)?.0
        }
    };
    let parsed: Manifest =
        serde_json::from_slice(&manifest).map_err(|error| failed(format!("its manifest: {error}")))?;
    let mut config = Vec::new();
    let described = descriptor(&parsed.config);
    client.pull_blob(&name, &described, &mut config).await.map_err(refused)?;
    let fetches: Vec<_> = parsed.layers.iter().map(|layer| fetch(runtime, &client, &name, layer)).collect();
    stream::iter(fetches).buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await.map_err(
        |error| match error {
            RuntimeError::Pull { detail, .. } => failed(detail),
            other => other,
        },
    )?;
    keep(runtime, &full_name(reference), &manifest, &config).await
}

async fn fetch(
    runtime: &ContainerdRuntime,
    client: &Client,
    name: &Reference,
    layer: &Blob,
) -> Result<(), RuntimeError> {
    if content::is_present(&runtime.engine, &layer.digest, &HashMap::new()).await? {
        return Ok(());
    }
    let pieces = client.pull_blob_stream(name, &descriptor(layer)).await;
    let pieces =
        pieces.map_err(|error| RuntimeError::Pull { reference: name.whole(), detail: error.to_string() })?;
    let size = u64::try_from(layer.size).unwrap_or_default();
    content::write_stream(runtime, &layer.digest, size, pieces.stream.boxed(), HashMap::new()).await
}

fn descriptor(blob: &Blob) -> OciDescriptor {
    OciDescriptor {
        media_type: blob.media_type.clone(),
        digest: blob.digest.clone(),
        size: blob.size,
        ..OciDescriptor::default()
    }
}

/// The image for this machine among those for all platforms.
fn of_this_platform(index: &[u8]) -> Result<String, String> {
    let index: Index = serde_json::from_slice(index).map_err(|error| format!("its manifest: {error}"))?;
    let fits = |entry: &&Entry| {
        let platform = entry.platform.as_ref();
        platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == architecture())
    };
    let found = index.manifests.iter().find(fits);
    found
        .map(|entry| entry.digest.clone())
        .ok_or_else(|| format!("it has no image for linux/{}", architecture()))
}

fn client(name: &Reference) -> Result<Client, oci_client::errors::OciDistributionError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody who installs one at this very moment has made the choice.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let registry = name.resolve_registry();
    let plain = is_loopback(registry).then(|| registry.to_owned());
    let protocol = ClientProtocol::HttpsExcept(plain.into_iter().collect());
    Client::try_from(ClientConfig { protocol, ..ClientConfig::default() })
}

/// A registry on this machine is spoken to without TLS, as Docker does.
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_registry_on_this_machine_is_spoken_to_without_tls() {
        for plain in ["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            assert!(is_loopback(plain), "{plain}");
        }
        for tls in ["docker.io", "localhost.example.org:5000", "10.0.0.1:5000"] {
            assert!(!is_loopback(tls), "{tls}");
        }
    }

    #[test]
    fn the_image_of_this_platform_is_chosen() {
        let entry = |digest: &str, os: &str, architecture: &str| serde_json::json!({ "digest": digest, "platform": { "os": os, "architecture": architecture } });
        let index = |entries: Vec<serde_json::Value>| serde_json::json!({ "manifests": entries }).to_string();
        let both = index(vec![entry("a", "linux", "none"), entry("b", "linux", architecture())]);
        assert_eq!(of_this_platform(both.as_bytes()), Ok("b".to_owned()));
        let other = index(vec![entry("a", "plan9", architecture())]);
        assert!(of_this_platform(other.as_bytes()).unwrap_err().contains("no image for linux/"));
    }
}
