//! Pod: containers that run together on one node.

mod columns;
mod update;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Pod, PodStatus};

use super::check::{Path, or_none};
use super::pod_spec;
use crate::resource::{Column, Field, POD_SPEC, Schema, SelectableField, Strategy, Subresource};
use columns::Summary;

/// The seconds that a pod gets to end when nobody says otherwise.
const DEFAULT_GRACE_SECONDS: i64 = 30;

const STATUS: Schema = Schema::of(&[
    Field::map("conditions", &["type"], &Schema::EMPTY),
    Field::atomic("containerStatuses"),
    Field::atomic("ephemeralContainerStatuses"),
    Field::atomic("hostIPs"),
    Field::atomic("initContainerStatuses"),
    Field::map("podIPs", &["ip"], &Schema::EMPTY),
    Field::map("resourceClaimStatuses", &["name"], &Schema::EMPTY).retaining_keys(),
]);

impl Strategy for Pod {
    const GRACEFUL: bool = true;
    const SINGULAR: &'static str = "pod";
    const SHORT_NAMES: &'static [&'static str] = &["po"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[
        Subresource::Special { name: "binding", body: Some(("", "v1", "Binding")), verbs: &["create"] },
        Subresource::Special {
            name: "eviction",
            body: Some(("policy", "v1", "Eviction")),
            verbs: &["create"],
        },
        Subresource::Special {
            name: "exec",
            body: Some(("", "v1", "PodExecOptions")),
            verbs: &["create", "get"],
        },
        Subresource::Special { name: "log", body: None, verbs: &["get"] },
        Subresource::Status,
    ];
    const SELECTABLE: &'static [SelectableField] = &[
        SelectableField::text(&"spec.nodeName"),
        SelectableField::text(&"spec.restartPolicy"),
        SelectableField::text(&"spec.schedulerName"),
        SelectableField::text(&"spec.serviceAccountName"),
        SelectableField::boolean(&"spec.hostNetwork"),
        SelectableField::text(&"status.phase"),
        SelectableField::text(&"status.podIP"),
        SelectableField::text(&"status.nominatedNodeName"),
    ];
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &POD_SPEC), Field::object("status", &STATUS)]);
    const HAS_GENERATION: bool = true;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Ready", "How many containers are ready, of how many.", |pod, _| {
            Summary::of(pod).ready().into()
        }),
        Column::text("Status", "The state of the containers in one word.", |pod, _| {
            Summary::of(pod).status().into()
        }),
        Column::text("Restarts", "How often containers were restarted, and when last.", |pod, now| {
            Summary::of(pod).restarts(now).into()
        }),
        Column::AGE,
        Column::text("IP", "The address of the pod.", |pod: &Self, _| columns::ip(pod).into()).wide(),
        Column::text("Node", "The node that the pod runs on.", |pod: &Self, _| {
            pod.spec.as_ref().map_or("<none>", |spec| or_none(&spec.node_name)).into()
        })
        .wide(),
        Column::text("Nominated Node", "The node that makes room for the pod.", |pod: &Self, _| {
            pod.status.as_ref().map_or("<none>", |status| or_none(&status.nominated_node_name)).into()
        })
        .wide(),
        Column::text(
            "Readiness Gates",
            "How many readiness gates are open, of how many.",
            |pod: &Self, _| columns::readiness_gates(pod).into(),
        )
        .wide(),
    ];

    fn prepare_create(&mut self) {
        let qos_class = self.spec.as_ref().map(pod_spec::qos_class);
        self.status = Some(PodStatus {
            phase: Some("Pending".to_owned()),
            qos_class: qos_class.map(str::to_owned),
            ..PodStatus::default()
        });
    }

    fn default(&mut self) {
        if let Some(spec) = &mut self.spec {
            pod_spec::default(spec);
            spec.enable_service_links.get_or_insert(true);
            pod_spec::default_requests(spec);
        }
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        match &self.spec {
            None => causes.push(Cause::required(path.child("containers"), "")),
            Some(spec) => pod_spec::validate(path, spec, causes),
        }
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if part == Part::Main {
            update::validate(self, old, causes);
        }
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        match &self.spec {
            Some(spec) if old.is_none_or(|old| old.spec != self.spec) => {
                pod_spec::warnings(Path::root("spec"), spec)
            }
            _ => Vec::new(),
        }
    }

    /// A pod that no kubelet has to stop goes at once.
    fn grace_period_seconds(&self, requested: Option<i64>) -> i64 {
        let spec = self.spec.as_ref();
        let phase = self.status.as_ref().and_then(|status| status.phase.as_deref());
        if spec.and_then(|spec| spec.node_name.as_deref()).unwrap_or_default().is_empty()
            || matches!(phase, Some("Succeeded" | "Failed"))
        {
            return 0;
        }
        let own = spec.and_then(|spec| spec.termination_grace_period_seconds);
        requested.or(own).unwrap_or(DEFAULT_GRACE_SECONDS)
    }
}

#[cfg(test)]
mod tests;
