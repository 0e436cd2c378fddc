//! Endpoints in portions that stay what they are as far as can be.

use std::collections::BTreeMap;
use std::sync::Arc;

use bireme_core::client::Part;
use bireme_core::object::versions::{self, Given};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, View};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::addresses::Port;
use crate::ownership::controller_reference;

/// The label that says which Service a slice belongs to.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label that says which controller keeps a slice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// How many endpoints a slice holds at most.
const CAPACITY: usize = 100;

/// The endpoints by the ports that they share: one entry for each way in which a Service is served.
pub(super) type Wanted = BTreeMap<Vec<Port>, Vec<Endpoint>>;

/// Whose slices are kept, and what is written on them.
pub(super) struct Slices<'a> {
    pub(super) view: &'a View,
    /// What they go with.
    pub(super) owner: &'a Object,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

impl Slices<'_> {
    /// Brings the slices of one address type to what is wanted, changing as few of them as possible.
    pub(super) fn bring(
        &self,
        plan: &mut Plan,
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
                self.write(plan, family, &ports, slice, endpoints)?;
            }
        }
        delete(plan, self.view, known.iter())
    }

    fn write(
        &self,
        plan: &mut Plan,
        family: &str,
        ports: &[EndpointPort],
        slice: Option<Arc<EndpointSlice>>,
        endpoints: Vec<Endpoint>,
    ) -> Result<(), ReconcileError> {
        let Self { owner, labels, annotations, .. } = self;
        match slice {
            Some(slice) => {
                let mut changed = (*slice).clone();
                changed.endpoints = Given::of(endpoints);
                changed.metadata.labels = Some(labels.clone());
                changed.metadata.annotations = annotations.clone();
                plan.change(&*slice, &changed, Part::Main)
            }
            None => {
                let metadata = ObjectMeta {
                    generate_name: Some(format!("{}-", owner.name())),
                    namespace: owner.namespace().map(ToOwned::to_owned),
                    labels: Some(labels.clone()),
                    annotations: annotations.clone(),
                    owner_references: Some(vec![controller_reference(owner)]),
                    ..ObjectMeta::default()
                };
                let (endpoints, ports) = (Given::of(endpoints), Some(ports.to_vec()));
                plan.create(
                    EndpointSlice { metadata, address_type: family.to_owned(), endpoints, ports },
                    None,
                )
            }
        }
    }
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

/// Plans the deletion of slices.
pub(super) fn delete<'a>(
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
