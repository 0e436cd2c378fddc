//! TLS for probes and hooks, which believe any certificate: a probe asks whether a container is well, over a network
//! that is the pod's own, and containers mostly have certificates that nobody has signed for their address.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::node_access::ByteStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::TlsConnector;

/// Speaks TLS on a connection. `host` is what the request is for, a name or an address.
pub(super) async fn wrap(stream: Box<dyn ByteStream>, host: &str) -> io::Result<Box<dyn ByteStream>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let name = match host.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
    };
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

/// Believes whoever answers.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::ServerConfig;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsAcceptor;

    fn acceptor() -> TlsAcceptor {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["elsewhere.example.com".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    #[tokio::test]
    async fn a_certificate_of_somebody_else_that_nobody_signed_is_believed() {
        for host in ["10.0.0.1", "web.shop.svc"] {
            let (near, far) = tokio::io::duplex(4096);
            let serve = async {
                let mut stream = acceptor().accept(far).await.unwrap();
                let mut word = [0; 4];
                stream.read_exact(&mut word).await.unwrap();
                stream.write_all(b"pong").await.unwrap();
                stream.shutdown().await.unwrap();
                word
            };
            let ask = async {
                let mut stream = wrap(Box::new(near), host).await.unwrap();
                stream.write_all(b"ping").await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answer
            };
            let (answer, word) = futures::future::join(ask, serve).await;
            assert_eq!((&*answer, &word), ("pong", b"ping"));
        }
    }

    #[tokio::test]
    async fn who_does_not_speak_tls_is_an_error() {
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        assert!(wrap(Box::new(near), "10.0.0.1").await.is_err());
    }
}
