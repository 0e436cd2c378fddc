//! The certificates of a cluster, kept in a folder.

use std::path::{Path, PathBuf};

use bireme_core::Environment;
use bireme_core::client::Identity;
use rustls::{ClientConfig, ServerConfig};

use super::files::{make_folder, read, write_private};
use super::inspect::{is_for_name, is_good, is_lasting};
use super::tls;
use super::{Authority, Credential, PkiError};

/// The certificates of a cluster: its authority, the API server's, and the administrator's.
pub struct Pki {
    authority: Authority,
    server: Credential,
    admin: Credential,
    /// By which the API server says to nodes who it is.
    to_nodes: Credential,
    folder: Option<PathBuf>,
    env: Environment,
}

/// The names under which every API server can be reached.
const SERVER_NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The user who may do everything.
const ADMIN: &str = "kubernetes-admin";

/// The API server, for nodes.
const TO_NODES: &str = "kube-apiserver-kubelet-client";

impl Pki {
    /// New certificates that are kept nowhere. `names` are further host names and IP addresses of the server.
    ///
    /// # Errors
    ///
    /// When a name is not one.
    pub fn in_memory(env: &Environment, names: &[String]) -> Result<Pki, PkiError> {
        Self::make(None, env, names)
    }

    /// The certificates in a folder; those that are not there, run out within a month, or are not for all of the
    /// `names` are made anew. The private keys' files can be read by their owner alone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, or holds something else.
    pub fn open(folder: &Path, env: &Environment, names: &[String]) -> Result<Pki, PkiError> {
        Self::make(Some(make_folder(folder)?), env, names)
    }

    fn make(folder: Option<PathBuf>, env: &Environment, names: &[String]) -> Result<Pki, PkiError> {
        let at = folder.as_deref();
        let lasting = |found: &Credential| is_lasting(&found.certificate_der()?, env.now());
        let authority = match load(at, "ca", lasting)? {
            Some(found) => Authority::load(found, env)?,
            None => {
                let new = Authority::generate(env)?;
                save(at, "ca", new.credential())?;
                new
            }
        };
        let mut all: Vec<String> = SERVER_NAMES.iter().map(|name| (*name).to_owned()).collect();
        all.extend(names.iter().filter(|name| !SERVER_NAMES.contains(&name.as_str())).cloned());
        let server = issued(&authority, at, "apiserver", &all, env, || authority.server(&all))?;
        let admin = issued(&authority, at, "admin", &[], env, || authority.client(&Identity::admin(ADMIN)))?;
        let to_nodes = issued(&authority, at, "apiserver-kubelet-client", &[], env, || {
            authority.client(&Identity::admin(TO_NODES))
        })?;
        Ok(Pki { authority, server, admin, to_nodes, folder, env: env.clone() })
    }

    /// The authority's certificate in PEM, by which clients know the server.
    pub fn authority_pem(&self) -> &str {
        &self.authority.credential().certificate
    }

    /// The authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The administrator's certificate and key.
    pub fn admin(&self) -> &Credential {
        &self.admin
    }

    /// A node's certificate and key, by which its kubelet says who it is, to the API server as its client and as
    /// the server of the node's own API.
    ///
    /// # Errors
    ///
    /// When the name is not one of a node, or is one of the API server's, which the node could then pass for; or the certificate cannot be made or kept.
    pub fn node(&self, name: &str) -> Result<Credential, PkiError> {
        // The name becomes a file's.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
            return Err(PkiError::NodeName(name.to_owned()));
        }
        if is_for_name(&self.server.certificate_der()?, name)? {
            return Err(PkiError::ServerName(name.to_owned()));
        }
        let (file, names) = (format!("node-{name}"), [name.to_owned()]);
        issued(&self.authority, self.folder.as_deref(), &file, &names, &self.env, || {
            self.authority.node(name)
        })
    }

    /// How the server speaks TLS: HTTP/2 or HTTP/1.1, with a client certificate of the authority or none.
    ///
    /// # Errors
    ///
    /// When the certificates do not fit together.
    pub fn server_config(&self) -> Result<ServerConfig, PkiError> {
        tls::server(&self.authority.credential().certificate_der()?, &self.server)
    }

    /// How the API server speaks to nodes: it shows a certificate of an administrator, and knows a node by a
    /// certificate of the authority for the node's name.
    ///
    /// # Errors
    ///
    /// When the certificates do not fit together.
    pub fn node_client_config(&self) -> Result<ClientConfig, PkiError> {
        tls::client(&self.authority.credential().certificate_der()?, &self.to_nodes)
    }
}

/// The certificate of that name in the folder if it is still good, else a new one.
fn issued(
    authority: &Authority,
    folder: Option<&Path>,
    file: &str,
    names: &[String],
    env: &Environment,
    make: impl FnOnce() -> Result<Credential, PkiError>,
) -> Result<Credential, PkiError> {
    let root = authority.credential().certificate_der()?;
    let good = |found: &Credential| is_good(&found.certificate_der()?, &root, names, env.now());
    if let Some(found) = load(folder, file, good)? {
        return Ok(found);
    }
    let new = make()?;
    save(folder, file, &new)?;
    Ok(new)
}

fn load(
    folder: Option<&Path>,
    file: &str,
    is_good: impl FnOnce(&Credential) -> Result<bool, PkiError>,
) -> Result<Option<Credential>, PkiError> {
    let Some(folder) = folder else { return Ok(None) };
    let (certificate_path, key_path) = paths(folder, file);
    let (Some(certificate), Some(key)) = (read(&certificate_path)?, read(&key_path)?) else {
        return Ok(None);
    };
    let found = Credential { certificate, key };
    found.key_der().map_err(|_| PkiError::Content { path: key_path, wanted: "a private key in PEM" })?;
    let content = |error| match error {
        PkiError::Certificate => PkiError::Content { path: certificate_path, wanted: "a certificate in PEM" },
        other => other,
    };
    Ok(is_good(&found).map_err(content)?.then_some(found))
}

fn save(folder: Option<&Path>, file: &str, credential: &Credential) -> Result<(), PkiError> {
    let Some(folder) = folder else { return Ok(()) };
    let (certificate, key) = paths(folder, file);
    write_private(&key, &credential.key)?;
    write_private(&certificate, &credential.certificate)
}

fn paths(folder: &Path, file: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{file}.crt")), folder.join(format!("{file}.key")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::identity_of;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn names(extra: &[&str]) -> Vec<String> {
        extra.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_restart_finds_the_same_certificates() {
        let (env, folder) = (Environment::system(), tempfile::tempdir().unwrap());
        let first = Pki::open(&folder.path().join("pki"), &env, &names(&["10.96.0.1"])).unwrap();
        let node = first.node("n1").unwrap();
        let second = Pki::open(&folder.path().join("pki"), &env, &names(&["10.96.0.1"])).unwrap();
        assert_eq!(first.authority_pem(), second.authority_pem());
        assert_eq!(first.server.certificate, second.server.certificate);
        assert_eq!(first.admin.certificate, second.admin.certificate);
        assert_eq!(node.certificate, second.node("n1").unwrap().certificate);
        for file in std::fs::read_dir(folder.path().join("pki")).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_new_address_or_authority_makes_new_certificates() {
        let (env, folder) = (Environment::system(), tempfile::tempdir().unwrap());
        let first = Pki::open(folder.path(), &env, &[]).unwrap();
        let second = Pki::open(folder.path(), &env, &names(&["192.0.2.7", "cluster.example"])).unwrap();
        assert_eq!(first.authority_pem(), second.authority_pem());
        assert_ne!(first.server.certificate, second.server.certificate);
        assert_eq!(first.admin.certificate, second.admin.certificate);
        std::fs::remove_file(folder.path().join("ca.key")).unwrap();
        let third = Pki::open(folder.path(), &env, &[]).unwrap();
        assert_ne!(second.authority_pem(), third.authority_pem());
        assert_ne!(second.admin.certificate, third.admin.certificate);
        third.server_config().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn certificates_about_to_run_out_are_made_anew() {
        let (env, folder) = (Environment::simulated(1), tempfile::tempdir().unwrap());
        let first = Pki::open(folder.path(), &env, &[]).unwrap();
        env.sleep(Duration::from_secs(86_400 * 710)).await;
        let second = Pki::open(folder.path(), &env, &[]).unwrap();
        assert_eq!(first.authority_pem(), second.authority_pem());
        assert_ne!(first.admin.certificate, second.admin.certificate);
    }

    #[tokio::test]
    async fn certificates_say_who_their_holder_is() {
        let pki = Pki::in_memory(&Environment::system(), &[]).unwrap();
        let identity = |credential: &Credential| identity_of(&credential.certificate_der().unwrap()).unwrap();
        assert_eq!(identity(pki.admin()), Identity::admin("kubernetes-admin"));
        assert_eq!(identity(&pki.node("n1").unwrap()), Identity::node("n1"));
        assert_eq!(identity(&pki.to_nodes), Identity::admin("kube-apiserver-kubelet-client"));
    }

    #[tokio::test]
    async fn no_node_can_pass_for_the_api_server() {
        let pki = Pki::in_memory(&Environment::system(), &names(&["192.0.2.7"])).unwrap();
        for name in ["localhost", "LOCALHOST", "kubernetes.default", "192.0.2.7"] {
            assert!(matches!(pki.node(name), Err(PkiError::ServerName(_))), "{name}");
        }
        assert!(matches!(pki.node("*"), Err(PkiError::NodeName(_))));
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_named() {
        let (env, folder) = (Environment::system(), tempfile::tempdir().unwrap());
        Pki::open(folder.path(), &env, &[]).unwrap();
        std::fs::write(folder.path().join("admin.crt"), "nonsense").unwrap();
        let error = Pki::open(folder.path(), &env, &[]).err().unwrap();
        assert!(matches!(error, PkiError::Content { .. }), "{error}");
    }
}
