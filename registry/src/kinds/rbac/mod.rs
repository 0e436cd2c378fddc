//! The kinds that say who may do what: rules in roles, and bindings that give them to somebody.

mod bindings;
mod roles;
#[cfg(test)]
mod tests;

/// The group of these kinds.
const GROUP: &str = "rbac.authorization.k8s.io";

/// What follows from nobody asking these objects.
const GRANTS_NOTHING: Option<&str> = Some("the object is stored, and nobody is allowed anything by it");
