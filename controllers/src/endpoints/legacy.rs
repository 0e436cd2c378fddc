//! Endpoints: all of a Service's addresses in one object.

use std::collections::BTreeMap;
use std::sync::Arc;

use bireme_core::cache::{Delta, PODS_BY_NODE};
use bireme_core::client::Part;
use bireme_core::object::{Kind, Object};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::addresses::{Backend, Port, backends, is_headless, publishes_not_ready};
use super::slices::HEADLESS;
use super::{selector_of, service_ref, targets};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";
/// Says that addresses were left out.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

/// How many addresses an object holds at most.
const CAPACITY: usize = 1000;

/// Keeps the Endpoints of Services that select pods.
#[derive(Debug)]
pub struct LegacyEndpoints;

impl Reconciler for LegacyEndpoints {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        let pods = Watch::of::<Pod>().indexed(PODS_BY_NODE);
        vec![Watch::of::<Service>(), pods, Watch::of::<Endpoints>()]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        if delta.kind() == Kind::of::<Endpoints>() {
            return Ok(vec![service_ref(delta.key().namespace(), delta.key().name())]);
        }
        targets(view, delta)
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let object = ObjectRef::to::<Endpoints>(target.key.clone());
        let known = view.get::<Endpoints>(&target.key)?;
        let Some(service) = view.get::<Service>(&target.key)? else {
            if let Some(object) = view.object(&object)?.filter(is_ours) {
                plan.delete(&object, None);
            }
            return Ok(plan);
        };
        let Some(selector) = selector_of(&service) else { return Ok(plan) };
        if service.metadata.deletion_timestamp.is_some() {
            return Ok(plan);
        }
        let wanted = wanted(&service, backends(view, &service, &selector)?, known.as_deref());
        match known {
            Some(known) => plan.change(&*known, &wanted, Part::Main)?,
            None => plan.create(wanted, None)?,
        }
        Ok(plan)
    }
}

fn is_ours(object: &Arc<Object>) -> bool {
    let manager = object.metadata().labels.get(MANAGED_BY);
    manager.is_some_and(|manager| manager == MANAGER) && !object.metadata().is_being_deleted()
}

fn wanted(service: &Service, mut backends: Vec<Backend>, known: Option<&Endpoints>) -> Endpoints {
    let publishes = publishes_not_ready(service);
    backends.retain(|backend| publishes || !backend.is_terminating());
    let over_capacity = backends.len() > CAPACITY;
    // Those who can serve are the last to be left out.
    backends.sort_by_key(|backend| !backend.is_serving());
    backends.truncate(CAPACITY);
    let mut endpoints = known.cloned().unwrap_or_else(|| Endpoints {
        metadata: ObjectMeta {
            name: service.metadata.name.clone(),
            namespace: service.metadata.namespace.clone(),
            ..ObjectMeta::default()
        },
        subsets: None,
    });
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    endpoints.metadata.labels = Some(labels);
    if over_capacity {
        let annotations = endpoints.metadata.annotations.get_or_insert_default();
        annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
    } else if let Some(annotations) = &mut endpoints.metadata.annotations {
        annotations.remove(OVER_CAPACITY);
    }
    let subsets = subsets(service, &backends, publishes);
    let nothing_before = endpoints.subsets.as_ref().is_none_or(Vec::is_empty);
    if !(subsets.is_empty() && nothing_before) {
        endpoints.subsets = Some(subsets);
    }
    endpoints
}

/// The addresses by the ports that they share.
fn subsets(service: &Service, backends: &[Backend], publishes: bool) -> Vec<EndpointSubset> {
    let mut by_ports: BTreeMap<&[Port], (Vec<EndpointAddress>, Vec<EndpointAddress>)> = BTreeMap::new();
    for backend in backends {
        let Some(ip) = backend.addresses.first() else { continue };
        let address = EndpointAddress {
            ip: ip.to_string(),
            hostname: backend.hostname(service),
            node_name: backend.node_name(),
            target_ref: Some(backend.reference()),
        };
        let (ready, not_ready) = by_ports.entry(&backend.ports).or_default();
        if publishes || backend.is_serving() { ready.push(address) } else { not_ready.push(address) }
    }
    let some = |mut addresses: Vec<EndpointAddress>| {
        addresses.sort_by(|one, other| one.ip.cmp(&other.ip));
        (!addresses.is_empty()).then_some(addresses)
    };
    let subset = |(ports, (ready, not_ready)): (&[Port], _)| {
        let ports: Vec<_> = ports.iter().map(endpoint_port).collect();
        EndpointSubset {
            addresses: some(ready),
            not_ready_addresses: some(not_ready),
            ports: (!ports.is_empty()).then_some(ports),
        }
    };
    by_ports.into_iter().map(subset).collect()
}

fn endpoint_port(port: &Port) -> EndpointPort {
    EndpointPort {
        name: port.name.clone(),
        port: port.number,
        protocol: Some(port.protocol.clone()),
        app_protocol: port.app_protocol.clone(),
    }
}
