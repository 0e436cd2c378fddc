//! The server on a socket: certificates, both versions of HTTP, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bireme_apiserver::Config;
use bireme_apiserver::pki::{Credential, Pki};
use bireme_core::Environment;
use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::rig::{CONFIG_MAPS, Rig};

/// A server that listens.
pub struct Listening {
    pub rig: Rig,
    pub pki: Pki,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub ended: JoinHandle<()>,
}

impl Listening {
    pub async fn new(config: Config) -> Listening {
        Listening::of(Rig::with(config).await).await
    }

    pub async fn of(rig: Rig) -> Listening {
        let pki = Pki::in_memory(&Environment::system(), &[]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let (server, tls) = (rig.server.clone(), pki.server_config().unwrap().into());
        let until = stop.clone();
        let ended = Environment::system().spawn(async move { server.serve(listener, tls, until).await });
        Listening { rig, pki, address, stop, ended }
    }

    /// A TLS connection of a client with this certificate, or none.
    pub async fn connect(&self, credential: Option<&Credential>, protocol: &str) -> TlsStream<TcpStream> {
        connect(&self.pki, self.address, "localhost", credential, &[protocol]).await
    }

    /// The same without a word on the version of HTTP.
    pub async fn connect_plainly(&self) -> TlsStream<TcpStream> {
        connect(&self.pki, self.address, "localhost", None, &[]).await
    }

    /// An HTTP/2 connection, for several requests.
    pub async fn http2(&self, credential: Option<&Credential>) -> http2::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.connect(credential, "h2").await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        drop(Environment::system().spawn(connection));
        sender
    }

    /// An HTTP/1.1 connection, for requests one after the other.
    pub async fn http1(&self, credential: Option<&Credential>) -> http1::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.connect(credential, "http/1.1").await);
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        drop(Environment::system().spawn(connection));
        sender
    }

    /// The same whose connection the answer can be given.
    pub async fn http1_upgradable(&self, credential: Option<&Credential>) -> http1::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.connect(credential, "http/1.1").await);
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        drop(Environment::system().spawn(connection.with_upgrades()));
        sender
    }

    async fn get(
        &self,
        credential: Option<&Credential>,
        version: Version,
        path: &str,
    ) -> http::Response<Incoming> {
        let request = get(path);
        if version == Version::HTTP_2 {
            self.http2(credential).await.send_request(request).await.unwrap()
        } else {
            self.http1(credential).await.send_request(request).await.unwrap()
        }
    }
}

/// A request for a path, as it goes over a socket.
pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap()
}

/// A TLS connection to a server of this name, of a client with this certificate or none.
pub async fn connect(
    pki: &Pki,
    address: SocketAddr,
    name: &'static str,
    credential: Option<&Credential>,
    protocols: &[&str],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority().credential().certificate_der().unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match credential {
        Some(credential) => {
            let chain = vec![credential.certificate_der().unwrap()];
            builder.with_client_auth_cert(chain, credential.key_der().unwrap()).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

#[tokio::test]
async fn a_certificate_says_who_asks_in_both_versions_of_http() {
    let listening = Listening::new(Config::default()).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let admin = listening.get(Some(listening.pki.admin()), version, CONFIG_MAPS).await;
        assert_eq!((admin.status(), admin.version()), (StatusCode::OK, version));
        let nobody = listening.get(None, version, CONFIG_MAPS).await;
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(listening.get(None, version, "/readyz").await.status(), StatusCode::OK);
        let node = listening.pki.node("n1").unwrap();
        let may = listening.get(Some(&node), version, "/api/v1/pods").await;
        assert_eq!(may.status(), StatusCode::OK);
        let may_not = listening.get(Some(&node), version, "/apis/apps/v1/deployments").await;
        assert_eq!(may_not.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_worth_nothing() {
    let listening = Listening::new(Config::default()).await;
    let other = Pki::in_memory(&Environment::system(), &[]).unwrap();
    let mut sender = listening.http1(Some(other.admin())).await;
    // The server breaks the connection off when it has seen the certificate.
    assert!(sender.send_request(get(CONFIG_MAPS)).await.is_err());
}

#[tokio::test]
async fn stopping_ends_watches_and_then_the_server() {
    let listening = Listening::new(Config::default()).await;
    let path = format!("{CONFIG_MAPS}?watch=true");
    let watch = listening.get(Some(listening.pki.admin()), Version::HTTP_2, &path).await;
    listening.stop.cancel();
    assert!(watch.into_body().collect().await.is_ok(), "the stream ends cleanly");
    let env = Environment::system();
    env.timeout(Duration::from_secs(5), listening.ended).await.unwrap().unwrap();
    assert!(TcpStream::connect(listening.address).await.is_err());
}
