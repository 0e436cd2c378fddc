//! The files of volumes that are made from objects.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use super::VolumeCause;
use crate::environment::{PodFacts, fields};
use crate::host::VolumeFile;
use crate::objects::{Fetched, config_map_entries};

/// The mode of a file for which nobody chose one.
const DEFAULT_MODE: i32 = 0o644;

/// All files of a volume. Of two for one path the later wins.
pub(super) fn files(
    volume: &Volume,
    facts: &PodFacts<'_>,
    objects: &Fetched,
) -> Result<Vec<VolumeFile>, VolumeCause> {
    let mut content = Content { facts, objects, default_mode: DEFAULT_MODE, files: BTreeMap::new() };
    if let Some(source) = &volume.config_map {
        content.default_mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        content.config_map(&source.name, source.items.as_deref(), source.optional == Some(true))?;
    }
    if let Some(source) = &volume.secret {
        content.default_mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        let name = source.secret_name.as_deref().unwrap_or_default();
        content.secret(name, source.items.as_deref(), source.optional == Some(true))?;
    }
    if let Some(source) = &volume.downward_api {
        content.default_mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        content.downward(source.items.as_deref().unwrap_or_default())?;
    }
    if let Some(source) = &volume.projected {
        content.default_mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        for projection in source.sources.iter().flatten() {
            content.projection(projection)?;
        }
    }
    Ok(content.files.into_values().collect())
}

struct Content<'a> {
    facts: &'a PodFacts<'a>,
    objects: &'a Fetched,
    default_mode: i32,
    files: BTreeMap<String, VolumeFile>,
}

impl Content<'_> {
    fn put(&mut self, path: &str, mode: Option<i32>, content: Vec<u8>) -> Result<(), VolumeCause> {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if path.is_empty() || path.starts_with("..") || !Path::new(path).components().all(inside) {
            return Err(VolumeCause::Path(path.to_owned()));
        }
        let mode = u32::try_from(mode.unwrap_or(self.default_mode)).unwrap_or(0) & 0o777;
        self.files.insert(path.to_owned(), VolumeFile { path: path.to_owned(), content, mode });
        Ok(())
    }

    fn config_map(
        &mut self,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: bool,
    ) -> Result<(), VolumeCause> {
        let Some(map) = self.objects.config_map(self.facts.pod, name, optional)? else { return Ok(()) };
        let Some(items) = items else {
            let entries: Vec<_> = config_map_entries(&map).collect();
            return entries.into_iter().try_for_each(|(key, value)| self.put(key, None, value));
        };
        for item in items {
            let value = self.objects.config_map_key(self.facts.pod, name, &item.key, optional)?;
            self.put_item(item, value)?;
        }
        Ok(())
    }

    fn secret(&mut self, name: &str, items: Option<&[KeyToPath]>, optional: bool) -> Result<(), VolumeCause> {
        let Some(secret) = self.objects.secret(self.facts.pod, name, optional)? else { return Ok(()) };
        let Some(items) = items else {
            let data = secret.data.iter().flatten();
            return data.into_iter().try_for_each(|(key, value)| self.put(key, None, value.0.clone()));
        };
        for item in items {
            let value = self.objects.secret_key(self.facts.pod, name, &item.key, optional)?;
            self.put_item(item, value)?;
        }
        Ok(())
    }

    fn put_item(&mut self, item: &KeyToPath, value: Option<Vec<u8>>) -> Result<(), VolumeCause> {
        value.map_or(Ok(()), |value| self.put(&item.path, item.mode, value))
    }

    fn downward(&mut self, items: &[DownwardAPIVolumeFile]) -> Result<(), VolumeCause> {
        for item in items {
            let value = match (&item.field_ref, &item.resource_field_ref) {
                (Some(field), _) => fields::field(self.facts, &field.field_path)?,
                (None, Some(resource)) => fields::resource(self.facts, resource, None)?,
                (None, None) => String::new(),
            };
            self.put(&item.path, item.mode, value.into_bytes())?;
        }
        Ok(())
    }

    fn projection(&mut self, source: &VolumeProjection) -> Result<(), VolumeCause> {
        if let Some(map) = &source.config_map {
            self.config_map(&map.name, map.items.as_deref(), map.optional == Some(true))?;
        }
        if let Some(secret) = &source.secret {
            self.secret(&secret.name, secret.items.as_deref(), secret.optional == Some(true))?;
        }
        if let Some(downward) = &source.downward_api {
            self.downward(downward.items.as_deref().unwrap_or_default())?;
        }
        if source.service_account_token.is_some() {
            return Err(VolumeCause::Unsupported("projected with a serviceAccountToken"));
        }
        if source.cluster_trust_bundle.is_some() {
            return Err(VolumeCause::Unsupported("projected with a clusterTrustBundle"));
        }
        Ok(())
    }
}
