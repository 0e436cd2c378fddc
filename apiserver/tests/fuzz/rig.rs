//! A server in this process, and what must hold whatever it is sent.

use std::sync::Arc;
use std::time::Duration;

use bireme_apiserver::{ApiServer, ApiService, Config};
use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_core::store::{MemoryStore, Revision, StoreExt as _};
use bireme_registry::{BootstrapOptions, Registry, RegistryOptions};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower_service::Service as _;

/// No request may take longer, not even in a build without optimisation on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// What the whole process may have had in memory at any time.
const LARGEST: u64 = 1 << 30;

/// A request.
pub struct Sent {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Sent {
    pub fn new(method: Method, path: String) -> Sent {
        Sent { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Sent {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn body(mut self, media: &str, body: Vec<u8>) -> Sent {
        self.body = body;
        self.header("content-type", media)
    }

    /// Nothing where it is not even HTTP: then no server is asked.
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(self.body.clone().into())).ok()
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = self.body.escape_ascii();
        write!(f, "{} {} {:?}\n{body}", self.method, self.path, self.headers)
    }
}

pub struct Rig {
    pub env: Environment,
    store: Arc<MemoryStore>,
    service: ApiService,
}

impl Rig {
    pub async fn new() -> Rig {
        let (env, store) = (Environment::system(), Arc::new(MemoryStore::new()));
        let registry = Registry::open(store.clone(), env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let server = ApiServer::new(registry, Config::default(), env.clone());
        Rig { env, store, service: server.service_as(Identity::admin("tester")) }
    }

    pub async fn answer(&self, sent: &Sent) -> Option<(StatusCode, HeaderMap, Bytes)> {
        let reply = self.service.clone().call(sent.request()?).await.unwrap_or_else(|never| match never {});
        let (parts, body) = reply.into_parts();
        Some((parts.status, parts.headers, body.collect().await.unwrap().to_bytes()))
    }

    async fn revision(&self) -> Revision {
        self.store.revision().await.unwrap()
    }

    /// Sends a request, none of which may change anything; whether it was accepted.
    pub async fn survives(&self, sent: &Sent, seed: u64) -> bool {
        let (before, begin) = (self.revision().await, self.env.instant());
        let answer = self.env.timeout(LONGEST, self.answer(sent)).await;
        let Ok(answer) = answer else { panic!("seed {seed}: no answer within {LONGEST:?}\n{sent}") };
        let Some((code, headers, body)) = answer else { return false };
        let took = self.env.instant().since(begin);
        assert!(took < LONGEST, "seed {seed}: {took:?}\n{sent}");
        assert_eq!(self.revision().await, before, "seed {seed}: something was changed\n{sent}");
        let text = String::from_utf8_lossy(&body);
        // A revision that is yet to come is waited for, and then is the client's fault in all but the number.
        let is_ahead = code == StatusCode::GATEWAY_TIMEOUT && text.contains("Too large resource version");
        let is_fine = code.as_u16() < 500 || code == StatusCode::NOT_IMPLEMENTED || is_ahead;
        assert!(is_fine, "seed {seed}: {code}: {text}\n{sent}");
        let is_json = headers.get("content-type").is_some_and(|media| media == "application/json");
        if code.as_u16() >= 400 && sent.method != Method::HEAD && is_json {
            let status: Value = serde_json::from_slice(&body)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}: {text}\n{sent}"));
            assert_eq!(status["kind"], "Status", "seed {seed}: {text}\n{sent}");
            assert_eq!(status["code"], code.as_u16(), "seed {seed}: {text}\n{sent}");
            assert!(
                status["message"].as_str().is_some_and(|why| !why.is_empty()),
                "seed {seed}: {text}\n{sent}"
            );
        }
        code.is_success()
    }

    /// It still serves, and has not grown beyond bounds.
    pub async fn is_as_before(&self) {
        let (code, ..) = self.answer(&Sent::new(Method::GET, "/readyz".to_owned())).await.unwrap();
        assert_eq!(code, StatusCode::OK);
        let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kibibytes * 1024 < LARGEST, "{kibibytes} KiB");
    }
}
