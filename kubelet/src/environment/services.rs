//! The variables that tell a container of the services there are, as Docker's links once did.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

/// The API's own service, of which every pod is told.
const API: (&str, &str) = ("default", "kubernetes");

/// The variables of the services of a namespace, and of the API's service; without links only of the latter.
pub(super) fn variables(services: &[Arc<Service>], namespace: &str, links: bool) -> Vec<(String, String)> {
    let is_api = |service: &Service| {
        let meta = &service.metadata;
        (meta.namespace.as_deref(), meta.name.as_deref()) == (Some(API.0), Some(API.1))
    };
    let own = |service: &Service| links && service.metadata.namespace.as_deref() == Some(namespace);
    let told = services.iter().filter(|service| is_api(service) || own(service));
    told.flat_map(|service| of_service(service)).collect()
}

fn of_service(service: &Service) -> Vec<(String, String)> {
    let spec = service.spec.clone().unwrap_or_default();
    let address = spec.cluster_ip.filter(|address| !address.is_empty() && address != "None");
    let (Some(name), Some(address)) = (&service.metadata.name, address) else { return Vec::new() };
    let ports = spec.ports.unwrap_or_default();
    let Some(first) = ports.first() else { return Vec::new() };
    let prefix = name.to_uppercase().replace('-', "_");
    let protocol = |protocol: &Option<String>| protocol.clone().unwrap_or_else(|| "TCP".to_owned());
    let url = |port: &k8s_openapi::api::core::v1::ServicePort| {
        format!("{}://{}", protocol(&port.protocol).to_lowercase(), joined(&address, port.port))
    };
    let mut variables = vec![
        (format!("{prefix}_SERVICE_HOST"), address.clone()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in &ports {
        if let Some(name) = port.name.as_ref().filter(|name| !name.is_empty()) {
            let name = name.to_uppercase().replace('-', "_");
            variables.push((format!("{prefix}_SERVICE_PORT_{name}"), port.port.to_string()));
        }
    }
    variables.push((format!("{prefix}_PORT"), url(first)));
    for port in &ports {
        let of_port = format!("{prefix}_PORT_{}_{}", port.port, protocol(&port.protocol));
        variables.push((of_port.clone(), url(port)));
        variables.push((format!("{of_port}_PROTO"), protocol(&port.protocol).to_lowercase()));
        variables.push((format!("{of_port}_PORT"), port.port.to_string()));
        variables.push((format!("{of_port}_ADDR"), address.clone()));
    }
    variables
}

/// An address and a port, with the brackets that an IPv6 address needs.
fn joined(address: &str, port: i32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
