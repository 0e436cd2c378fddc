//! The Kubernetes REST API over bireme's registry.
//!
//! An [`ApiServer`] turns HTTP requests into calls of a [`Registry`](bireme_registry::Registry) and their results
//! into answers; it knows nothing about any kind that the kind's description does not say. It can be listened
//! to over TLS ([`ApiServer::serve`]) or called in the same process ([`ApiServer::service`]).
//!
//! ```no_run
//! # async fn example(registry: std::sync::Arc<bireme_registry::Registry>) -> Result<(), Box<dyn std::error::Error>> {
//! use bireme_apiserver::{ApiServer, Config, pki::Pki};
//! use bireme_core::Environment;
//! use tokio_util::sync::CancellationToken;
//!
//! let env = Environment::system();
//! let pki = Pki::in_memory(&env, &[])?;
//! let server = ApiServer::new(registry, Config::default(), env);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:6443").await?;
//! let stop = CancellationToken::new();
//! server.serve(listener, pki.server_config()?.into(), stop).await;
//! # Ok(())
//! # }
//! ```

mod activity;
pub mod authenticate;
mod call;
mod discovery;
mod health;
mod http;
mod kinds;
mod limits;
mod listen;
mod metrics;
mod negotiate;
pub mod node;
mod openapi;
mod pipe;
pub mod pki;
mod present;
pub mod protobuf;
mod query;
mod resource;
mod route;
mod server;
mod service;
mod streaming;
mod version;

pub use crate::http::{BoxError, Reply, ReplyBody};
pub use limits::Limits;
pub use server::{ApiServer, Config};
pub use service::ApiService;
pub use version::git_version;
