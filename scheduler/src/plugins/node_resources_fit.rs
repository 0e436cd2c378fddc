//! A node is never promised more than it has.

use bireme_core::scheduler::{ClusterEvent, NodeInfo, PodInfo, Rejection, Resources, Verdict};

use crate::framework::{Filter, NodeFilter, PodShape};

/// The filter of upstream's `NodeResourcesFit`; its usual score is [`LeastAllocated`](super::LeastAllocated).
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeResourcesFit;

const NAME: &str = "NodeResourcesFit";

impl Filter for NodeResourcesFit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        let pod = pod.clone();
        Some(Box::new(move |node| {
            let lacking = lacking(pod.requests(), node);
            if lacking.is_empty() { Verdict::Fits } else { Verdict::Rejects(lacking) }
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        super::see_requests(pod, shape);
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        // A pod that has changed may ask for less.
        use ClusterEvent::{NodeAdded, NodeAllocatable, PodChanged, PodRemoved};
        matches!(event, NodeAdded | NodeAllocatable | PodChanged | PodRemoved)
    }
}

fn lacking(wanted: &Resources, node: &NodeInfo) -> Vec<Rejection> {
    let (has, taken) = (node.allocatable(), node.requested());
    let mut lacking = Vec::new();
    let mut compare = |reason: &dyn Fn() -> String, wanted: i64, has: i64, taken: i64| {
        // What is not wanted cannot be lacking, even where the node is promised too much already.
        if wanted > 0 && wanted > has - taken {
            let eviction_helps = wanted <= has;
            lacking.push(Rejection { filter: NAME.to_owned(), reason: reason(), eviction_helps });
        }
    };
    compare(&|| "Too many pods".to_owned(), wanted.pods, has.pods, taken.pods);
    compare(&|| "Insufficient cpu".to_owned(), wanted.milli_cpu, has.milli_cpu, taken.milli_cpu);
    compare(&|| "Insufficient memory".to_owned(), wanted.memory, has.memory, taken.memory);
    let (disk, has_disk, taken_disk) =
        (wanted.ephemeral_storage, has.ephemeral_storage, taken.ephemeral_storage);
    compare(&|| "Insufficient ephemeral-storage".to_owned(), disk, has_disk, taken_disk);
    for (name, amount) in &wanted.extended {
        let of = |resources: &Resources| resources.extended.get(name).copied().unwrap_or_default();
        compare(&|| format!("Insufficient {name}"), *amount, of(has), of(taken));
    }
    lacking
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fits, node, pod, rejections};
    use super::*;

    #[test]
    fn a_pod_fits_exactly_and_not_a_millicpu_more() {
        let half_full = || node("n").allocatable("cpu", "1").pod(pod("other").requests("cpu", "400m"));
        assert!(fits(&NodeResourcesFit, &pod("p").requests("cpu", "600m").info(), &half_full().info()));
        let rejected =
            rejections(&NodeResourcesFit, &pod("p").requests("cpu", "601m").info(), &half_full().info());
        assert_eq!(rejected, [("Insufficient cpu".to_owned(), true)]);
    }

    #[test]
    fn every_lacking_resource_is_named_and_eviction_cannot_make_a_node_larger() {
        let small = node("n").allocatable("cpu", "1").allocatable("memory", "1Gi").info();
        let pod =
            pod("p").requests("cpu", "2").requests("memory", "2Gi").requests("example.com/gpu", "1").info();
        let expected = ["Insufficient cpu", "Insufficient memory", "Insufficient example.com/gpu"];
        assert_eq!(
            rejections(&NodeResourcesFit, &pod, &small),
            expected.map(|reason| (reason.to_owned(), false))
        );
    }

    #[test]
    fn the_number_of_pods_is_a_resource() {
        let full = node("n").allocatable("pods", "1").pod(pod("other")).info();
        assert_eq!(
            rejections(&NodeResourcesFit, &pod("p").info(), &full),
            [("Too many pods".to_owned(), true)]
        );
    }
}
