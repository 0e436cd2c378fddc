//! Nodes that have a pod's images need not pull them: upstream's `ImageLocality`.

use std::collections::HashMap;

use bireme_core::scheduler::{NodeInfo, PodInfo};

use crate::framework::{MOST_POINTS, PodShape};

const MIB: i64 = 1 << 20;
/// Less than this is pulled in no time.
const LEAST: i64 = 23 * MIB;
/// More than this per container makes no difference.
const MOST_PER_CONTAINER: i64 = 1000 * MIB;

/// The images of one class of pods, and how many nodes have each.
pub(crate) struct Images {
    /// By container.
    names: Vec<String>,
    holders: Vec<u32>,
}

/// By container, how large its image is on a node; nothing where it is not there.
pub(crate) type Held = Box<[i64]>;

impl Images {
    /// The size of an image that is not there.
    pub(crate) const ABSENT: i64 = -1;

    /// How many containers there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// `None` for a pod whose containers name none.
    pub(crate) fn new(pod: &PodInfo) -> Option<Self> {
        let names: Vec<String> = images(pod).map(with_tag).collect();
        (!names.is_empty()).then(|| Self { holders: vec![0; names.len()], names })
    }

    /// The images are all that is looked at of the pod.
    pub(crate) fn shape(pod: &PodInfo, shape: &mut PodShape) {
        shape.see_numbers([images(pod).count().try_into().unwrap_or(i64::MAX)]);
        images(pod).for_each(|image| shape.see_text(image));
    }

    /// Which of them a node has; `None` when it has none.
    pub(crate) fn held_by(&self, node: &NodeInfo) -> Option<Held> {
        let mut sizes: HashMap<&str, i64> = HashMap::new();
        for image in node.images() {
            let size = image.size_bytes.unwrap_or_default();
            sizes.extend(image.names.iter().flatten().map(|name| (name.as_str(), size)));
        }
        let held = || self.names.iter().map(|name| sizes.get(name.as_str()).copied());
        held().any(|size| size.is_some()).then(|| held().map(|size| size.unwrap_or(Self::ABSENT)).collect())
    }

    /// A node that has these is there (`by` 1) or is not there any more (-1).
    pub(crate) fn count(&mut self, held: Option<&Held>, by: i32) {
        for (holders, size) in self.holders.iter_mut().zip(held.into_iter().flatten()) {
            if *size != Self::ABSENT {
                *holders = holders.saturating_add_signed(by);
            }
        }
    }

    /// The points of nodes that have these, of so many nodes.
    pub(crate) fn points(&self, held: &[i64], nodes: usize) -> i64 {
        let worth = |(size, holders): (&i64, &u32)| {
            if *size == Self::ABSENT {
                return 0;
            }
            // What only one node has is worth little: else all pods would go to that node.
            #[expect(clippy::cast_possible_truncation, reason = "a size of an image, or less")]
            let worth = (*size as f64 * (f64::from(*holders) / nodes as f64)) as i64;
            worth
        };
        let sum: i64 = held.iter().zip(&self.holders).map(worth).sum();
        let most = MOST_PER_CONTAINER * i64::try_from(self.names.len()).unwrap_or(i64::MAX);
        MOST_POINTS * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
    }
}

fn images(pod: &PodInfo) -> impl Iterator<Item = &str> {
    let spec = pod.spec();
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.filter_map(|container| container.image.as_deref())
}

/// A name without a tag means the latest.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::{node, pod};
    use serde_json::json;

    fn points(image: &str, size: i64, holders: usize, nodes: usize) -> i64 {
        let mut images =
            Images::new(&pod("p").spec(json!({"containers": [{"name": "c", "image": image}]})).info())
                .unwrap();
        let held =
            images.held_by(&node("n").image("registry/app:v1", size).image("tool:latest", size).info());
        (0..holders).for_each(|_| images.count(held.as_ref(), 1));
        held.map_or(0, |held| images.points(&held, nodes))
    }

    #[test]
    fn large_images_that_many_nodes_have_are_worth_most() {
        assert_eq!(points("registry/app:v1", 1000 * MIB, 4, 4), 100);
        assert_eq!(points("registry/app:v1", 5000 * MIB, 4, 4), 100);
        assert_eq!(points("registry/app:v1", 1000 * MIB, 2, 4), 100 * (500 - 23) / (1000 - 23));
        assert_eq!(points("registry/app:v1", 23 * MIB, 4, 4), 0);
    }

    #[test]
    fn a_name_without_a_tag_is_the_latest() {
        assert_eq!(points("tool", 1000 * MIB, 1, 1), 100);
        assert_eq!(points("registry/app", 1000 * MIB, 1, 1), 0);
        assert_eq!(with_tag("registry:5000/app"), "registry:5000/app:latest");
    }
}
