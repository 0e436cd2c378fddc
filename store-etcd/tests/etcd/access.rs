//! Getting in: certificates and passwords.

use std::path::Path;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{Commit, Store, StoreExt as _};
use bireme_store_etcd::{Error, EtcdStore, Identity, Options, Tls, User};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::cluster::{Cluster, open};
use super::machine::{etcdctl, is_ready};
use super::tasks::{commit, wait};

/// An authority, and a certificate of it for both sides of a connection.
fn certificates() -> (Vec<u8>, Identity) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &authority).unwrap().pem().into_bytes();
    (authority.pem().into_bytes(), Identity { certificate, key: key.serialize_pem().into_bytes() })
}

/// Opening a store that does not open.
async fn refused(options: Options) -> Error {
    let options = Options { request_timeout: Duration::from_secs(2), ..options };
    match EtcdStore::open(&options, &Environment::system()).await {
        Err(error) => error,
        Ok(_) => panic!("the store opens"),
    }
}

#[tokio::test]
async fn members_and_store_know_each_other_by_certificates() {
    if !is_ready() {
        return;
    }
    let (authority, identity) = certificates();
    let write = |folder: &Path| {
        let file = |name: &str, content: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (ca, certificate) = (file("ca", &authority), file("certificate", &identity.certificate));
        let key = file("key", &identity.key);
        let arguments = ["--client-cert-auth".to_owned()]
            .into_iter()
            .chain(["--trusted-ca-file".to_owned(), ca, "--cert-file".to_owned(), certificate])
            .chain(["--key-file".to_owned(), key]);
        ("https", arguments.collect())
    };
    let cluster = Cluster::start_with(1, write);
    let with = |authority: &[u8], identity: Option<Identity>| Options {
        tls: Some(Tls { authority: authority.to_vec(), identity, server_name: None }),
        ..cluster.options()
    };
    let store = open(&with(&authority, Some(identity.clone()))).await;
    let made = store.commit(Commit::new().put("/a".into(), "v".into())).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), made);
    for options in [with(&authority, None), with(&certificates().0, Some(identity))] {
        let error = refused(options).await;
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    }
}

/// Asks for passwords from now on.
fn lock(cluster: &Cluster) {
    let endpoint = cluster.endpoint(0);
    etcdctl(endpoint, &["user", "add", "root:secret"]);
    etcdctl(endpoint, &["role", "add", "root"]);
    etcdctl(endpoint, &["user", "grant-role", "root", "root"]);
    etcdctl(endpoint, &["auth", "enable"]);
}

fn as_root(cluster: &Cluster, password: &str) -> Options {
    Options { user: Some(User { name: "root".into(), password: password.into() }), ..cluster.options() }
}

#[tokio::test]
async fn a_store_logs_in_and_again_when_its_token_has_expired() {
    if !is_ready() {
        return;
    }
    let mut cluster = Cluster::start_with(1, |_| ("http", vec!["--auth-token-ttl".into(), "1".into()]));
    cluster.wait_for(0).await;
    lock(&cluster);
    for options in [cluster.options(), as_root(&cluster, "guessed")] {
        let error = refused(options).await;
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    }
    let store = open(&as_root(&cluster, "secret")).await;
    let put = || store.commit(Commit::new().put("/a".into(), "v".into()));
    let begin = put().await.unwrap();
    let mut watch = store.watch("/a".into(), begin).await.unwrap();
    let second = put().await.unwrap();
    assert_eq!(commit(&mut watch).await.revision, second);
    wait(3000).await;
    put().await.unwrap();
    commit(&mut watch).await;
    // A watch that is opened with a token that has expired is not told so in plain words.
    cluster.kill(0);
    cluster.restart(0);
    let another = open(&as_root(&cluster, "secret")).await;
    let last = another.commit(Commit::new().put("/a".into(), "last".into())).await.unwrap();
    wait(3000).await;
    assert_eq!(commit(&mut watch).await.revision, last);
}
