//! What would not be counted any more if some pods of a node were gone.

use bireme_core::scheduler::{PodInfo, Snapshot};

use super::Terrain;
use super::surroundings::{Surroundings, Weights};

/// How much less would be counted at a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relief {
    /// By tally.
    pub(super) tallies: Vec<i64>,
    /// By term: how many pods fewer would keep off a match of it.
    pub(super) keeps_off: Vec<i64>,
}

impl Surroundings {
    /// What it is when nobody goes.
    pub(crate) fn no_relief(&self) -> Relief {
        Relief { tallies: vec![0; self.tallies.len()], keeps_off: vec![0; self.terms.len()] }
    }

    /// A pod of the node goes (`sign` 1), or stays after all (-1).
    pub(crate) fn relieve(
        &self,
        relief: &mut Relief,
        pod: &PodInfo,
        sign: i64,
        terrain: &Terrain,
        snapshot: &Snapshot,
    ) {
        for (sum, tally) in relief.tallies.iter_mut().zip(&self.tallies) {
            *sum += sign * tally.amount_of(pod, snapshot);
        }
        for (sum, term) in relief.keeps_off.iter_mut().zip(&self.terms) {
            *sum += sign * terrain.carried.keeps_off_by(*term, pod);
        }
    }

    /// Whether the pod could go to a node with these coordinates.
    pub(crate) fn accepts(
        &self,
        coordinates: &[i64],
        relief: &Relief,
        terrain: &Terrain,
        weights: &Weights,
    ) -> bool {
        let site = self.site(coordinates, 1, terrain).relieved(relief);
        self.rejections(&site, weights).next().is_none()
    }
}
