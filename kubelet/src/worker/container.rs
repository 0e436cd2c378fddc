//! Making a container out of what the pod says.

use std::io;
use std::net::IpAddr;
use std::path::{Component, Path};
use std::sync::Arc;

use bireme_core::quantity::Quantity;
use bireme_core::runtime::{
    ContainerId, ContainerResources, ContainerSpec, ContainerUser, Mount, Privileges, RuntimeError,
    SandboxId, Seccomp,
};
use k8s_openapi::api::core::v1::{Container, Pod, PodSecurityContext, SecurityContext, Service};

use super::outcome::StepError;
use super::sandbox;
use crate::agent::Agent;
use crate::environment::{ConfigError, EnvironmentInputs, PodFacts, expand_all, key_of, variables};
use crate::host::Files;
use crate::objects::Fetched;
use crate::pod::{declared, qos};
use crate::volumes::{self, Dns};

/// Where a container is made.
pub(super) struct Place<'a> {
    pub(super) uid: &'a str,
    pub(super) sandbox: &'a SandboxId,
    /// The address of the pod's sandbox; none for a pod in the node's network.
    pub(super) address: Option<IpAddr>,
}

fn facts<'a>(agent: &'a Agent, pod: &'a Pod, address: Option<IpAddr>) -> PodFacts<'a> {
    let hosts = &agent.config.addresses;
    let address = if declared::uses_host_network(pod) { hosts.first().copied() } else { address };
    PodFacts { pod, address, host_addresses: hosts, allocatable: &agent.allocatable }
}

/// Writes the pod's volumes.
pub(super) async fn prepare_volumes(agent: &Agent, pod: &Pod, uid: &str) -> Result<(), String> {
    let objects =
        Fetched::of_pod(pod, agent.sources.configs.as_ref()).await.map_err(|error| error.to_string())?;
    let facts = facts(agent, pod, None);
    let prepared = volumes::prepare(uid, &facts, &objects, agent.config.host.files.as_ref()).await;
    prepared.map_err(|error| error.to_string())
}

/// Makes a container.
pub(super) async fn create(
    agent: &Agent,
    pod: &Pod,
    name: &str,
    attempt: u32,
    place: &Place<'_>,
) -> Result<ContainerId, StepError> {
    let config_error = |error: ConfigError| StepError::new("CreateContainerConfigError", error.to_string());
    let Some(declared) = declared::by_name(declared::spec(pod), name) else {
        return Err(StepError::new("CreateContainerConfigError", format!("the pod has no container {name}")));
    };
    let spec = container_spec(agent, pod, declared.spec, attempt, place).await.map_err(config_error)?;
    agent.runtime.create_container(place.sandbox, &spec).await.map_err(|error| StepError {
        image_missing: matches!(error, RuntimeError::NotFound { what: "image", .. }),
        ..StepError::new("CreateContainerError", error.to_string())
    })
}

async fn container_spec(
    agent: &Agent,
    pod: &Pod,
    container: &Container,
    attempt: u32,
    place: &Place<'_>,
) -> Result<ContainerSpec, ConfigError> {
    let files = agent.config.host.files.as_ref();
    let facts = facts(agent, pod, place.address);
    let objects = Fetched::of_pod(pod, agent.sources.configs.as_ref())
        .await
        .map_err(crate::objects::ObjectError::from)?;
    let services = services(agent).await;
    let inputs = EnvironmentInputs { facts: &facts, objects: &objects, services: &services };
    let variables = variables(container, &inputs)?;
    let dns = Dns {
        servers: &agent.config.cluster_dns,
        domain: &agent.config.cluster_domain,
        node: &agent.config.node,
    };
    let etc =
        |source| ConfigError::SubPath { volume: "etc".to_owned(), container: container.name.clone(), source };
    volumes::write_etc(place.uid, &facts, &dns, files).await.map_err(etc)?;
    let mounts = volumes::mounts(place.uid, pod, container, attempt, &variables, files).await?;
    let user = user(pod, container)?;
    let seccomp = seccomp(pod, container, files).await?;
    Ok(assemble(agent, pod, container, attempt, Parts { variables, mounts, user, seccomp }))
}

/// The cluster's services, once they are known. A Service that is not readable is told to nobody.
async fn services(agent: &Agent) -> Vec<Arc<Service>> {
    let informer = &agent.sources.services;
    match informer.synced().await {
        Ok(()) => informer.cache().list(None).iter().filter_map(|object| object.typed().ok()).collect(),
        // The informers are stopping, and so is the agent.
        Err(_) => Vec::new(),
    }
}

struct Parts {
    variables: Vec<(String, String)>,
    mounts: Vec<Mount>,
    user: Option<ContainerUser>,
    seccomp: Seccomp,
}

fn assemble(agent: &Agent, pod: &Pod, container: &Container, attempt: u32, parts: Parts) -> ContainerSpec {
    let lifecycle = container.lifecycle.as_ref();
    ContainerSpec {
        name: container.name.clone(),
        attempt,
        image: container.image.clone().unwrap_or_default(),
        command: expand_all(container.command.as_ref(), &parts.variables),
        args: expand_all(container.args.as_ref(), &parts.variables),
        env: parts.variables,
        working_dir: container.working_dir.clone(),
        mounts: parts.mounts,
        resources: resources(agent, pod, container),
        user: parts.user,
        privileges: privileges(container.security_context.as_ref(), parts.seccomp),
        tty: container.tty == Some(true),
        stdin: container.stdin == Some(true),
        stdin_once: container.stdin_once == Some(true),
        stop_signal: lifecycle.and_then(|lifecycle| lifecycle.stop_signal.clone()),
        labels: sandbox::labels(pod, Some(&container.name)),
    }
}

/// Requests become weights, limits become limits.
fn resources(agent: &Agent, pod: &Pod, container: &Container) -> ContainerResources {
    let millis = |quantity: Quantity| u64::try_from(quantity.millis()).unwrap_or(0);
    let cpu_limit = qos::limit(container, "cpu").map(millis).filter(|millis| *millis > 0);
    let memory = qos::limit(container, "memory").and_then(|limit| u64::try_from(limit.value()).ok());
    let shares = qos::request(container, "cpu").map_or(0, millis) * 1024 / 1000;
    ContainerResources {
        // Two is the least that the kernel knows.
        cpu_shares: Some(shares.max(2)),
        cpu_limit_millis: cpu_limit,
        memory_limit_bytes: memory.filter(|bytes| *bytes > 0),
        oom_score_adj: Some(qos::oom_score_adj(declared::spec(pod), container, agent.memory)),
    }
}

/// The folder under the node's root that a `localhostProfile` is relative to.
const SECCOMP_PROFILES: &str = "seccomp";
/// The largest profile that is read, in bytes.
const LARGEST_PROFILE: u64 = 1 << 20;

/// Which system calls a container may make: what it says itself comes before what the pod says. Who says nothing gets
/// the engine's own profile, as with upstream's `--seccomp-default`.
async fn seccomp(pod: &Pod, container: &Container, files: &dyn Files) -> Result<Seccomp, ConfigError> {
    let own = container.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    let of_pod = declared::spec(pod).security_context.as_ref();
    let Some(profile) = own.or(of_pod.and_then(|context| context.seccomp_profile.as_ref())) else {
        return Ok(Seccomp::RuntimeDefault);
    };
    match profile.type_.as_str() {
        "Unconfined" => Ok(Seccomp::Unconfined),
        "Localhost" => {
            let name = profile.localhost_profile.clone().unwrap_or_default();
            let unreadable = |source| ConfigError::SeccompProfile { name: name.clone(), source };
            // Nothing outside of the folder, whatever the API has let through.
            if !Path::new(&name).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(unreadable(io::ErrorKind::InvalidInput.into()));
            }
            let content = files.read_end(&Path::new(SECCOMP_PROFILES).join(&name), LARGEST_PROFILE).await;
            let content = String::from_utf8(content.map_err(unreadable)?);
            let content = content.map_err(|error| unreadable(io::Error::other(error)))?;
            if content.is_empty() {
                return Err(unreadable(io::ErrorKind::NotFound.into()));
            }
            Ok(Seccomp::Profile(content))
        }
        _ => Ok(Seccomp::RuntimeDefault),
    }
}

fn privileges(context: Option<&SecurityContext>, seccomp: Seccomp) -> Privileges {
    let Some(context) = context else { return Privileges { seccomp, ..Privileges::default() } };
    let capabilities = context.capabilities.clone().unwrap_or_default();
    let privileged = context.privileged == Some(true);
    Privileges {
        privileged,
        read_only_root: context.read_only_root_filesystem == Some(true),
        no_new_privileges: context.allow_privilege_escalation == Some(false) && !privileged,
        add_capabilities: capabilities.add.unwrap_or_default(),
        drop_capabilities: capabilities.drop.unwrap_or_default(),
        seccomp,
    }
}

/// As whom a container runs: what it says itself comes before what the pod says.
fn user(pod: &Pod, container: &Container) -> Result<Option<ContainerUser>, ConfigError> {
    let own = container.security_context.clone().unwrap_or_default();
    let of_pod: PodSecurityContext = declared::spec(pod).security_context.clone().unwrap_or_default();
    let uid = own.run_as_user.or(of_pod.run_as_user);
    let gid = own.run_as_group.or(of_pod.run_as_group);
    let non_root = own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true);
    if non_root && uid == Some(0) {
        return Err(ConfigError::RunsAsRoot { pod: key_of(pod), container: container.name.clone() });
    }
    let groups = of_pod.supplemental_groups.into_iter().flatten().chain(of_pod.fs_group);
    let user = ContainerUser { uid, gid, supplementary_groups: groups.collect() };
    Ok((user != ContainerUser::default()).then_some(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user_of(
        pod: serde_json::Value,
        container: serde_json::Value,
    ) -> Result<Option<ContainerUser>, String> {
        let container = json!({"name": "c", "securityContext": container});
        let spec = json!({"securityContext": pod, "containers": [container]});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap();
        user(&pod, &declared::spec(&pod).containers[0]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_containers_own_user_comes_before_the_pods() {
        let pod = json!({"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4]});
        let user = user_of(pod, json!({"runAsUser": 5})).unwrap().unwrap();
        assert_eq!((user.uid, user.gid, user.supplementary_groups), (Some(5), Some(2000), vec![4, 3000]));
        assert_eq!(user_of(json!({}), json!({})).unwrap(), None);
    }

    #[tokio::test]
    async fn a_profile_of_system_calls_is_the_containers_or_the_pods_and_lies_in_the_nodes_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("seccomp")).unwrap();
        std::fs::write(root.path().join("seccomp/strict.json"), "{}").unwrap();
        std::fs::write(root.path().join("secret"), "no profile").unwrap();
        let disk = crate::host::Disk::new(root.path().to_owned());
        let of = async |pod: serde_json::Value, container: serde_json::Value| {
            let container = json!({"name": "c", "securityContext": {"seccompProfile": container}});
            let spec = json!({"securityContext": {"seccompProfile": pod}, "containers": [container]});
            let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
            seccomp(&pod, &declared::spec(&pod).containers[0], &disk).await.map_err(|error| error.to_string())
        };
        let (nothing, free) = (serde_json::Value::Null, json!({"type": "Unconfined"}));
        let file = |name: &str| json!({"type": "Localhost", "localhostProfile": name});
        assert_eq!(of(nothing.clone(), nothing.clone()).await, Ok(Seccomp::RuntimeDefault));
        assert_eq!(of(free.clone(), nothing.clone()).await, Ok(Seccomp::Unconfined));
        assert_eq!(of(free, json!({"type": "RuntimeDefault"})).await, Ok(Seccomp::RuntimeDefault));
        assert_eq!(of(file("strict.json"), nothing.clone()).await, Ok(Seccomp::Profile("{}".to_owned())));
        let outside = root.path().join("secret");
        for wrong in ["none.json", "../secret", outside.to_str().unwrap()] {
            let refused = of(nothing.clone(), file(wrong)).await.unwrap_err();
            assert!(refused.contains("cannot load seccomp profile") && refused.contains(wrong), "{refused}");
        }
    }

    #[test]
    fn root_is_refused_where_it_must_not_be() {
        let refused = user_of(json!({"runAsNonRoot": true}), json!({"runAsUser": 0})).unwrap_err();
        assert!(refused.contains("runAsNonRoot"), "{refused}");
        assert!(user_of(json!({"runAsNonRoot": true}), json!({"runAsUser": 1})).is_ok());
        assert!(
            user_of(json!({"runAsNonRoot": true}), json!({"runAsUser": 0, "runAsNonRoot": false})).is_ok()
        );
    }
}
