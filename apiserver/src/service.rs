//! The way of every request: who asks, what for, whether there is room; then the handler; then the answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Reason};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use hyper::upgrade::OnUpgrade;
use tower_service::Service;

use crate::authenticate::{self, Credentials};
use crate::call::Call;
use crate::http::{BoxError, Reply, reply};
use crate::kinds::no_such_path;
use crate::negotiate;
use crate::query::Query;
use crate::route::{ResourcePath, Route, Verb};
use crate::server::Api;
use crate::{health, openapi, pipe, resource, version};

/// How long a request that is no stream may take.
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// The API server as a [`tower_service::Service`] of HTTP requests; get one from
/// [`ApiServer`](crate::ApiServer::service).
#[derive(Clone)]
pub struct ApiService {
    pub(crate) api: Arc<Api>,
    /// Who asks, where that does not depend on the request.
    pub(crate) identity: Option<Identity>,
}

impl<B> Service<Request<B>> for ApiService
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Reply;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        let (parts, body) = request.into_parts();
        if service.identity.is_some() && pipe::is_wanted(&parts) {
            return pipe::call(service, parts).map(Ok).boxed();
        }
        service.answer(Request::from_parts(parts, body)).map(Ok).boxed()
    }
}

impl ApiService {
    /// Answers a request that comes with the connection which it may take over.
    pub(crate) fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Reply> + Send + use<B>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let api = self.api.clone();
        let (mut parts, body) = request.into_parts();
        let incoming = Incoming {
            certificate: parts.extensions.remove::<Identity>(),
            identity: self.identity.clone(),
            path: parts.uri.path().to_owned(),
            call: Call {
                query: Query::parse(parts.uri.query()),
                upgrade: parts.extensions.remove::<OnUpgrade>(),
                method: parts.method,
                headers: parts.headers,
                identity: anonymous(),
                body: Mutex::new(Box::pin(BoxedError(Box::pin(body)))),
            },
        };
        async move { answer(&api, incoming).await }
    }
}

/// A request of somebody who may turn out to be nobody.
struct Incoming {
    /// Whom the client's certificate names.
    certificate: Option<Identity>,
    /// Who asks, where that is known already.
    identity: Option<Identity>,
    path: String,
    call: Call,
}

async fn answer(api: &Arc<Api>, incoming: Incoming) -> Reply {
    let begin = api.env.instant();
    let (method, path, mut verb) = (incoming.call.method.clone(), incoming.path.clone(), "other");
    let result = admit(api, incoming, &mut verb).await;
    let answer = result.unwrap_or_else(|error| {
        if error.reason() == Reason::InternalError {
            tracing::warn!(%method, path, error = &error as &dyn std::error::Error, "request failed");
        }
        reply::error(&error)
    });
    let code = answer.status().as_u16();
    api.metrics.count(verb, code);
    tracing::debug!(%method, path, code, elapsed = ?api.env.instant().since(begin), "request");
    answer
}

async fn admit(api: &Arc<Api>, incoming: Incoming, verb_name: &mut &'static str) -> Result<Reply, ApiError> {
    let Incoming { certificate, identity, path, mut call } = incoming;
    let route = Route::parse(&path);
    if !route.as_ref().is_some_and(Route::is_public) {
        call.identity = match identity {
            Some(identity) => identity,
            None => {
                let credentials = Credentials { certificate: certificate.as_ref(), headers: &call.headers };
                authenticate::identify(&api.config.authenticators, credentials).await?
            }
        };
    }
    dispatch(api, route.ok_or_else(no_such_path)?, call, verb_name).await
}

fn anonymous() -> Identity {
    Identity { user: "system:anonymous".to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
}

async fn dispatch(
    api: &Arc<Api>,
    route: Route,
    call: Call,
    verb_name: &mut &'static str,
) -> Result<Reply, ApiError> {
    let path = match route {
        Route::Resource(path) => path,
        Route::Health { .. } => return document(api, &route, &call).await,
        route => {
            let _place = api.in_flight.enter(&call.method)?;
            return document(api, &route, &call).await;
        }
    };
    let wants_watch = call.method == Method::GET && call.query.flag("watch")?;
    let verb = Verb::of(&call.method, &path, wants_watch).ok_or_else(|| method_not_allowed(&call.method))?;
    *verb_name = verb.name();
    if is_long_running(&path, verb, &call)? {
        return resource::handle(api, path, verb, call).await;
    }
    let _place = api.in_flight.enter(&call.method)?;
    let work = resource::handle(api, path, verb, call);
    api.env.timeout(REQUEST_TIMEOUT, work).await.unwrap_or_else(|_| {
        Err(ApiError::new(Reason::Timeout, "the server was unable to return a response in time"))
    })
}

/// Whether the answer is a stream without a foreseeable end.
fn is_long_running(path: &ResourcePath, verb: Verb, call: &Call) -> Result<bool, ApiError> {
    Ok(match path.subresource.as_deref() {
        Some("exec" | "attach" | "portforward" | "proxy") => true,
        Some("log") => call.query.flag("follow")?,
        _ => verb == Verb::Watch,
    })
}

fn method_not_allowed(method: &Method) -> ApiError {
    let message = format!("the server does not allow this method on the requested resource ({method})");
    ApiError::new(Reason::MethodNotAllowed, message)
}

/// Everything that is not about objects, and can only be read.
async fn document(api: &Arc<Api>, route: &Route, call: &Call) -> Result<Reply, ApiError> {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(method_not_allowed(&call.method));
    }
    match route {
        Route::Health { endpoint, check } => {
            return health::answer(api, endpoint, check.as_deref(), &call.query).await;
        }
        Route::Metrics => return Ok(api.metrics.answer(api)),
        Route::OpenApiV2 => return openapi::document_v2(&call.headers),
        Route::OpenApiIndex => return api.openapi.index(&call.headers),
        Route::OpenApi(path) => return api.openapi.document(path, &call.query, &call.headers),
        _ => {}
    }
    let discovery = &api.discovery;
    match route {
        Route::CoreVersions => discovery.core(negotiate::discovery_form(&call.headers)?, &call.headers),
        Route::Groups => discovery.groups(negotiate::discovery_form(&call.headers)?, &call.headers),
        Route::Group(name) => discovery.group(name, &call.headers),
        Route::Resources(version) => discovery.resources(version, &call.headers),
        Route::Version => version::answer(),
        Route::Root => discovery.paths(),
        _ => Err(no_such_path()),
    }
}

/// A body whose errors have lost their type.
struct BoxedError<B>(Pin<Box<B>>);

impl<B> Body for BoxedError<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.as_mut().poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
