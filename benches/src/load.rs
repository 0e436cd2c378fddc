//! Requests over HTTPS with an administrator's certificate: one connection, one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use bireme_core::Environment;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::program::Program;

/// What is sent.
pub(crate) struct Request {
    method: Method,
    path: String,
    content: &'static str,
    pub(crate) body: Bytes,
}

impl Request {
    fn new(method: Method, path: &str, body: Bytes) -> Request {
        Request { method, path: path.to_owned(), content: "application/json", body }
    }

    /// Reads.
    pub(crate) fn get(path: &str) -> Request {
        Request::new(Method::GET, path, Bytes::new())
    }

    /// Creates.
    pub(crate) fn post(path: &str, body: Vec<u8>) -> Request {
        Request::new(Method::POST, path, body.into())
    }

    /// Replaces.
    pub(crate) fn put(path: &str, body: Vec<u8>) -> Request {
        Request::new(Method::PUT, path, body.into())
    }

    /// Changes with a merge patch.
    pub(crate) fn merge(path: &str, patch: Vec<u8>) -> Request {
        let request = Request::new(Method::PATCH, path, patch.into());
        Request { content: "application/merge-patch+json", ..request }
    }

    /// Deletes, at once.
    pub(crate) fn delete(path: &str) -> Request {
        Request::new(Method::DELETE, path, Bytes::from_static(br#"{"gracePeriodSeconds":0}"#))
    }
}

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
        self.send(Request::get(path)).await
    }

    /// Begins to read what does not end.
    pub(crate) async fn watch(&self, path: &str) -> anyhow::Result<Incoming> {
        let response = self.begin(Request::get(path)).await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{path}: {status}");
        }
        Ok(response.into_body())
    }

    /// Sends, and reads the whole answer.
    pub(crate) async fn send(&self, request: Request) -> anyhow::Result<Bytes> {
        let path = request.path.clone();
        let response = self.begin(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    async fn begin(&self, request: Request) -> anyhow::Result<Response<Incoming>> {
        let request = hyper::Request::builder()
            .method(request.method)
            .uri(request.path)
            .header("host", &self.host)
            .header("content-type", request.content)
            .body(Full::new(request.body))?;
        let mut connection = self.connection.lock().await;
        connection.ready().await?;
        Ok(connection.send_request(request).await?)
    }
}

/// The next bytes of a body; nothing at its end.
pub(crate) async fn next_bytes(body: &mut Incoming) -> anyhow::Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await.transpose()? {
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Sends `count` requests over the connections, as fast as they are answered.
pub(crate) async fn rush<F>(
    loads: Vec<Load>,
    env: &Environment,
    count: usize,
    request: F,
) -> anyhow::Result<Done>
where
    F: Fn(usize) -> Request + Send + Sync + 'static,
{
    let (next, request) = (Arc::new(AtomicUsize::new(0)), Arc::new(request));
    let begin = env.instant();
    let work = |load| env.spawn(work(load, next.clone(), env.clone(), count, request.clone()));
    let tasks: Vec<_> = loads.into_iter().map(work).collect();
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

async fn work<F: Fn(usize) -> Request>(
    load: Load,
    next: Arc<AtomicUsize>,
    env: Environment,
    count: usize,
    request: Arc<F>,
) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(times);
        }
        let request = request(number);
        let begin = env.instant();
        load.send(request).await?;
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
