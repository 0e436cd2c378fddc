//! Service: one address for a set of pods.

mod columns;
mod validation;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::check::{default_text, joined, text};
use crate::resource::{Column, Field, NameRule, PORT, Schema, SelectableField, Strategy, Subresource};

/// The seconds that a client stays with its pod under `sessionAffinity: ClientIP`.
const AFFINITY_SECONDS: i32 = 3 * 60 * 60;

const SPEC: Schema = Schema::of(&[
    Field::atomic("clusterIPs"),
    Field::atomic("externalIPs"),
    Field::atomic("ipFamilies"),
    Field::atomic("loadBalancerSourceRanges"),
    Field::map("ports", &["port", "protocol"], &PORT),
    Field::atomic("selector"),
]);

const STATUS: Schema = Schema::of(&[
    Field::map("conditions", &["type"], &Schema::EMPTY),
    Field::object("loadBalancer", &Schema::of(&[Field::atomic("ingress")])).inherent(),
]);

impl Strategy for Service {
    const SINGULAR: &'static str = "service";
    const SHORT_NAMES: &'static [&'static str] = &["svc"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const NAME_RULE: NameRule = NameRule::ServiceName;
    const STORAGE_FOLDER: Option<&'static str> = Some("services/specs");
    const SELECTABLE: &'static [SelectableField] =
        &[SelectableField::text(&"spec.clusterIP"), SelectableField::text(&"spec.type")];
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Type", "How the service is reached.", |service, _| type_of(service).into()),
        Column::text("Cluster-IP", "The address inside the cluster.", |service, _| {
            columns::cluster_ip(service).into()
        }),
        Column::text("External-IP", "The addresses outside the cluster.", |service, _| {
            columns::external_ip(service).into()
        }),
        Column::text("Port(s)", "The ports, and those of every node that lead there.", |service, _| {
            columns::ports(service).into()
        }),
        Column::AGE,
        Column::text("Selector", "Which pods stand behind the service.", |service: &Self, _| {
            service.spec.as_ref().map_or_else(|| "<none>".to_owned(), |spec| joined(&spec.selector)).into()
        })
        .wide(),
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    /// What was allocated stays with the service where the author of a change left it out.
    fn prepare_update(&mut self, old: &Self, part: Part) {
        if part == Part::Main {
            self.status.clone_from(&old.status);
            if let (Some(new), Some(old)) = (&mut self.spec, &old.spec) {
                keep_allocated(new, old);
            }
        } else {
            self.spec.clone_from(&old.spec);
        }
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        default_text(&mut spec.type_, "ClusterIP");
        default_text(&mut spec.session_affinity, "None");
        default_affinity(spec);
        for port in spec.ports.iter_mut().flatten() {
            default_text(&mut port.protocol, "TCP");
            default_target(port);
        }
        match text(&spec.type_) {
            "ExternalName" => return,
            "NodePort" => default_text(&mut spec.external_traffic_policy, "Cluster"),
            "LoadBalancer" => {
                default_text(&mut spec.external_traffic_policy, "Cluster");
                spec.allocate_load_balancer_node_ports.get_or_insert(true);
            }
            _ => {}
        }
        default_text(&mut spec.internal_traffic_policy, "Cluster");
        default_addresses(spec);
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(spec) = &self.spec {
            validation::spec(spec, causes);
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if let (Some(new), Some(old)) = (&self.spec, &old.spec) {
            validation::change(new, old, causes);
        }
    }
}

fn type_of(service: &Service) -> &str {
    service.spec.as_ref().map_or("", |spec| text(&spec.type_))
}

/// Whether services of this type have an address in the cluster.
fn has_cluster_ip(type_: &str) -> bool {
    type_ != "ExternalName"
}

/// Whether services of this type have ports on every node.
fn has_node_ports(spec: &ServiceSpec) -> bool {
    match text(&spec.type_) {
        "NodePort" => true,
        "LoadBalancer" => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

fn default_affinity(spec: &mut ServiceSpec) {
    if text(&spec.session_affinity) == "ClientIP" {
        let config = spec.session_affinity_config.get_or_insert_default();
        config.client_ip.get_or_insert_default().timeout_seconds.get_or_insert(AFFINITY_SECONDS);
    } else {
        spec.session_affinity_config = None;
    }
}

fn default_target(port: &mut ServicePort) {
    let is_unset = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if is_unset {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}

/// `clusterIP` is the first of `clusterIPs`; either may be left out. A cluster has addresses of one family.
fn default_addresses(spec: &mut ServiceSpec) {
    let first = spec.cluster_ips.iter().flatten().next().cloned();
    match (text(&spec.cluster_ip), first) {
        ("", Some(first)) => spec.cluster_ip = Some(first),
        ("", None) => {}
        (ip, None) => spec.cluster_ips = Some(vec![ip.to_owned()]),
        (_, Some(_)) => {}
    }
    let is_ipv6 = text(&spec.cluster_ip).contains(':');
    spec.ip_families.get_or_insert_with(|| vec![if is_ipv6 { "IPv6" } else { "IPv4" }.to_owned()]);
    default_text(&mut spec.ip_family_policy, "SingleStack");
}

fn keep_allocated(new: &mut ServiceSpec, old: &ServiceSpec) {
    // Who changes one of the two forms of the address means both.
    if text(&new.cluster_ip) != text(&old.cluster_ip) && new.cluster_ips == old.cluster_ips {
        new.cluster_ips = None;
    } else if new.cluster_ip == old.cluster_ip && new.cluster_ips != old.cluster_ips {
        new.cluster_ip = new.cluster_ips.iter().flatten().next().cloned();
    }
    let same_need = has_cluster_ip(text(&new.type_)) && has_cluster_ip(text(&old.type_));
    if same_need && text(&new.cluster_ip).is_empty() && new.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
        new.cluster_ip.clone_from(&old.cluster_ip);
        new.cluster_ips.clone_from(&old.cluster_ips);
    }
    if !has_cluster_ip(text(&new.type_)) && new.cluster_ip == old.cluster_ip {
        // What became a mere name gives back what it had.
        (new.cluster_ip, new.cluster_ips, new.ip_families, new.ip_family_policy) = (None, None, None, None);
        (new.internal_traffic_policy, new.external_traffic_policy) = (None, None);
    }
    if !has_node_ports(new) && has_node_ports(old) {
        new.external_traffic_policy = None;
        for port in new.ports.iter_mut().flatten() {
            let was = |other: &&ServicePort| other.node_port == port.node_port;
            if old.ports.iter().flatten().any(|other| was(&other)) {
                port.node_port = None;
            }
        }
    }
    if has_node_ports(new) && has_node_ports(old) {
        for port in new.ports.iter_mut().flatten().filter(|port| port.node_port.unwrap_or(0) == 0) {
            let protocol = |port: &ServicePort| port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            let same = |other: &&ServicePort| other.port == port.port && protocol(other) == protocol(port);
            port.node_port = old.ports.iter().flatten().find(same).and_then(|other| other.node_port);
        }
    }
}

#[cfg(test)]
mod tests;
