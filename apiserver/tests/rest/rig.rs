//! A server on a store in memory, and a client that calls it without a socket.

use std::sync::Arc;

use bireme_apiserver::{ApiServer, ApiService, Config, Reply};
use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, Registry, RegistryOptions};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower_service::Service;

pub struct Rig {
    pub server: ApiServer,
    service: ApiService,
}

/// An answer that has been read to its end.
pub struct Answer {
    pub code: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body, if the code is the expected one.
    pub fn expect(&self, code: u16) -> Value {
        assert_eq!(self.code.as_u16(), code, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Rig {
    pub async fn new() -> Rig {
        Rig::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Rig {
        Rig::configured(|_| config).await
    }

    /// A server whose configuration needs what it serves.
    pub async fn configured(config: impl FnOnce(&Arc<Registry>) -> Config) -> Rig {
        let env = Environment::system();
        let store = Arc::new(MemoryStore::new());
        let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let config = config(&registry);
        let server = ApiServer::new(registry, config, env);
        let service = server.service_as(Identity::admin("tester"));
        Rig { server, service }
    }

    /// The answer as it comes, for streams.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> Reply {
        self.service.clone().call(request).await.unwrap_or_else(|never| match never {})
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        read(self.open(request).await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, "", "")).await
    }

    pub async fn get_as(&self, path: &str, accept: &str) -> Answer {
        let mut request = request(Method::GET, path, "", "");
        request.headers_mut().insert("accept", accept.parse().unwrap());
        self.send(request).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(request(Method::POST, path, "application/json", body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(request(Method::PUT, path, "application/json", body.to_string())).await
    }

    pub async fn patch(&self, path: &str, kind: &str, body: &str) -> Answer {
        self.send(request(Method::PATCH, path, kind, body.to_owned())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(request(Method::DELETE, path, "", "")).await
    }

    /// Creates a ConfigMap in the default namespace.
    pub async fn config_map(&self, name: &str) -> Value {
        self.post(CONFIG_MAPS, &config_map(name)).await.expect(201)
    }
}

pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

pub fn config_map(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app": name}}, "data": {"key": "value"},
    })
}

pub fn request(method: Method, path: &str, media: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if !media.is_empty() {
        request = request.header("content-type", media);
    }
    request.body(Full::new(body.into())).unwrap()
}

pub async fn read(reply: Reply) -> Answer {
    let (parts, body) = reply.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { code: parts.status, headers: parts.headers, body }
}
