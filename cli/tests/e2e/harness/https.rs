//! Requests that kubectl would not send: raw HTTPS, with or without the administrator's certificate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::cluster::Cluster;

/// A slower answer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who asks.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Nobody in particular.
    None,
    /// Whoever has this bearer token.
    Token(&'a str),
    /// The administrator of the kubeconfig.
    Admin,
}

/// An answer with its body read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Cluster {
    /// Sends one request and reads the answer to its end.
    pub fn request(&self, who: Credential<'_>, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect(who);
        let authorization = match who {
            Credential::Token(token) => format!("Authorization: Bearer {token}\r\n"),
            _ => String::new(),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             {authorization}Content-Length: {}\r\n\r\n",
            self.address(),
            body.len(),
        );
        // A body that is too long may be refused before it has been sent to its end.
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let answer = read_to_end(stream);
        parse(&answer).unwrap_or_else(|| panic!("{method} {path} has no whole answer: {sent:?}, `{answer}`"))
    }

    fn connect(&self, who: Credential<'_>) -> StreamOwned<ClientConnection, TcpStream> {
        let tcp = TcpStream::connect(self.address()).expect("the API listens");
        tcp.set_read_timeout(Some(PATIENCE)).expect("a socket has time-outs");
        let host = self.address().rsplit_once(':').expect("an address has a port").0.to_owned();
        let name = ServerName::try_from(host).expect("an IP address is a server's name");
        let connection =
            ClientConnection::new(Arc::new(self.tls(who)), name).expect("the settings are sound");
        StreamOwned::new(connection, tcp)
    }

    fn tls(&self, who: Credential<'_>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let authority = self.kubeconfig_data(".clusters[0].cluster.certificate-authority-data");
        for certificate in CertificateDer::pem_slice_iter(&authority) {
            roots.add(certificate.expect("it is PEM")).expect("it is an authority's certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has the usual ciphers").with_root_certificates(roots);
        let Credential::Admin = who else { return builder.with_no_client_auth() };
        let certificates = self.kubeconfig_data(".users[0].user.client-certificate-data");
        let chain =
            CertificateDer::pem_slice_iter(&certificates).map(|each| each.expect("it is PEM")).collect();
        let key = PrivateKeyDer::from_pem_slice(&self.kubeconfig_data(".users[0].user.client-key-data"));
        builder.with_client_auth_cert(chain, key.expect("it is PEM")).expect("key and certificate fit")
    }

    fn kubeconfig_data(&self, path: &str) -> Vec<u8> {
        let text = self.kubectl().run(&format!("config view --raw --output=jsonpath='{{{path}}}'"));
        BASE64.decode(text.trim()).expect("the kubeconfig holds base64")
    }
}

/// Reads what has come, whatever has become of what was to be sent.
fn read_to_end(stream: StreamOwned<ClientConnection, TcpStream>) -> String {
    let StreamOwned { mut conn, mut sock } = stream;
    let mut bytes = Vec::new();
    while conn.read_tls(&mut sock).is_ok_and(|count| count > 0) && conn.process_new_packets().is_ok() {
        // Its error says that more may come, which the loop waits for.
        drop(conn.reader().read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { join_chunks(body)? } else { body.to_owned() };
    Some(Answer { status, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) })
}

fn join_chunks(mut text: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = text.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..length)?);
        text = rest.get(length + 2..)?;
    }
}
