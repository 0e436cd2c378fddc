//! The verbs on objects: one handler each, whatever the kind.

mod delete;
pub(crate) mod exec;
pub(crate) mod log;
mod pod;
mod port_forward;
mod read;
mod scale;
mod watch;
mod write;

use std::sync::Arc;

use bireme_core::client::Part;
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Kind, ObjectKey};
use bireme_registry::RequestContext;
use bireme_registry::resource::{DynStrategy, Subresource};
use k8s_openapi::api::core::v1::Pod;

use crate::call::Call;
use crate::http::Reply;
use crate::kinds::{no_such_path, subresource};
use crate::present::Presenter;
use crate::route::{ResourcePath, Verb};
use crate::server::Api;

/// A request for objects of a kind that is there.
struct Target {
    strategy: Arc<dyn DynStrategy>,
    kind: Kind,
    path: ResourcePath,
    call: Call,
}

/// Answers a request for objects.
pub(crate) async fn handle(
    api: &Arc<Api>,
    path: ResourcePath,
    verb: Verb,
    call: Call,
) -> Result<Reply, ApiError> {
    let strategy = api.kinds.find(&path)?.clone();
    let target = Target { kind: strategy.kind(), strategy, path, call };
    let Some(name) = target.path.subresource.clone() else {
        return match verb {
            Verb::Get => read::get(api, &target).await,
            Verb::List => read::list(api, &target).await,
            Verb::Watch => watch::watch(api, &target).await,
            Verb::Create => write::create(api, target).await,
            Verb::Update => write::update(api, target, Part::Main).await,
            Verb::Patch => write::patch(api, target, Part::Main).await,
            Verb::Delete => delete::delete(api, target).await,
            Verb::DeleteCollection => delete::delete_collection(api, target).await,
        };
    };
    match (name.as_str(), verb) {
        ("log", Verb::Get) if target.is_pod() => log::log(api, &target).await,
        ("exec" | "attach", Verb::Get | Verb::Create) if target.is_pod() => {
            exec::exec(api, target, &name).await
        }
        ("portforward", Verb::Get | Verb::Create) if target.is_pod() => {
            port_forward::port_forward(api, target).await
        }
        ("proxy", _) => Err(not_served(&name)),
        ("binding", Verb::Create) if target.is_pod() => pod::bind(api, target).await,
        ("eviction", Verb::Create) if target.is_pod() => pod::evict(api, target).await,
        _ => {
            let found = *subresource(&target.strategy, &name).ok_or_else(no_such_path)?;
            handle_declared(api, target, found, verb).await
        }
    }
}

/// Subresources that the kind's description says all about.
async fn handle_declared(
    api: &Arc<Api>,
    target: Target,
    found: Subresource,
    verb: Verb,
) -> Result<Reply, ApiError> {
    let part = match found {
        Subresource::Scale(_) => return scale::handle(api, target, verb).await,
        Subresource::Status => Part::Status,
        Subresource::Special { name: "finalize", .. } => Part::Finalize,
        Subresource::Special { name, .. } => return Err(not_served(name)),
    };
    match verb {
        Verb::Get => read::get(api, &target).await,
        Verb::Update => write::update(api, target, part).await,
        Verb::Patch => write::patch(api, target, part).await,
        _ => Err(ApiError::new(
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )),
    }
}

fn not_served(name: &str) -> ApiError {
    ApiError::new(Reason::NotImplemented, format!("the subresource {name:?} is not served by this server"))
}

impl Target {
    fn is_pod(&self) -> bool {
        self.kind == Kind::of::<Pod>()
    }

    /// The key of the one object that is meant.
    fn key(&self) -> Result<ObjectKey, ApiError> {
        let name = self.path.name.as_deref().ok_or_else(no_such_path)?;
        Ok(ObjectKey::new(self.path.namespace.as_deref(), name))
    }

    fn presenter(&self, api: &Api) -> Result<Presenter, ApiError> {
        Presenter::of(&self.strategy, &self.call.headers, &self.call.query, api.env.now())
    }

    fn context(&self) -> Result<RequestContext, ApiError> {
        self.call.context()
    }
}
