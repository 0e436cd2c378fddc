//! Amounts of resources.

use std::collections::BTreeMap;

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::{Path, qualified_name};

/// A list of amounts by the resource's name.
pub(crate) type Amounts = Option<BTreeMap<String, Text>>;

/// Writes every amount in the form that Kubernetes stores it in. What is no amount stays, for validation to
/// refuse.
pub(crate) fn canonical(amounts: &mut Amounts) {
    for amount in amounts.iter_mut().flatten().map(|(_, amount)| amount) {
        if let Ok(parsed) = amount.0.parse::<Quantity>() {
            amount.0 = parsed.to_string();
        }
    }
}

/// The amount must be more than nothing.
pub(crate) fn positive_quantity(path: Path<'_>, amount: &Text, causes: &mut Vec<Cause>) {
    match amount.0.parse::<Quantity>() {
        Err(error) => causes.push(Cause::invalid(path, &amount.0, error)),
        Ok(parsed) if parsed.is_negative() || parsed.is_zero() => {
            causes.push(Cause::invalid(path, parsed.to_string(), "must be greater than zero"));
        }
        Ok(_) => {}
    }
}

/// Names must be those of resources, and amounts not negative.
pub(crate) fn quantities(path: Path<'_>, amounts: &Amounts, causes: &mut Vec<Cause>) {
    for (name, amount) in amounts.iter().flatten() {
        let path = path.key(name);
        causes.extend(qualified_name(name).map(|why| Cause::invalid(path, name, why)));
        match amount.0.parse::<Quantity>() {
            Err(error) => causes.push(Cause::invalid(path, &amount.0, error)),
            Ok(amount) if amount.is_negative() => {
                causes.push(Cause::invalid(path, amount.to_string(), "must be greater than or equal to 0"));
            }
            Ok(_) => {}
        }
    }
}
