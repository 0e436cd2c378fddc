//! Credentials for registries, from the pod's `imagePullSecrets`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Kind, ObjectKey};
use bireme_core::runtime::RegistryAuth;
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde::Deserialize;

use crate::pod::declared;
use crate::source::Configs;

/// Why credentials cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("secret {secret} holds no registry credentials: {source}")]
    Json { secret: ObjectKey, source: serde_json::Error },
}

/// What `docker login` writes.
#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    username: Option<String>,
    password: Option<String>,
    /// `username:password` in base64.
    auth: Option<String>,
}

/// The credentials of the pod's secrets that are for the registry of an image; the first ones that fit. A secret
/// that does not exist is passed over, as the image may need none.
pub(super) async fn for_image(
    pod: &Pod,
    image: &str,
    configs: &dyn Configs,
) -> Result<Option<RegistryAuth>, AuthError> {
    for reference in declared::spec(pod).image_pull_secrets.iter().flatten() {
        let key = ObjectKey::new(pod.metadata.namespace.as_deref(), &reference.name);
        let Some(object) = configs.fetch(Kind::of::<Secret>(), &key).await? else { continue };
        let secret = object.typed::<Secret>()?;
        let auths = auths(&secret).map_err(|source| AuthError::Json { secret: key, source })?;
        if let Some(auth) = matching(&auths, image) {
            return Ok(Some(auth));
        }
    }
    Ok(None)
}

fn auths(secret: &Secret) -> Result<BTreeMap<String, Entry>, serde_json::Error> {
    let data = |key: &str| secret.data.as_ref().and_then(|data| data.get(key));
    match (data(".dockerconfigjson"), data(".dockercfg")) {
        (Some(config), _) => Ok(serde_json::from_slice::<DockerConfig>(&config.0)?.auths),
        (None, Some(config)) => serde_json::from_slice(&config.0),
        (None, None) => Ok(BTreeMap::new()),
    }
}

/// The registry that a reference names: its first part, if that looks like a host.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// The host (and path) that an entry is for, without what clients write around it.
fn entry_host(server: &str) -> &str {
    let server = server.trim_start_matches("https://").trim_start_matches("http://");
    let server = server.trim_end_matches('/').trim_end_matches("/v1").trim_end_matches("/v2");
    if server == "index.docker.io" { "docker.io" } else { server }
}

/// The entry for the longest part of the image's name, if any.
fn matching(auths: &BTreeMap<String, Entry>, image: &str) -> Option<RegistryAuth> {
    let host = registry(image);
    let full = if image.starts_with(host) { image.to_owned() } else { format!("{host}/{image}") };
    let fits = |server: &str| {
        let rest = full.strip_prefix(entry_host(server));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
    };
    let best =
        auths.iter().filter(|(server, _)| fits(server)).max_by_key(|(server, _)| entry_host(server).len());
    best.and_then(|(_, entry)| credentials(entry))
}

fn credentials(entry: &Entry) -> Option<RegistryAuth> {
    if let (Some(username), Some(password)) = (&entry.username, &entry.password) {
        return Some(RegistryAuth { username: username.clone(), password: password.clone() });
    }
    let text = String::from_utf8(STANDARD.decode(entry.auth.as_deref()?).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(RegistryAuth { username: username.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(image: &str) -> Option<String> {
        let config = serde_json::json!({"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "registry.example:5000": {"username": "whole", "password": "x"},
            "registry.example:5000/team": {"username": "team", "password": "x"},
        }});
        let config: DockerConfig = serde_json::from_value(config).unwrap();
        matching(&config.auths, image).map(|auth| auth.username)
    }

    #[test]
    fn the_most_specific_entry_for_the_images_registry_is_used() {
        for (image, expected) in [
            ("busybox", Some("hub")),
            ("library/busybox:1", Some("hub")),
            ("registry.example:5000/app:1", Some("whole")),
            ("registry.example:5000/team/app:1", Some("team")),
            ("registry.example:5000/teamwork/app", Some("whole")),
            ("other.example/app", None),
        ] {
            assert_eq!(user(image).as_deref(), expected, "{image}");
        }
    }
}
