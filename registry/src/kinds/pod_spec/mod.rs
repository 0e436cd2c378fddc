//! The spec of a pod, wherever it stands: in a pod, or in the template of one. Its defaults and rules are here
//! and nowhere else, so that a pod is what the template says.

mod container;
mod defaults;
mod environment;
mod node_affinity;
mod pod_affinity;
mod probe;
mod qos;
mod resources;
mod scheduling;
mod security;
mod validation;
mod volume;
mod warnings;

pub(super) use defaults::{default, default_requests, default_template};
pub(super) use node_affinity::validate_node_selector;
pub(super) use qos::qos_class;
pub(super) use scheduling::validate_tolerations;
pub(super) use validation::{validate, validate_template};
pub(super) use warnings::warnings;

#[cfg(test)]
mod tests;
