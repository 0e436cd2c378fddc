//! binding and eviction; and how a pod's container is found.

use std::sync::Arc;

use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ContainerRef, NodeAccess, PodRef};
use bireme_core::object::Object;
use bireme_registry::{Attributes, RequestContext};
use http::StatusCode;
use k8s_openapi::api::core::v1::{Binding, Pod, PodSpec};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde::de::DeserializeOwned;

use super::Target;
use crate::http::{Reply, reply};
use crate::server::Api;

pub(super) async fn bind(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let binding: Binding = read(api, &mut target).await?;
    api.registry.bind(&target.context()?, &target.key()?, &binding).await?;
    created()
}

pub(super) async fn evict(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let mut eviction: Eviction = read(api, &mut target).await?;
    let mut context = target.context()?;
    if let Some(values) = eviction.delete_options.as_mut().and_then(|options| options.dry_run.take()) {
        context.dry_run |= values.iter().any(|value| value == "All");
    }
    api.registry.evict(&context, &target.key()?, &eviction).await?;
    created()
}

async fn read<T: DeserializeOwned>(api: &Arc<Api>, target: &mut Target) -> Result<T, ApiError> {
    let body = target.call.read_json(&api.env).await?;
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body of the request cannot be decoded: {error}")))
}

fn created() -> Result<Reply, ApiError> {
    let status =
        meta::Status { status: Some("Success".to_owned()), code: Some(201), ..meta::Status::default() };
    reply::json(StatusCode::CREATED, &status)
}

/// A pod on a node that can be reached.
pub(super) struct OnNode {
    pub(super) pod: PodRef,
    pub(super) node: Arc<dyn NodeAccess>,
}

/// Finds the pod that a request is about, for somebody who may do `verb` to the subresource.
pub(super) async fn on_node(
    api: &Arc<Api>,
    target: &Target,
    verb: &'static str,
    subresource: &str,
) -> Result<OnNode, ApiError> {
    reach(api, &*read_for(api, target, verb, subresource).await?).await
}

/// A container that runs on a node that can be reached.
pub(super) struct Located {
    pub(super) container: ContainerRef,
    pub(super) node: Arc<dyn NodeAccess>,
}

/// Finds the container that a request is about, for somebody who may do `verb` to the subresource.
pub(super) async fn locate(
    api: &Arc<Api>,
    target: &Target,
    verb: &'static str,
    subresource: &str,
) -> Result<Located, ApiError> {
    let object = read_for(api, target, verb, subresource).await?;
    let pod = object.typed::<Pod>()?;
    let spec = pod.spec.as_ref().ok_or_else(|| ApiError::not_found(target.kind, object.key().name()))?;
    let container = choose_container(object.key().name(), spec, target.call.query.text("container"))?;
    let OnNode { pod, node } = reach(api, &object).await?;
    Ok(Located { container: ContainerRef { pod, container }, node })
}

/// The pod, for somebody who may do `verb` to the subresource.
async fn read_for(
    api: &Arc<Api>,
    target: &Target,
    verb: &'static str,
    subresource: &str,
) -> Result<Arc<Object>, ApiError> {
    let key = target.key()?;
    let attributes = Attributes {
        verb,
        kind: target.kind,
        subresource: Some(subresource),
        namespace: key.namespace(),
        name: Some(key.name()),
    };
    api.registry.authorize(&target.context()?, &attributes)?;
    // Who may read a log need not be allowed to read the pod, so it is the server that reads it.
    let own = RequestContext::new(Identity::component("kube-apiserver"));
    api.registry.get(&own, target.kind, &key).await
}

/// The way to a pod.
async fn reach(api: &Arc<Api>, object: &Object) -> Result<OnNode, ApiError> {
    let (key, pod) = (object.key(), object.typed::<Pod>()?);
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).filter(|node| !node.is_empty());
    let node = node
        .ok_or_else(|| ApiError::bad_request(format!("pod {} does not have a host assigned", key.name())))?;
    Ok(OnNode {
        pod: PodRef { key: key.clone(), uid: object.uid().to_owned() },
        node: api.config.nodes.access(node).await?,
    })
}

/// The container that is named, or the only one.
fn choose_container(pod: &str, spec: &PodSpec, wanted: Option<&str>) -> Result<String, ApiError> {
    let names: Vec<&str> = spec.containers.iter().map(|container| container.name.as_str()).collect();
    let init: Vec<&str> =
        spec.init_containers.iter().flatten().map(|container| container.name.as_str()).collect();
    let ephemeral: Vec<&str> =
        spec.ephemeral_containers.iter().flatten().map(|container| container.name.as_str()).collect();
    if let Some(wanted) = wanted {
        let is_there = [&names, &init, &ephemeral].into_iter().any(|names| names.contains(&wanted));
        let unknown = || ApiError::bad_request(format!("container {wanted} is not valid for pod {pod}"));
        return if is_there { Ok(wanted.to_owned()) } else { Err(unknown()) };
    }
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        _ => {
            let mut message = format!(
                "a container name must be specified for pod {pod}, choose one of: [{}]",
                names.join(" ")
            );
            if !init.is_empty() {
                message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
            }
            if !ephemeral.is_empty() {
                message.push_str(&format!(" or one of the ephemeral containers: [{}]", ephemeral.join(" ")));
            }
            Err(ApiError::new(Reason::BadRequest, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Container;

    fn spec(containers: &[&str], init: &[&str]) -> PodSpec {
        let named = |names: &[&str]| -> Vec<Container> {
            names.iter().map(|name| Container { name: (*name).into(), ..Container::default() }).collect()
        };
        PodSpec { containers: named(containers), init_containers: Some(named(init)), ..PodSpec::default() }
    }

    #[test]
    fn the_only_container_need_not_be_named() {
        assert_eq!(choose_container("p", &spec(&["a"], &["i"]), None).unwrap(), "a");
        assert_eq!(choose_container("p", &spec(&["a"], &["i"]), Some("i")).unwrap(), "i");
    }

    #[test]
    fn an_ambiguous_or_unknown_container_is_refused_with_the_choice() {
        let error = choose_container("p", &spec(&["a", "b"], &["i"]), None).unwrap_err();
        let expected = "a container name must be specified for pod p, choose one of: [a b] \
            or one of the init containers: [i]";
        assert_eq!((error.reason(), error.message()), (Reason::BadRequest, expected));
        let error = choose_container("p", &spec(&["a"], &[]), Some("x")).unwrap_err();
        assert_eq!(error.message(), "container x is not valid for pod p");
    }
}
