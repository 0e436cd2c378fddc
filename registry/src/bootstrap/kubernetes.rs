//! The `kubernetes` Service, by which pods reach the API server.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bireme_core::object::versions::Given;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::{self as discovery, EndpointConditions, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::allocation::ServiceRanges;

const NAME: &str = "kubernetes";
const PORT_NAME: &str = "https";

/// The Service: always the first address of the range.
pub(super) fn service(ranges: &ServiceRanges, advertise: Option<SocketAddr>) -> Service {
    let address = ranges.addresses.nth(1).unwrap_or(ranges.addresses.first()).to_string();
    let target = advertise.map_or(6443, |address| i32::from(address.port()));
    let port = ServicePort {
        name: Some(PORT_NAME.to_owned()),
        port: 443,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(target)),
        ..ServicePort::default()
    };
    Service {
        metadata: metadata(&[("component", "apiserver"), ("provider", "kubernetes")]),
        spec: Some(ServiceSpec {
            cluster_ip: Some(address.clone()),
            cluster_ips: Some(vec![address]),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// Where the Service leads, in the old form.
pub(super) fn endpoints(address: SocketAddr) -> Endpoints {
    let port = EndpointPort {
        name: Some(PORT_NAME.to_owned()),
        port: address.port().into(),
        protocol: Some("TCP".to_owned()),
        ..EndpointPort::default()
    };
    let ip = EndpointAddress { ip: address.ip().to_string(), ..EndpointAddress::default() };
    let subset =
        EndpointSubset { addresses: Some(vec![ip]), ports: Some(vec![port]), ..EndpointSubset::default() };
    Endpoints {
        metadata: metadata(&[("endpointslice.kubernetes.io/skip-mirror", "true")]),
        subsets: Some(vec![subset]),
    }
}

/// Where the Service leads.
pub(super) fn endpoint_slice(address: SocketAddr) -> EndpointSlice {
    let port = discovery::EndpointPort {
        name: Some(PORT_NAME.to_owned()),
        port: Some(address.port().into()),
        protocol: Some("TCP".to_owned()),
        ..discovery::EndpointPort::default()
    };
    let endpoint = discovery::Endpoint {
        addresses: vec![address.ip().to_string()],
        conditions: Some(EndpointConditions { ready: Some(true), ..EndpointConditions::default() }),
        ..discovery::Endpoint::default()
    };
    EndpointSlice {
        address_type: if address.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
        endpoints: Given::of(vec![endpoint]),
        metadata: metadata(&[("kubernetes.io/service-name", NAME)]),
        ports: Some(vec![port]),
    }
}

fn metadata(labels: &[(&str, &str)]) -> ObjectMeta {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ObjectMeta {
        name: Some(NAME.to_owned()),
        namespace: Some("default".to_owned()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}
