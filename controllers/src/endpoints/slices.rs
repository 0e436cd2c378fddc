//! EndpointSlices: the endpoints of a Service in portions that stay what they are as far as can be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bireme_core::cache::{Delta, Index, PODS_BY_NODE};
use bireme_core::client::Part;
use bireme_core::object::versions::{self, Given};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::addresses::{Backend, Port, backends, is_headless, publishes_not_ready};
use super::{ZONE, selector_of, service_ref, targets};
use crate::ownership::controller_reference;

/// The label that says which Service a slice belongs to.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";

/// How many endpoints a slice holds at most.
const CAPACITY: usize = 100;

/// Slices that this controller manages, by `namespace/name` of their Service.
const BY_SERVICE: Index = Index::new("service", |object| {
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
        for family in &families {
            let wanted = wanted(view, &service, &backends, family)?;
            let known: Vec<_> = known.iter().filter(|slice| slice.address_type == *family).cloned().collect();
            portion(&mut plan, view, &owner, &service, family, wanted, known)?;
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

/// The endpoints by the ports that they share: one entry for each way in which pods serve the Service.
type Wanted = BTreeMap<Vec<Port>, Vec<Endpoint>>;

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

/// Brings the slices of one address type to what is wanted, changing as few of them as possible.
fn portion(
    plan: &mut Plan,
    view: &View,
    owner: &Object,
    service: &Service,
    family: &str,
    wanted: Wanted,
    mut known: Vec<Arc<EndpointSlice>>,
) -> Result<(), ReconcileError> {
    for (ports, endpoints) in wanted {
        let ports = slice_ports(&ports);
        let (same, others): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|slice| slice.ports.clone().unwrap_or_default() == ports);
        known = others;
        let mut portions = keep(&same, endpoints);
        if portions.iter().all(|(_, endpoints)| endpoints.is_empty()) {
            // One stays for a placeholder.
            portions.truncate(1);
        } else {
            portions.retain(|(_, endpoints)| !endpoints.is_empty());
        }
        let kept: Vec<_> = portions.iter().filter_map(|(slice, _)| slice.clone()).collect();
        known.extend(same.into_iter().filter(|slice| !kept.iter().any(|kept| Arc::ptr_eq(kept, slice))));
        for (slice, endpoints) in portions {
            write(plan, owner, service, family, &ports, slice, endpoints)?;
        }
    }
    delete(plan, view, known.iter())
}

/// A slice, if it is there already, and what shall be in it.
type Portion = (Option<Arc<EndpointSlice>>, Vec<Endpoint>);

/// Leaves every endpoint in the slice where it is; new ones fill what has room, the fullest first, and then new
/// slices.
fn keep(known: &[Arc<EndpointSlice>], endpoints: Vec<Endpoint>) -> Vec<Portion> {
    let id = |endpoint: &Endpoint| {
        let target = endpoint.target_ref.as_ref();
        (target.and_then(|target| target.uid.clone()), endpoint.addresses.clone())
    };
    let mut missing: BTreeMap<_, _> =
        endpoints.into_iter().map(|endpoint| (id(&endpoint), endpoint)).collect();
    let mut portions: Vec<Portion> = Vec::new();
    for slice in known {
        let stay = versions::endpoints(slice).iter().filter_map(|endpoint| missing.remove(&id(endpoint)));
        let stay: Vec<_> = stay.take(CAPACITY).collect();
        portions.push((Some(slice.clone()), stay));
    }
    let mut by_room: Vec<usize> = (0..portions.len()).collect();
    by_room.sort_by_key(|index| std::cmp::Reverse(portions[*index].1.len()));
    let mut missing = missing.into_values();
    for index in by_room {
        let room = CAPACITY - portions[index].1.len();
        portions[index].1.extend(missing.by_ref().take(room));
    }
    loop {
        let next: Vec<_> = missing.by_ref().take(CAPACITY).collect();
        if next.is_empty() && !portions.is_empty() {
            return portions;
        }
        portions.push((None, next));
    }
}

fn slice_ports(ports: &[Port]) -> Vec<EndpointPort> {
    let port = |port: &Port| EndpointPort {
        // A port without a name has the empty one here.
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(port.number),
        protocol: Some(port.protocol.clone()),
        app_protocol: port.app_protocol.clone(),
    };
    ports.iter().map(port).collect()
}

fn write(
    plan: &mut Plan,
    owner: &Object,
    service: &Service,
    family: &str,
    ports: &[EndpointPort],
    slice: Option<Arc<EndpointSlice>>,
    endpoints: Vec<Endpoint>,
) -> Result<(), ReconcileError> {
    let labels = labels(service);
    match slice {
        Some(slice) => {
            let mut changed = (*slice).clone();
            changed.endpoints = Given::of(endpoints);
            changed.metadata.labels = Some(labels);
            plan.change(&*slice, &changed, Part::Main)
        }
        None => {
            let metadata = ObjectMeta {
                generate_name: Some(format!("{}-", owner.name())),
                namespace: owner.namespace().map(ToOwned::to_owned),
                labels: Some(labels),
                owner_references: Some(vec![controller_reference(owner)]),
                ..ObjectMeta::default()
            };
            let (endpoints, ports) = (Given::of(endpoints), Some(ports.to_vec()));
            plan.create(EndpointSlice { metadata, address_type: family.to_owned(), endpoints, ports }, None)
        }
    }
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

fn delete<'a>(
    plan: &mut Plan,
    view: &View,
    slices: impl Iterator<Item = &'a Arc<EndpointSlice>>,
) -> Result<(), ReconcileError> {
    for slice in slices {
        let name = slice.metadata.name.as_deref().unwrap_or_default();
        let key = ObjectKey::new(slice.metadata.namespace.as_deref(), name);
        if let Some(object) = view.object(&ObjectRef::to::<EndpointSlice>(key))?
            && !object.metadata().is_being_deleted()
        {
            plan.delete(&object, None);
        }
    }
    Ok(())
}
