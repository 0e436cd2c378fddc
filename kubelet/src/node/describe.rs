//! What a node says of itself.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;
use bireme_core::runtime::Image;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerImage, DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec,
    NodeStatus, NodeSystemInfo, Taint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::Health;
use super::thresholds::Shortages;
use crate::config::KubeletConfig;
use crate::host::MachineInfo;

/// How many images the status names at most; the largest ones, as the scheduler cares for those.
const MAX_IMAGES: usize = 50;
/// How many names of an image.
const MAX_IMAGE_NAMES: usize = 5;

/// What does not change while the agent runs.
pub(super) struct Facts<'a> {
    pub(super) config: &'a KubeletConfig,
    pub(super) machine: &'a MachineInfo,
    pub(super) capacity: &'a BTreeMap<String, Quantity>,
    pub(super) allocatable: &'a BTreeMap<String, Quantity>,
}

/// Kubernetes' name for the processor.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The labels that every node has, and those it is configured with.
pub(super) fn labels(config: &KubeletConfig) -> BTreeMap<String, String> {
    let own = [
        ("kubernetes.io/hostname", config.node.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture()),
    ];
    let own = own.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned()));
    own.chain(config.labels.clone()).collect()
}

/// The node as it is registered: not ready until its status says so.
pub(super) fn new_node(config: &KubeletConfig) -> Node {
    let not_ready = Taint {
        key: "node.kubernetes.io/not-ready".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    let cidr = config.pod_cidr.as_ref().map(ToString::to_string);
    let taints = config.taints.iter().cloned().chain([not_ready]).collect();
    Node {
        metadata: ObjectMeta {
            name: Some(config.node.clone()),
            labels: Some(labels(config)),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            pod_cidrs: cidr.clone().map(|cidr| vec![cidr]),
            pod_cidr: cidr,
            taints: Some(taints),
            ..NodeSpec::default()
        }),
        status: None,
    }
}

/// The node's status over the one before.
pub(super) fn status(
    facts: &Facts<'_>,
    before: Option<&NodeStatus>,
    health: &Health,
    now: Timestamp,
) -> NodeStatus {
    let mut status = before.cloned().unwrap_or_default();
    let amounts = |amounts: &BTreeMap<String, Quantity>| {
        Some(amounts.iter().map(|(resource, amount)| (resource.clone(), Text(amount.to_string()))).collect())
    };
    status.capacity = amounts(facts.capacity);
    status.allocatable = amounts(facts.allocatable);
    status.addresses = Some(addresses(facts.config));
    status.daemon_endpoints = facts
        .config
        .port
        .map(|port| NodeDaemonEndpoints { kubelet_endpoint: Some(DaemonEndpoint { port: i32::from(port) }) });
    status.node_info = Some(node_info(facts.machine, health));
    status.images = Some(images(&health.images));
    let conditions = status.conditions.get_or_insert_default();
    for (type_, finding) in findings(health) {
        set(conditions, type_, finding, now);
    }
    status
}

fn addresses(config: &KubeletConfig) -> Vec<NodeAddress> {
    let address = |type_: &str, address: String| NodeAddress { type_: type_.to_owned(), address };
    let internal = config.addresses.iter().map(|ip| address("InternalIP", ip.to_string()));
    internal.chain([address("Hostname", config.node.clone())]).collect()
}

fn node_info(machine: &MachineInfo, health: &Health) -> NodeSystemInfo {
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    let engine = health.engine.as_ref();
    NodeSystemInfo {
        architecture: architecture().to_owned(),
        boot_id: machine.boot_id.clone(),
        container_runtime_version: engine
            .map(|engine| format!("{}://{}", engine.name, engine.version))
            .unwrap_or_default(),
        kernel_version: engine.map(|engine| engine.kernel.clone()).unwrap_or_default(),
        kubelet_version: format!("{version}+bireme"),
        kube_proxy_version: format!("{version}+bireme"),
        machine_id: machine.machine_id.clone(),
        operating_system: "linux".to_owned(),
        os_image: engine.map(|engine| engine.operating_system.clone()).unwrap_or_default(),
        system_uuid: machine.system_uuid.clone(),
        ..NodeSystemInfo::default()
    }
}

fn images(images: &[Image]) -> Vec<ContainerImage> {
    let mut largest: Vec<&Image> = images.iter().collect();
    largest.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.id.cmp(&b.id)));
    let described = largest.into_iter().take(MAX_IMAGES).map(|image| ContainerImage {
        names: Some(image.references.iter().take(MAX_IMAGE_NAMES).cloned().collect()),
        size_bytes: i64::try_from(image.size).ok(),
    });
    described.collect()
}

struct Finding {
    holds: bool,
    reason: &'static str,
    message: String,
}

fn findings(health: &Health) -> [(&'static str, Finding); 4] {
    let short = |holds, yes, no, yes_message: &str, no_message: &str| Finding {
        holds,
        reason: if holds { yes } else { no },
        message: if holds { yes_message } else { no_message }.to_owned(),
    };
    let Shortages { memory, storage, processes } = health.short_of;
    let ready = match (&health.engine, &health.engine_error) {
        (Some(_), None) => Finding {
            holds: true,
            reason: "KubeletReady",
            message: "kubelet is posting ready status".to_owned(),
        },
        (_, error) => {
            let message = error.clone().unwrap_or_else(|| "the container engine is not known yet".to_owned());
            Finding { holds: false, reason: "KubeletNotReady", message }
        }
    };
    [
        (
            "MemoryPressure",
            short(
                memory,
                "KubeletHasInsufficientMemory",
                "KubeletHasSufficientMemory",
                "kubelet has insufficient memory available",
                "kubelet has sufficient memory available",
            ),
        ),
        (
            "DiskPressure",
            short(
                storage,
                "KubeletHasDiskPressure",
                "KubeletHasNoDiskPressure",
                "kubelet has disk pressure",
                "kubelet has no disk pressure",
            ),
        ),
        (
            "PIDPressure",
            short(
                processes,
                "KubeletHasInsufficientPID",
                "KubeletHasSufficientPID",
                "kubelet has insufficient PID available",
                "kubelet has sufficient PID available",
            ),
        ),
        ("Ready", ready),
    ]
}

fn set(conditions: &mut Vec<NodeCondition>, type_: &str, finding: Finding, now: Timestamp) {
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let value = if finding.holds { "True" } else { "False" };
    let known = conditions.iter().position(|condition| condition.type_ == type_);
    let since = known.map(|index| &conditions[index]).filter(|condition| condition.status == value);
    let since = since.and_then(|condition| condition.last_transition_time.clone());
    let condition = NodeCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(finding.reason.to_owned()),
        message: Some(finding.message),
        last_heartbeat_time: Some(now.clone()),
        last_transition_time: Some(since.unwrap_or(now)),
    };
    match known {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}
