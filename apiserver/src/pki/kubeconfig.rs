//! The file by which clients find the server and say who they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Credential;

/// A kubeconfig for one user of one cluster, with everything in it. Keep it in a file of mode 0600
/// ([`write_private`](super::write_private)).
///
/// `name` becomes the name of cluster, user and context; it is made of letters, digits and dashes.
pub fn kubeconfig(name: &str, server: &str, authority_pem: &str, credential: &Credential) -> String {
    let encode = |pem: &str| STANDARD.encode(pem);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {}
users:
- name: {name}
  user:
    client-certificate-data: {}
    client-key-data: {}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
current-context: {name}
",
        encode(authority_pem),
        encode(&credential.certificate),
        encode(&credential.key)
    )
}
