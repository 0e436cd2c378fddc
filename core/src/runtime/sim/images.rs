//! Images of a simulated engine: names with an id and a size made from them.

use std::collections::BTreeMap;

use crate::runtime::{Image, ImageImport, RuntimeError};

/// FNV-1a: an id must be the same in every run, and nothing more.
fn hash(parts: &[&[u8]]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, step)
}

fn id(parts: &[&[u8]]) -> String {
    let hash = hash(parts);
    format!("sha256:{hash:016x}{:016x}{:016x}{:016x}", !hash, hash.rotate_left(17), hash.rotate_left(31))
}

/// The image that a registry of the simulation has for a reference: any image, of ten megabytes.
pub(super) fn named(reference: &str) -> Image {
    Image { id: id(&[reference.as_bytes()]), references: vec![reference.to_owned()], size: 10_000_000 }
}

/// The image that an archive and its settings make.
pub(super) fn imported(import: &ImageImport) -> Image {
    let settings = format!("{:?}{:?}{:?}", import.entrypoint, import.command, import.env);
    Image {
        id: id(&[&import.layer, settings.as_bytes()]),
        references: vec![import.reference.clone()],
        size: import.layer.len() as u64,
    }
}

/// Each image once, with all its references.
pub(super) fn distinct(images: &BTreeMap<String, Image>) -> Vec<Image> {
    let mut distinct: BTreeMap<&str, Image> = BTreeMap::new();
    for (reference, image) in images {
        let entry =
            distinct.entry(&image.id).or_insert_with(|| Image { references: Vec::new(), ..image.clone() });
        entry.references.push(reference.clone());
    }
    distinct.into_values().collect()
}

pub(super) fn missing(reference: &str) -> RuntimeError {
    RuntimeError::NotFound { what: "image", id: reference.to_owned() }
}
