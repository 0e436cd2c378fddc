//! What a node has of the certificates: its own, and the authority's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

use super::{Credential, PkiError, tls};

/// By what a node of another process knows the cluster's authority, and shows who it is.
#[derive(Clone, Debug)]
pub struct NodeCredential {
    authority: String,
    own: Credential,
}

impl NodeCredential {
    /// What is in the current context of a [`kubeconfig`](super::kubeconfig), which must have everything in it.
    ///
    /// # Errors
    ///
    /// When the text is not a kubeconfig, or has no authority or client certificate in it.
    pub fn from_kubeconfig(text: &str) -> Result<NodeCredential, PkiError> {
        let file: Kubeconfig = serde_norway::from_str(text)?;
        let context = named(&file.contexts, &file.current_context);
        let context = context.and_then(|context| context.context.as_ref());
        let context = context.ok_or(PkiError::Kubeconfig("a context"))?;
        let cluster = named(&file.clusters, &context.cluster).and_then(|cluster| cluster.cluster.as_ref());
        let user = named(&file.users, &context.user).and_then(|user| user.user.as_ref());
        let authority = cluster.and_then(|cluster| cluster.certificate_authority_data.as_deref());
        let certificate = user.and_then(|user| user.client_certificate_data.as_deref());
        let key = user.and_then(|user| user.client_key_data.as_deref());
        Ok(NodeCredential {
            authority: pem(authority, "certificate-authority-data")?,
            own: Credential {
                certificate: pem(certificate, "client-certificate-data")?,
                key: pem(key, "client-key-data")?,
            },
        })
    }

    /// How the node's own API speaks TLS: a client may show a certificate of the authority or none.
    ///
    /// # Errors
    ///
    /// When the certificates do not fit together.
    pub fn server_config(&self) -> Result<ServerConfig, PkiError> {
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes());
        tls::server(&authority.map_err(|_| PkiError::Certificate)?, &self.own)
    }
}

fn pem(data: Option<&str>, what: &'static str) -> Result<String, PkiError> {
    let bytes = data.and_then(|data| STANDARD.decode(data).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(PkiError::Kubeconfig(what))
}

fn named<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.name == name)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    clusters: Vec<Entry>,
    users: Vec<Entry>,
    contexts: Vec<Entry>,
    current_context: String,
}

/// A cluster, a user or a context.
#[derive(Deserialize)]
struct Entry {
    name: String,
    cluster: Option<Cluster>,
    user: Option<User>,
    context: Option<Context>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Pki, kubeconfig};
    use bireme_core::Environment;

    #[tokio::test]
    async fn a_node_finds_its_certificate_in_its_kubeconfig() {
        let pki = Pki::in_memory(&Environment::system(), &[]).unwrap();
        let credential = pki.node("n1").unwrap();
        let text = kubeconfig("bireme", "https://127.0.0.1:6443", pki.authority_pem(), &credential);
        let found = NodeCredential::from_kubeconfig(&text).unwrap();
        assert_eq!(found.authority, pki.authority_pem());
        assert_eq!(
            (found.own.certificate.clone(), found.own.key.clone()),
            (credential.certificate, credential.key)
        );
        found.server_config().unwrap();
    }

    #[test]
    fn what_a_kubeconfig_lacks_is_named() {
        let text = "{clusters: [], users: [], contexts: [], current-context: a}";
        let error = NodeCredential::from_kubeconfig(text).unwrap_err();
        assert!(matches!(error, PkiError::Kubeconfig("a context")), "{error}");
        let token = "
clusters: [{name: c, cluster: {server: 'https://192.0.2.1', certificate-authority-data: QQ==}}]
users: [{name: u, user: {token: secret}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x";
        let error = NodeCredential::from_kubeconfig(token).unwrap_err();
        assert!(matches!(error, PkiError::Kubeconfig("client-certificate-data")), "{error}");
        assert!(matches!(NodeCredential::from_kubeconfig("["), Err(PkiError::NoKubeconfig(_))));
    }
}
