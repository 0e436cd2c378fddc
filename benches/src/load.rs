//! Requests over HTTPS with an administrator's certificate: one connection, one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use bireme_core::Environment;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::program::Program;

const JSON: &str = "application/json";

/// One connection.
pub(crate) struct Load {
    connection: Mutex<SendRequest<Full<Bytes>>>,
    host: String,
}

/// What came of many requests.
pub(crate) struct Done {
    pub(crate) rate: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Load {
    /// Connects.
    pub(crate) async fn open(program: &Program, env: &Environment) -> anyhow::Result<Load> {
        Load::connect(program, env, &connector(program)?).await
    }

    /// Connects so many times.
    pub(crate) async fn open_many(
        program: &Program,
        env: &Environment,
        count: usize,
    ) -> anyhow::Result<Vec<Load>> {
        let connector = connector(program)?;
        let mut loads = Vec::with_capacity(count);
        for _ in 0..count {
            loads.push(Load::connect(program, env, &connector).await?);
        }
        Ok(loads)
    }

    async fn connect(program: &Program, env: &Environment, tls: &TlsConnector) -> anyhow::Result<Load> {
        let stream = TcpStream::connect(program.address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(ServerName::from(program.address.ip()), stream).await.context("TLS")?;
        let (connection, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        env.spawn(async move {
            if let Err(error) = driver.await {
                eprintln!("a connection broke: {error}");
            }
        });
        Ok(Load { connection: Mutex::new(connection), host: program.address.to_string() })
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.send(Method::GET, path, JSON, Bytes::new()).await
    }

    /// Creates.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Bytes> {
        self.send(Method::POST, path, JSON, body.into()).await
    }

    /// Changes with a merge patch.
    pub(crate) async fn merge(&self, path: &str, patch: Vec<u8>) -> anyhow::Result<Bytes> {
        self.send(Method::PATCH, path, "application/merge-patch+json", patch.into()).await
    }

    /// Deletes, at once.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Bytes> {
        self.send(Method::DELETE, path, JSON, Bytes::from_static(br#"{"gracePeriodSeconds":0}"#)).await
    }

    async fn send(&self, method: Method, path: &str, content: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", content)
            .body(Full::new(body))?;
        let mut connection = self.connection.lock().await;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}

/// Creates `count` objects over the connections, as fast as they are answered.
pub(crate) async fn creates(
    loads: Vec<Load>,
    env: &Environment,
    count: usize,
    body: fn(usize) -> (String, Vec<u8>),
) -> anyhow::Result<Done> {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = env.instant();
    let tasks: Vec<_> =
        loads.into_iter().map(|load| env.spawn(work(load, next.clone(), env.clone(), count, body))).collect();
    let mut times = Vec::with_capacity(count);
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = count as f64 / env.instant().since(begin).as_secs_f64();
    times.sort_by(f64::total_cmp);
    let percentile =
        |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    Ok(Done { rate, p50_ms: percentile(0.5), p99_ms: percentile(0.99) })
}

async fn work(
    load: Load,
    next: Arc<AtomicUsize>,
    env: Environment,
    count: usize,
    body: fn(usize) -> (String, Vec<u8>),
) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(times);
        }
        let (path, body) = body(number);
        let begin = env.instant();
        load.post(&path, body).await?;
        times.push(env.instant().since(begin).as_secs_f64() * 1000.0);
    }
}

fn connector(program: &Program) -> anyhow::Result<TlsConnector> {
    let file = |name: &str| program.credentials.join(name);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.crt")).context("ca.crt")?)?;
    let certificate = CertificateDer::from_pem_file(file("admin.crt")).context("admin.crt")?;
    let key = PrivateKeyDer::from_pem_file(file("admin.key")).context("admin.key")?;
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)?;
    Ok(TlsConnector::from(Arc::new(config)))
}
