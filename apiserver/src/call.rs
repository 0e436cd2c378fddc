//! One request on its way through the server.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Cause, Reason};
use bireme_registry::RequestContext;
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, Method};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use crate::http::{BoxError, request};
use crate::query::Query;

/// The body of a request, whoever sends it.
///
/// Nobody ever locks it: the mutex makes requests `Sync`, so that handlers can share them across awaits.
pub(crate) type RequestBody = Mutex<Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>>;

/// A request of somebody who is known.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) identity: Identity,
    pub(crate) body: RequestBody,
    /// The connection, for those requests that take it over.
    pub(crate) upgrade: Option<OnUpgrade>,
}

impl Call {
    /// On whose behalf, and how, the registry is asked.
    pub(crate) fn context(&self) -> Result<RequestContext, ApiError> {
        Ok(RequestContext {
            identity: self.identity.clone(),
            manager: self.manager()?,
            dry_run: self.query.dry_run()?,
            validation: self.query.field_validation()?,
        })
    }

    /// Who owns what is written: the parameter, else the program's name in the user agent.
    fn manager(&self) -> Result<String, ApiError> {
        const MAX_LENGTH: usize = 128;
        if let Some(manager) = self.query.text("fieldManager") {
            let cause = if manager.len() > MAX_LENGTH {
                Cause::too_long("fieldManager", MAX_LENGTH)
            } else if manager.chars().any(char::is_control) {
                Cause::invalid("fieldManager", manager, "should only contain printable characters")
            } else {
                return Ok(manager.to_owned());
            };
            let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {cause}");
            return Err(ApiError::new(Reason::Invalid, message).with_causes([cause]));
        }
        let agent = self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let program = agent.split('/').next().unwrap_or_default();
        let program: String = program.chars().take(MAX_LENGTH).collect();
        Ok(if program.is_empty() { "unknown".to_owned() } else { program })
    }

    /// The body, whole and within the limit.
    pub(crate) async fn read_body(&mut self, env: &Environment) -> Result<Bytes, ApiError> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut();
        request::read_body(env, &self.headers, body).await
    }

    /// The body as JSON, whatever it was sent as.
    pub(crate) async fn read_json(&mut self, env: &Environment) -> Result<Bytes, ApiError> {
        let body = self.read_body(env).await?;
        request::to_json(request::media_type(&self.headers), body)
    }
}
