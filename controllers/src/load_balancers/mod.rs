//! Services of type LoadBalancer: the cluster's own nodes are the load balancer.
//!
//! The addresses of all nodes that are ready become the Service's, and each node's data plane takes what comes there
//! to the Service. Of Services that want the same port the oldest has it; the others wait, and say so. A Service that
//! names a `loadBalancerClass` is somebody else's.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bireme_core::cache::{Delta, Index};
use bireme_core::client::Part;
use bireme_core::events::{Note, Severity};
use bireme_core::object::{Kind, Object};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, Node, Service};

/// A node with this label has no part in load balancing; as upstream.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Services of the type by each port they want, such as `TCP/80`, and all of them by [`ALL`].
const BY_PORT: Index = Index::new("load-balancer-port", |object| {
    // What is not a readable Service is not found; whoever reads it by key meets the error.
    let Some(service) = object.typed::<Service>().ok().filter(|service| is_ours(service)) else {
        return Vec::new();
    };
    ports(&service).chain([ALL.to_owned()]).collect()
});

const ALL: &str = "all";

/// Gives Services the addresses of nodes.
#[derive(Clone, Copy, Debug)]
pub struct LoadBalancers;

impl Reconciler for LoadBalancers {
    fn name(&self) -> &'static str {
        "service-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<Service>().indexed(BY_PORT), Watch::of::<Node>()]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let services = view.cache(Kind::of::<Service>())?;
        if delta.kind() == Kind::of::<Node>() {
            let changed = address_in_use(delta.old())? != address_in_use(delta.current())?;
            let all = if changed { services.indexed(BY_PORT, ALL) } else { Vec::new() };
            return Ok(all.iter().map(|service| ObjectRef::from(&**service)).collect());
        }
        let mut targets = vec![ObjectRef::from(&**delta.object())];
        for state in [delta.old(), delta.current()].into_iter().flatten() {
            let service = state.typed::<Service>()?;
            if is_ours(&service) {
                let rivals = ports(&service).flat_map(|port| services.indexed(BY_PORT, &port));
                targets.extend(rivals.map(|rival| ObjectRef::from(&*rival)));
            }
        }
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _now: Timestamp) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let (Some(object), Some(service)) = (view.object(target)?, view.get::<Service>(&target.key)?) else {
            return Ok(plan);
        };
        let spec = service.spec.as_ref();
        if spec.is_some_and(|spec| spec.load_balancer_class.is_some()) {
            return Ok(plan);
        }
        let mut ingress = Vec::new();
        if is_ours(&service) {
            match older_rival(view, &service)? {
                Some((port, rival)) => {
                    let message = format!("Port {port} of the nodes belongs to Service {rival}");
                    plan.record(Note::new(&object, Severity::Warning, "PortInUse", message));
                }
                None => ingress = node_addresses(view)?.into_iter().map(ingress_at).collect(),
            }
        }
        let mut changed = (*service).clone();
        let status = changed.status.get_or_insert_default();
        let known = status.load_balancer.get_or_insert_default();
        if known.ingress.as_deref().unwrap_or_default() == ingress {
            return Ok(plan);
        }
        *known = LoadBalancerStatus { ingress: (!ingress.is_empty()).then_some(ingress) };
        plan.change(&*service, &changed, Part::Status)?;
        Ok(plan)
    }
}

/// Whether nodes are to be the Service's load balancer.
fn is_ours(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    service.metadata.deletion_timestamp.is_none()
        && spec.is_some_and(|spec| {
            spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none()
        })
}

/// The ports that a Service wants of every node.
fn ports(service: &Service) -> impl Iterator<Item = String> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    ports.iter().map(|port| format!("{}/{}", port.protocol.as_deref().unwrap_or("TCP"), port.port))
}

/// A port that an older Service has, and that Service's name.
fn older_rival(view: &View, service: &Service) -> Result<Option<(String, String)>, ReconcileError> {
    let age = |service: &Service| {
        let metadata = &service.metadata;
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, metadata.namespace.clone(), metadata.name.clone())
    };
    let own = age(service);
    for port in ports(service) {
        let rivals = view.indexed::<Service>(BY_PORT, &port)?;
        if let Some(rival) = rivals.iter().find(|rival| age(rival) < own) {
            let (_, namespace, name) = age(rival);
            return Ok(Some((
                port,
                format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default()),
            )));
        }
    }
    Ok(None)
}

/// The addresses of the nodes that take part, in order.
fn node_addresses(view: &View) -> Result<Vec<String>, ReconcileError> {
    let nodes = view.list::<Node>(None)?;
    let mut addresses: Vec<String> = nodes.iter().filter_map(|node| address(node)).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn address_in_use(node: Option<&Arc<Object>>) -> Result<Option<String>, ReconcileError> {
    Ok(match node {
        Some(node) => address(&*node.typed::<Node>()?),
        None => None,
    })
}

/// A node's own IPv4 address, if it takes part.
fn address(node: &Node) -> Option<String> {
    let excluded = node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(EXCLUDED));
    let status = node.status.as_ref()?;
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    if excluded || !ready || node.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let is_v4 = |address: &str| address.parse::<std::net::Ipv4Addr>().is_ok();
    let mut addresses = status.addresses.iter().flatten();
    addresses.find(|one| one.type_ == "InternalIP" && is_v4(&one.address)).map(|one| one.address.clone())
}

fn ingress_at(address: String) -> LoadBalancerIngress {
    let ip_mode = Some("VIP".to_owned());
    LoadBalancerIngress { ip: Some(address), ip_mode, ..LoadBalancerIngress::default() }
}
