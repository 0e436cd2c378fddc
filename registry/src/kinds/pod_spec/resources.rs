//! The rules of what containers ask for.

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::ResourceRequirements;

use crate::kinds::check::{Path, quantities};

/// What is wrong with a container's requests and limits.
pub(super) fn validate(path: Path<'_>, resources: &ResourceRequirements, causes: &mut Vec<Cause>) {
    for (field, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
        let path = path.child(field);
        quantities(path, amounts, causes);
        for (name, amount) in amounts.iter().flatten() {
            let path = path.key(name);
            let (extended, standard) = (name.contains('/'), is_standard(name));
            if !extended && !standard {
                causes.push(Cause::invalid(path, name, "must be a standard resource for containers"));
            }
            let fraction = Quantity::try_from(amount).is_ok_and(|amount| !amount.is_integer());
            if extended && fraction {
                causes.push(Cause::invalid(path, &amount.0, "must be an integer"));
            }
        }
    }
    let limits = resources.limits.as_ref();
    for (name, request) in resources.requests.iter().flatten() {
        let limit = limits.and_then(|limits| limits.get(name));
        match (Quantity::try_from(request), limit.map(Quantity::try_from)) {
            (Ok(request), Some(Ok(limit))) if request > limit => {
                let why = format_args!("must be less than or equal to {name} limit of {limit}");
                causes.push(Cause::invalid(path.child("requests"), request.to_string(), why));
            }
            // What nobody may use more of than asked for has no request without a limit.
            (Ok(_), None) if name.contains('/') => {
                let why = "Limit must be set for non overcommitable resources";
                causes.push(Cause::required(path.child("limits"), why));
            }
            _ => {}
        }
    }
}

fn is_standard(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}
