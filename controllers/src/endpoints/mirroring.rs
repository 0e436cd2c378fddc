//! EndpointSlices of Endpoints that somebody else keeps, for Services that select no pods: such as one whose endpoints
//! are outside the cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bireme_core::cache::{Delta, Index};
use bireme_core::object::Kind;
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, Endpoints, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};

use super::addresses::Port;
use super::portions::{MANAGED_BY, SERVICE_NAME, Slices, Wanted, delete};
use super::service_ref;

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
/// The label of Endpoints that are not to be mirrored, since their author keeps slices too.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// The annotation of Endpoints that are the lock of an election and have no endpoints.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// What is about the Endpoints themselves, and not about what they say.
const OWN_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "endpoints.kubernetes.io/last-change-trigger-time"];
/// How many addresses of a subset are mirrored.
const CAPACITY: usize = 1000;

/// Slices that this controller manages, by `namespace/name` of their Service.
const BY_SERVICE: Index = Index::new("mirrored service", |object| {
    let labels = &object.metadata().labels;
    let is_ours = labels.get(MANAGED_BY).is_some_and(|manager| manager == MANAGER);
    let service = labels.get(SERVICE_NAME).filter(|_| is_ours);
    let name = service.map(|service| format!("{}/{service}", object.namespace().unwrap_or_default()));
    name.into_iter().collect()
});

/// Keeps the EndpointSlices of Services whose Endpoints others write.
#[derive(Debug)]
pub struct MirroredEndpoints;

impl Reconciler for MirroredEndpoints {
    fn name(&self) -> &'static str {
        "endpointslice-mirroring-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        let slices = Watch::of::<EndpointSlice>().indexed(BY_SERVICE);
        vec![Watch::of::<Service>(), Watch::of::<Endpoints>(), slices]
    }

    fn targets(&self, _: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let object = delta.object();
        if delta.kind() == Kind::of::<EndpointSlice>() {
            let labels = &object.metadata().labels;
            let is_ours = labels.get(MANAGED_BY).is_some_and(|manager| manager == MANAGER);
            let service = labels.get(SERVICE_NAME).filter(|_| is_ours);
            return Ok(service.map(|service| service_ref(object.namespace(), service)).into_iter().collect());
        }
        Ok(vec![service_ref(object.namespace(), object.name())])
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let known = view.indexed::<EndpointSlice>(BY_SERVICE, &target.key.to_string())?;
        let mut plan = Plan::nothing();
        let owner = view.object(&ObjectRef::to::<Endpoints>(target.key.clone()))?;
        let (service, endpoints) = (view.get::<Service>(&target.key)?, view.get::<Endpoints>(&target.key)?);
        let (Some(owner), Some(endpoints)) =
            (owner, endpoints.filter(|it| is_mirrored(it, service.as_deref())))
        else {
            delete(&mut plan, view, known.iter())?;
            return Ok(plan);
        };
        if owner.metadata().is_being_deleted() {
            return Ok(plan);
        }
        let mut labels = endpoints.metadata.labels.clone().unwrap_or_default();
        labels.insert(SERVICE_NAME.to_owned(), owner.name().to_owned());
        labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
        let annotations = annotations(&endpoints);
        let slices = Slices { view, owner: &owner, labels, annotations };
        for family in ["IPv4", "IPv6"] {
            let known = known.iter().filter(|slice| slice.address_type == family).cloned().collect();
            slices.bring(&mut plan, family, wanted(&endpoints, family), known)?;
        }
        Ok(plan)
    }
}

/// Whether others keep the endpoints of the Service, and want them mirrored.
fn is_mirrored(endpoints: &Endpoints, service: Option<&Service>) -> bool {
    let metadata = &endpoints.metadata;
    let skipped = metadata.labels.as_ref().and_then(|labels| labels.get(SKIP)).is_some_and(|it| it == "true");
    let is_lock = metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(LEADER));
    !skipped && !is_lock && service.is_some_and(|service| !selects(service))
}

/// Whether the Service says which pods its endpoints are.
fn selects(service: &Service) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| !selector.is_empty())
}

fn annotations(endpoints: &Endpoints) -> Option<BTreeMap<String, String>> {
    let mut annotations = endpoints.metadata.annotations.clone()?;
    annotations.retain(|name, _| !OWN_ANNOTATIONS.contains(&name.as_str()));
    (!annotations.is_empty()).then_some(annotations)
}

/// The endpoints of one address type by the ports that they share.
fn wanted(endpoints: &Endpoints, family: &str) -> Wanted {
    let mut wanted = Wanted::new();
    for subset in endpoints.subsets.iter().flatten() {
        let mut ports: Vec<_> = subset.ports.iter().flatten().map(port).collect();
        ports.sort();
        let ready = subset.addresses.iter().flatten().map(|address| (address, true));
        let waiting = subset.not_ready_addresses.iter().flatten().map(|address| (address, false));
        let of_family = |(address, _): &(&EndpointAddress, bool)| {
            // The API lets nobody write an address that is none.
            let parsed = address.ip.parse::<IpAddr>().ok();
            parsed.is_some_and(|parsed| parsed.is_ipv6() == (family == "IPv6"))
        };
        let found: Vec<_> = ready.chain(waiting).filter(of_family).take(CAPACITY).map(endpoint).collect();
        if !found.is_empty() {
            wanted.entry(ports).or_default().extend(found);
        }
    }
    wanted
}

fn port(port: &EndpointPort) -> Port {
    Port {
        name: port.name.clone(),
        number: port.port,
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        app_protocol: port.app_protocol.clone(),
    }
}

fn endpoint((address, ready): (&EndpointAddress, bool)) -> Endpoint {
    let conditions =
        EndpointConditions { ready: Some(ready), serving: Some(ready), terminating: Some(false) };
    Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: Some(conditions),
        hostname: address.hostname.clone(),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}
