//! References to other objects.

use bireme_core::error::Cause;

use super::{Path, dns_subdomain, required};
use crate::resource::NameRule;

/// The text must be able to stand between two slashes of a path.
pub(crate) fn path_segment(path: Path<'_>, value: &str, causes: &mut Vec<Cause>) {
    match NameRule::PathSegment.check(value) {
        _ if value.is_empty() => causes.push(Cause::required(path, "")),
        Err(why) => causes.push(Cause::invalid(path, value, why)),
        Ok(()) => {}
    }
}

/// A reference by group, kind and name must have the latter two.
pub(crate) fn local_reference(
    path: Path<'_>,
    group: Option<&str>,
    kind: &str,
    name: &str,
    causes: &mut Vec<Cause>,
) {
    if let Some(group) = group {
        causes.extend(dns_subdomain(group).map(|why| Cause::invalid(path.child("apiGroup"), group, why)));
    }
    path_segment(path.child("kind"), kind, causes);
    path_segment(path.child("name"), name, causes);
}

/// A name with the domain of who gave it: `example.com/ingress`.
pub(crate) fn domain_prefixed_path(path: Path<'_>, value: &str, causes: &mut Vec<Cause>) {
    required(path, value, causes);
    match value.split_once('/') {
        _ if value.is_empty() => {}
        None => causes.push(Cause::invalid(
            path,
            value,
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        )),
        Some((domain, rest)) => {
            causes.extend(dns_subdomain(domain).map(|why| Cause::invalid(path, domain, why)));
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&b);
            if rest.is_empty() || !rest.bytes().all(fits) {
                causes.push(Cause::invalid(path, rest, "Invalid path"));
            }
        }
    }
}
