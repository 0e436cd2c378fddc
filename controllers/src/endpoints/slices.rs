//! EndpointSlices: the pods that a Service selects.

use std::collections::{BTreeMap, BTreeSet};

use bireme_core::cache::{Delta, Index, PODS_BY_NODE};
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};

use super::addresses::{Backend, backends, is_headless, publishes_not_ready};
use super::portions::{MANAGED_BY, SERVICE_NAME, Slices, Wanted, delete};
use super::{ZONE, selector_of, service_ref, targets};

const MANAGER: &str = "endpointslice-controller.k8s.io";
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";

/// Slices that this controller manages, by `namespace/name` of their Service.
const BY_SERVICE: Index = Index::new("managed service", |object| {
    let labels = &object.metadata().labels;
    let is_ours = labels.get(MANAGED_BY).is_some_and(|manager| manager == MANAGER);
    let service = labels.get(SERVICE_NAME).filter(|_| is_ours);
    service
        .map(|service| format!("{}/{service}", object.namespace().unwrap_or_default()))
        .into_iter()
        .collect()
});

/// Keeps the EndpointSlices of Services that select pods.
#[derive(Debug)]
pub struct EndpointSlices;

impl Reconciler for EndpointSlices {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![
            Watch::of::<Service>(),
            Watch::of::<Pod>().indexed(PODS_BY_NODE),
            Watch::of::<Node>(),
            Watch::of::<EndpointSlice>().indexed(BY_SERVICE),
        ]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        if delta.kind() != Kind::of::<EndpointSlice>() {
            return targets(view, delta);
        }
        let slice = delta.object();
        let service = slice.metadata().labels.get(SERVICE_NAME);
        Ok(service.map(|service| service_ref(slice.namespace(), service)).into_iter().collect())
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let known = view.indexed::<EndpointSlice>(BY_SERVICE, &target.key.to_string())?;
        let mut plan = Plan::nothing();
        let (Some(owner), Some(service)) = (view.object(target)?, view.get::<Service>(&target.key)?) else {
            delete(&mut plan, view, known.iter())?;
            return Ok(plan);
        };
        let Some(selector) = selector_of(&service) else {
            delete(&mut plan, view, known.iter())?;
            return Ok(plan);
        };
        if owner.metadata().is_being_deleted() {
            return Ok(plan);
        }
        let backends = backends(view, &service, &selector)?;
        let families = families(&service);
        let slices = Slices { view, owner: &owner, labels: labels(&service), annotations: None };
        for family in &families {
            let wanted = wanted(view, &service, &backends, family)?;
            let known: Vec<_> = known.iter().filter(|slice| slice.address_type == *family).cloned().collect();
            slices.bring(&mut plan, family, wanted, known)?;
        }
        let stale = known.iter().filter(|slice| !families.contains(&slice.address_type));
        delete(&mut plan, view, stale)?;
        Ok(plan)
    }
}

/// The address types that a Service has slices of.
fn families(service: &Service) -> BTreeSet<String> {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.clone()).unwrap_or_default();
    if families.is_empty() { ["IPv4".to_owned()].into() } else { families.into_iter().collect() }
}

fn wanted(
    view: &View,
    service: &Service,
    backends: &[Backend],
    family: &str,
) -> Result<Wanted, ReconcileError> {
    let mut wanted = Wanted::new();
    for backend in backends {
        let mut addresses = backend.addresses.iter().filter(|ip| ip.is_ipv6() == (family == "IPv6"));
        let Some(address) = addresses.next() else { continue };
        let node = backend.node_name().map(|name| view.get::<Node>(&ObjectKey::cluster(&name)));
        let zone =
            node.transpose()?.flatten().and_then(|node| node.metadata.labels.as_ref()?.get(ZONE).cloned());
        let (serving, terminating) = (backend.is_serving(), backend.is_terminating());
        let ready = publishes_not_ready(service) || serving && !terminating;
        let endpoint = Endpoint {
            addresses: vec![address.to_string()],
            conditions: Some(EndpointConditions {
                ready: Some(ready),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            hostname: backend.hostname(service),
            node_name: backend.node_name(),
            target_ref: Some(backend.reference()),
            zone,
            ..Endpoint::default()
        };
        wanted.entry(backend.ports.clone()).or_default().push(endpoint);
    }
    if wanted.is_empty() {
        // An empty slice says that the Service has no endpoints, which no slice at all would not.
        wanted.insert(Vec::new(), Vec::new());
    }
    Ok(wanted)
}

/// The Service's own labels, and those by which its slices are found.
fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels
}
