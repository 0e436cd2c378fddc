//! Images.

use bytes::Bytes;

/// An image that is present on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id, such as `sha256:…`.
    pub id: String,
    /// The references that name it: `repository:tag` and `repository@digest`.
    pub references: Vec<String>,
    /// Its size in bytes.
    pub size: u64,
}

/// Credentials for a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryAuth {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl std::fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryAuth").field("username", &self.username).finish_non_exhaustive()
    }
}

/// An image to be made from one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageImport {
    /// The name it gets, with a tag.
    pub reference: String,
    /// The root file system, as an uncompressed tar archive.
    pub layer: Bytes,
    /// What its containers run.
    pub entrypoint: Vec<String>,
    /// The arguments, unless the pod gives others.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}
