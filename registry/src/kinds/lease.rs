//! Lease: who is alive, and who leads.

use bireme_core::error::Cause;
use k8s_openapi::api::coordination::v1::Lease;

use super::check::{Path, text};
use crate::resource::{Column, Strategy};

impl Strategy for Lease {
    const SINGULAR: &'static str = "lease";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Holder", "Who holds the lease.", |lease, _| {
            lease.spec.as_ref().map_or("", |spec| text(&spec.holder_identity)).into()
        }),
        Column::AGE,
    ];

    fn validate(&self, causes: &mut Vec<Cause>) {
        let Some(spec) = &self.spec else { return };
        let path = Path::root("spec");
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            causes.push(Cause::invalid(
                path.child("leaseDurationSeconds"),
                seconds,
                "must be greater than 0",
            ));
        }
        if let Some(count) = spec.lease_transitions.filter(|count| *count < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid(path.child("leaseTransitions"), count, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, from_json};
    use serde_json::json;

    #[test]
    fn durations_are_positive_and_transitions_counted_from_zero() {
        let lease = |duration: i32, transitions: i32| -> Lease {
            from_json(json!({"spec": {"leaseDurationSeconds": duration, "leaseTransitions": transitions}}))
        };
        assert!(causes(&lease(15, 0)).is_empty());
        assert_eq!(
            causes(&lease(0, -1)),
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            ]
        );
    }
}
