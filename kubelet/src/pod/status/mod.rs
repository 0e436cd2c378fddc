//! What the API is told of a pod.

mod conditions;
mod containers;
mod phase;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{HostIP, PodIP, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::declared;
use super::plan::{Situation, Stage};
use super::qos;

/// Times in the API are whole seconds; what is compared with what comes back from there must be too.
pub(super) fn time(timestamp: Timestamp) -> Time {
    Time(Timestamp::from_second(timestamp.as_second()).unwrap_or(timestamp))
}

/// The status of a pod: what the agent knows, over what the API has been told and others have written.
pub(super) fn status(situation: &Situation<'_>, stage: Stage) -> PodStatus {
    let mut status = declared::status(situation.pod).clone();
    status.observed_generation = situation.pod.metadata.generation;
    status.qos_class.get_or_insert_with(|| qos::class(declared::spec(situation.pod)).name().to_owned());
    status.start_time.get_or_insert_with(|| time(situation.now));
    if stage == Stage::Rejected {
        return rejected(situation, status);
    }
    addresses(situation, &mut status);
    containers::report(situation, stage, &mut status);
    phase::report(situation, stage, &mut status);
    conditions::report(situation, &mut status);
    status
}

fn rejected(situation: &Situation<'_>, mut status: PodStatus) -> PodStatus {
    if let Some(rejection) = &situation.memory.rejected {
        status.phase = Some("Failed".to_owned());
        status.reason = Some(rejection.reason.clone());
        status.message = Some(format!("Pod was rejected: {}", rejection.message));
    }
    status
}

fn addresses(situation: &Situation<'_>, status: &mut PodStatus) {
    let Situation { pod, observed, memory, node, .. } = *situation;
    let hosts: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
    status.host_ip = hosts.first().cloned();
    status.host_ips = Some(hosts.iter().map(|ip| HostIP { ip: ip.clone() }).collect());
    let sandbox = observed.ready_sandbox();
    let own = match sandbox {
        Some(_) if declared::uses_host_network(pod) => hosts,
        Some(sandbox) => memory.address_of(&sandbox.id).iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    // A pod that ends keeps the address it had: whoever still talks to it finds it by that.
    if !own.is_empty() {
        status.pod_ip = own.first().cloned();
        status.pod_ips = Some(own.into_iter().map(|ip| PodIP { ip }).collect());
    }
}
