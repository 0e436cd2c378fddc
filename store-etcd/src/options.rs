//! How an etcd is reached.

use std::fmt;
use std::time::Duration;

/// Where the store is, and how to get in. Everything has a default but the endpoints:
///
/// ```
/// # use bireme_store_etcd::{Options, User};
/// let user = User { name: "bireme".into(), password: "secret".into() };
/// let options = Options { user: Some(user), ..Options::new(["http://10.0.0.1:2379"]) };
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The client URLs of some or all members of one cluster. Requests go to any of them that can be reached.
    pub endpoints: Vec<String>,
    /// What all keys begin with in etcd. The store's users do not see it, and nothing else of what is in etcd.
    /// Empty by default: keys lie where upstream's API server has them.
    pub prefix: String,
    /// With what `https` endpoints are trusted and satisfied.
    pub tls: Option<Tls>,
    /// Who the store is to an etcd with authentication.
    pub user: Option<User>,
    /// How long a request may take, with all its attempts, and how long a watch looks for a member that serves it.
    /// 10 seconds by default.
    pub request_timeout: Duration,
    /// A connection or watch that has been silent for this long is asked whether it is alive, and given up when it is
    /// silent for as long again. 10 seconds by default; etcd cuts off those who ask more often than every 5.
    pub keep_alive: Duration,
    /// etcd's `--max-request-bytes`, or less: the largest commit. 1.5 MiB by default, as etcd has it.
    pub request_bytes: usize,
}

impl Options {
    /// The defaults, for the members at `endpoints`.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: String::new(),
            tls: None,
            user: None,
            request_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(10),
            request_bytes: 3 << 19,
        }
    }
}

/// The two sides of TLS: whom the store trusts, and who it is. Certificates and keys are PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificates of the authorities that the members' certificates are signed by.
    pub authority: Vec<u8>,
    /// The store's own certificate, for members that ask for one.
    pub identity: Option<Identity>,
    /// The name that the members' certificates are for, where it is not the host of the endpoint.
    pub server_name: Option<String>,
}

/// A certificate and its private key, as PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, followed by those that lead to an authority.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// A user of an etcd with authentication, who must be allowed to read every key and to write those of the store.
#[derive(Clone)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The user's password.
    pub password: String,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let secret = || b"hidden".to_vec();
        let identity = Identity { certificate: secret(), key: secret() };
        let options = Options {
            user: Some(User { name: "bireme".into(), password: "hidden".into() }),
            tls: Some(Tls { authority: secret(), identity: Some(identity.clone()), server_name: None }),
            ..Options::new(["http://127.0.0.1:2379"])
        };
        let printed = format!("{options:?} {identity:?}");
        assert!(printed.contains("bireme") && !printed.contains("hidden"), "{printed}");
    }
}
