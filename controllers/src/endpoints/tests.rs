use bireme_core::client::Part;
use bireme_core::reconciler::{Plan, Reconciler, ViewBuilder};
use k8s_openapi::api::core::v1::{Container, ContainerPort, Endpoints, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::*;
use crate::testing::*;

fn service(target: IntOrString) -> Service {
    let port = ServicePort {
        name: Some("http".into()),
        port: 80,
        target_port: Some(target),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        selector: Some(labels(&[("app", "web")])),
        cluster_ip: Some("10.96.0.10".into()),
        ports: Some(vec![port]),
        ..ServiceSpec::default()
    };
    Service { metadata: named("web"), spec: Some(spec), status: None }
}

fn changed(mut service: Service, change: impl FnOnce(&mut ServiceSpec)) -> Service {
    change(service.spec.as_mut().unwrap());
    service
}

fn plain() -> Service {
    service(IntOrString::Int(8080))
}

fn serving(number: usize) -> Pod {
    pod(&format!("p{number:03}")).on("n").ready(-5).ip(&format!("10.0.{}.{}", number / 250, number % 250 + 1))
}

fn with_port(mut pod: Pod, name: &str, number: i32) -> Pod {
    let port = ContainerPort { name: Some(name.into()), container_port: number, ..ContainerPort::default() };
    let container = Container { ports: Some(vec![port]), ..Container::default() };
    pod.spec.get_or_insert_default().containers.push(container);
    pod
}

fn slices_view() -> ViewBuilder {
    View::builder().watching(&EndpointSlices.watches())
}

fn plan(reconciler: &dyn Reconciler, view: ViewBuilder) -> Plan {
    let target = service_ref(Some("shop"), "web");
    reconciler.reconcile(&view.build(), &target, at(0)).unwrap()
}

fn slices(view: ViewBuilder) -> Plan {
    plan(&EndpointSlices, view)
}

fn legacy(view: ViewBuilder) -> Plan {
    plan(&LegacyEndpoints, view)
}

fn legacy_view() -> ViewBuilder {
    View::builder().watching(&LegacyEndpoints.watches())
}

/// A slice as this controller would have made it.
fn existing(name: &str, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let made = slices(slices_view().with(plain()).with(serving(0))).created::<EndpointSlice>();
    let mut slice = (*made[0]).clone();
    slice.metadata.name = Some(name.into());
    slice.metadata.uid = Some(name.into());
    slice.endpoints = endpoints;
    slice
}

fn endpoints_of(pods: impl Iterator<Item = usize>) -> Vec<Endpoint> {
    let made = slices(slices_view().with(plain()).with_all(pods.map(serving))).created::<EndpointSlice>();
    made.iter().flat_map(|slice| slice.endpoints.clone()).collect()
}

#[test]
fn an_endpoint_tells_how_where_and_whether_a_pod_serves() {
    let node = Node { metadata: named_in_cluster("n"), ..Node::default() }.label(ZONE, "west");
    let pods = [
        serving(0),
        serving(1).deleting(30),
        pod("p002").ip("10.0.0.3"),
        pod("unplaced"),
        serving(4).phase("Failed"),
    ];
    let made = slices(slices_view().with(plain()).with(node).with_all(pods)).created::<EndpointSlice>();
    let [slice] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!(slice.metadata.labels.as_ref().unwrap()[SERVICE], "web");
    assert_eq!(slice.metadata.owner_references.as_ref().unwrap()[0].kind, "Service");
    let port = &slice.ports.as_ref().unwrap()[0];
    assert_eq!(
        (port.name.as_deref(), port.port, port.protocol.as_deref()),
        (Some("http"), Some(8080), Some("TCP"))
    );
    let told: Vec<_> =
        slice.endpoints.iter().map(|endpoint| json!([endpoint.addresses[0], endpoint.conditions])).collect();
    let conditions =
        |ready, serving, terminating| json!({"ready": ready, "serving": serving, "terminating": terminating});
    assert_eq!(
        told,
        [
            json!(["10.0.0.1", conditions(true, true, false)]),
            json!(["10.0.0.2", conditions(false, true, true)]),
            json!(["10.0.0.3", conditions(false, false, false)]),
        ]
    );
    let first = &slice.endpoints[0];
    assert_eq!((first.node_name.as_deref(), first.zone.as_deref()), (Some("n"), Some("west")));
    assert_eq!(first.target_ref.as_ref().unwrap().uid.as_deref(), Some("p000"));
}

const SERVICE: &str = "kubernetes.io/service-name";

#[test]
fn pods_that_serve_a_named_port_differently_are_in_different_slices() {
    let named = service(IntOrString::String("web".into()));
    let pods = [
        with_port(serving(0), "web", 1000),
        with_port(serving(1), "web", 2000),
        with_port(serving(2), "web", 1000),
    ];
    let made = slices(slices_view().with(named).with_all(pods)).created::<EndpointSlice>();
    let told: Vec<_> =
        made.iter().map(|slice| (slice.ports.as_ref().unwrap()[0].port, slice.endpoints.len())).collect();
    assert_eq!(told, [(Some(1000), 2), (Some(2000), 1)]);
}

#[test]
fn slices_hold_a_hundred_and_new_endpoints_fill_the_gaps() {
    let made = slices(slices_view().with(plain()).with_all((0..250).map(serving))).created::<EndpointSlice>();
    assert_eq!(made.iter().map(|slice| slice.endpoints.len()).collect::<Vec<_>>(), [100, 100, 50]);

    // Of two slices the fuller one takes the new pod; the other one is not touched.
    let world = slices_view()
        .with(plain())
        .with(existing("a", endpoints_of(0..10)))
        .with(existing("b", endpoints_of(10..60)))
        .with_all((0..61).map(serving));
    let plan = slices(world);
    assert_eq!(plan.commands.len(), 1, "{plan:?}");
    let b = ObjectRef::to::<EndpointSlice>(ObjectKey::namespaced("shop", "b"));
    assert_eq!(plan.patches(&b, Part::Main)[0]["endpoints"].as_array().unwrap().len(), 51);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let world =
        slices_view().with(plain()).with(existing("a", endpoints_of(0..3))).with_all((0..3).map(serving));
    assert!(slices(world).commands.is_empty());
}

#[test]
fn a_service_without_pods_has_one_empty_slice_and_a_slice_that_became_empty_goes() {
    let made = slices(slices_view().with(plain())).created::<EndpointSlice>();
    assert_eq!((made.len(), made[0].endpoints.len()), (1, 0));

    let world = slices_view()
        .with(plain())
        .with(existing("a", endpoints_of(0..2)))
        .with(existing("b", endpoints_of(2..4)))
        .with_all((0..2).map(serving));
    let plan = slices(world);
    let deleted: Vec<_> = plan.deleted().into_iter().map(|object| object.key.name()).collect();
    assert_eq!(deleted, ["b"]);
}

#[test]
fn slices_go_with_their_service_and_with_its_selector() {
    let alone = slices(slices_view().with(existing("a", endpoints_of(0..2))));
    assert_eq!(alone.deleted().len(), 1);
    let manual = changed(plain(), |spec| spec.selector = None);
    assert_eq!(slices(slices_view().with(manual.clone()).with(existing("a", Vec::new()))).deleted().len(), 1);
    assert!(legacy(legacy_view().with(manual).with(serving(0))).commands.is_empty());
}

#[test]
fn a_service_may_publish_pods_that_are_not_ready_and_name_its_members() {
    let headless = changed(plain(), |spec| {
        spec.cluster_ip = Some("None".into());
        spec.publish_not_ready_addresses = Some(true);
        spec.ports = None;
    });
    let mut member = pod("p000").ip("10.0.0.1");
    let spec = member.spec.get_or_insert_default();
    (spec.hostname, spec.subdomain) = (Some("first".into()), Some("web".into()));
    let made = slices(slices_view().with(headless.clone()).with(member.clone())).created::<EndpointSlice>();
    assert_eq!(made[0].endpoints[0].hostname.as_deref(), Some("first"));
    assert_eq!(made[0].endpoints[0].conditions.as_ref().unwrap().ready, Some(true));
    assert_eq!(made[0].metadata.labels.as_ref().unwrap()["service.kubernetes.io/headless"], "");
    let made = legacy(legacy_view().with(headless).with(member)).created::<Endpoints>();
    let subset = &made[0].subsets.as_ref().unwrap()[0];
    assert_eq!(subset.addresses.as_ref().unwrap()[0].hostname.as_deref(), Some("first"));
    assert!(subset.ports.is_none());
}

#[test]
fn endpoints_keep_the_ready_apart_and_leave_out_the_terminating() {
    let pods = [serving(1), serving(0), pod("p002").ip("10.0.0.3"), serving(3).deleting(30)];
    let made = legacy(legacy_view().with(plain()).with_all(pods)).created::<Endpoints>();
    let subset = &made[0].subsets.as_ref().unwrap()[0];
    let ips = |addresses: &Option<Vec<k8s_openapi::api::core::v1::EndpointAddress>>| -> Vec<String> {
        addresses.iter().flatten().map(|address| address.ip.clone()).collect()
    };
    assert_eq!(ips(&subset.addresses), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(ips(&subset.not_ready_addresses), ["10.0.0.3"]);
    assert_eq!(subset.ports.as_ref().unwrap()[0].port, 8080);

    let again = legacy(legacy_view().with(plain()).with((*made[0]).clone()).with_all([
        serving(0),
        serving(1),
        pod("p002").ip("10.0.0.3"),
    ]));
    assert!(again.commands.is_empty(), "{again:?}");
}

#[test]
fn more_than_a_thousand_addresses_are_cut_and_said_to_be() {
    let made = legacy(legacy_view().with(plain()).with_all((0..1001).map(serving))).created::<Endpoints>();
    assert_eq!(made[0].subsets.as_ref().unwrap()[0].addresses.as_ref().unwrap().len(), 1000);
    assert_eq!(
        made[0].metadata.annotations.as_ref().unwrap()["endpoints.kubernetes.io/over-capacity"],
        "truncated"
    );
}

#[test]
fn a_pod_concerns_the_services_that_select_it_before_or_after() {
    let other = Service {
        metadata: named("other"),
        ..changed(plain(), |spec| spec.selector = Some(labels(&[("app", "x")])))
    };
    let view = slices_view().with(plain()).with(other).build();
    let object = |pod: Pod| std::sync::Arc::new(Object::from_typed(pod).unwrap());
    let delta = Delta::Updated { old: object(pod("a")), new: object(pod("a").label("app", "x")) };
    let names: Vec<_> =
        targets(&view, &delta).unwrap().into_iter().map(|target| target.key.name().to_owned()).collect();
    assert_eq!(names, ["web", "other"]);
}

fn outside(subsets: serde_json::Value) -> Endpoints {
    let metadata = json!({"name": "web", "namespace": "shop", "uid": "e", "labels": {"team": "billing"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}});
    serde_json::from_value(json!({"metadata": metadata, "subsets": subsets})).unwrap()
}

fn mirrored(service: Service, endpoints: Endpoints, known: Vec<EndpointSlice>) -> Plan {
    let view = View::builder().watching(&MirroredEndpoints.watches());
    plan(&MirroredEndpoints, view.with(service).with(endpoints).with_all(known))
}

fn without_selector() -> Service {
    changed(plain(), |spec| spec.selector = None)
}

#[test]
fn endpoints_that_somebody_else_keeps_become_slices() {
    let subsets = json!([
        {"addresses": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}], "notReadyAddresses": [{"ip": "192.0.2.2"}],
         "ports": [{"name": "http", "port": 8080}]},
        {"addresses": [{"ip": "192.0.2.3"}], "ports": [{"name": "http", "port": 9090}]},
    ]);
    let made = mirrored(without_selector(), outside(subsets.clone()), Vec::new()).created::<EndpointSlice>();
    let mut seen: Vec<_> = made
        .iter()
        .map(|slice| {
            let endpoints = slice.endpoints.iter().map(|endpoint| {
                (endpoint.addresses[0].clone(), endpoint.conditions.as_ref().unwrap().ready.unwrap())
            });
            let port = slice.ports.as_ref().unwrap()[0].port.unwrap();
            (slice.address_type.clone(), port, endpoints.collect::<Vec<_>>())
        })
        .collect();
    seen.sort();
    let expected = [
        ("IPv4".to_owned(), 8080, vec![("192.0.2.1".to_owned(), true), ("192.0.2.2".to_owned(), false)]),
        ("IPv4".to_owned(), 9090, vec![("192.0.2.3".to_owned(), true)]),
        ("IPv6".to_owned(), 8080, vec![("2001:db8::1".to_owned(), true)]),
    ];
    assert_eq!(seen, expected);
    let metadata = &made[0].metadata;
    let slice_labels = metadata.labels.as_ref().unwrap();
    assert_eq!(
        (slice_labels["team"].as_str(), slice_labels["kubernetes.io/service-name"].as_str()),
        ("billing", "web")
    );
    assert_eq!(metadata.annotations, Some(labels(&[("note", "kept")])));
    assert_eq!(metadata.owner_references.as_ref().unwrap()[0].kind, "Endpoints");
    // Nothing is to be done a second time.
    let known: Vec<_> = made
        .iter()
        .enumerate()
        .map(|(index, slice)| {
            let mut slice = (**slice).clone();
            slice.metadata.name = Some(format!("web-{index}"));
            slice.metadata.uid = Some(format!("u{index}"));
            slice
        })
        .collect();
    assert!(mirrored(without_selector(), outside(subsets), known.clone()).commands.is_empty());
    // What is not there any more goes.
    let fewer = json!([{"addresses": [{"ip": "192.0.2.3"}], "ports": [{"name": "http", "port": 9090}]}]);
    assert_eq!(mirrored(without_selector(), outside(fewer), known.clone()).deleted().len(), 2);
    assert_eq!(mirrored(plain(), outside(json!([])), known).deleted().len(), 3, "it selects pods now");
}

#[test]
fn endpoints_that_are_not_to_be_mirrored_are_not() {
    let subsets = json!([{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]);
    let is_left_alone =
        |service: Service, endpoints: Endpoints| mirrored(service, endpoints, Vec::new()).commands.is_empty();
    assert!(is_left_alone(plain(), outside(subsets.clone())), "the Service selects pods");
    let mut skipped = outside(subsets.clone());
    skipped.metadata.labels = Some(labels(&[("endpointslice.kubernetes.io/skip-mirror", "true")]));
    assert!(is_left_alone(without_selector(), skipped), "its author keeps slices too");
    let mut lock = outside(subsets.clone());
    lock.metadata.annotations = Some(labels(&[("control-plane.alpha.kubernetes.io/leader", "{}")]));
    assert!(is_left_alone(without_selector(), lock), "it is the lock of an election");
    assert!(!is_left_alone(without_selector(), outside(subsets)));
}
