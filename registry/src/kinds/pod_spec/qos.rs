//! How well a pod is treated when its node runs short.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::PodSpec;

/// The resources that count.
const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// The pod's quality of service: `Guaranteed` when every container may use exactly what it asks for,
/// `BestEffort` when none asks for or is limited to anything, else `Burstable`.
pub(in crate::kinds) fn qos_class(spec: &PodSpec) -> &'static str {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    let mut all_limited = true;
    for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
        let resources = container.resources.as_ref();
        for name in COMPUTE {
            let amount = |of: Option<&BTreeMap<String, _>>| {
                of.and_then(|of| Quantity::try_from(of.get(name)?).ok()).filter(|amount| !amount.is_zero())
            };
            let limit = amount(resources.and_then(|resources| resources.limits.as_ref()));
            // A limit is also a request, unless there is another.
            let request = amount(resources.and_then(|resources| resources.requests.as_ref())).or(limit);
            all_limited &= limit.is_some();
            for (sums, amount) in [(&mut requests, request), (&mut limits, limit)] {
                if let Some(amount) = amount {
                    *sums.entry(name).or_insert(Quantity::ZERO) += amount;
                }
            }
        }
    }
    match () {
        () if requests.is_empty() && limits.is_empty() => "BestEffort",
        () if all_limited && requests == limits => "Guaranteed",
        () => "Burstable",
    }
}
