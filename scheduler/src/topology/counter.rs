//! Sums over the pods in each domain.

use std::collections::BTreeMap;

use bireme_core::scheduler::NodeId;

use super::domains::DomainId;

/// What the pods on every node amount to, and the sums of the domains that the nodes count in.
///
/// A node counts in at most one domain, or in none: it lacks the label, or is not one that matters.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// By node.
    nodes: Vec<Share>,
    /// By domain.
    domains: Vec<Sum>,
    /// How many domains in which a node counts have this sum.
    levels: BTreeMap<i64, usize>,
    /// How many domains a node counts in.
    occupied: usize,
    total: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    domain: Option<DomainId>,
    amount: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    nodes: u32,
    amount: i64,
}

impl Counter {
    /// The node counts in this domain, wherever it did before.
    pub(crate) fn set_domain(&mut self, node: NodeId, domain: Option<DomainId>) {
        let share = self.share_mut(node);
        let Share { domain: old, amount } = std::mem::replace(share, Share { domain, amount: share.amount });
        if old == domain {
            return;
        }
        if let Some(domain) = old {
            self.change(domain, |sum| Sum { nodes: sum.nodes - 1, amount: sum.amount - amount });
            self.total -= amount;
        }
        if let Some(domain) = domain {
            self.change(domain, |sum| Sum { nodes: sum.nodes + 1, amount: sum.amount + amount });
            self.total += amount;
        }
    }

    /// What is on the node amounts to more.
    pub(crate) fn add(&mut self, node: NodeId, amount: i64) {
        if amount == 0 {
            return;
        }
        let share = self.share_mut(node);
        share.amount += amount;
        if let Some(domain) = share.domain {
            self.change(domain, |sum| Sum { amount: sum.amount + amount, ..sum });
            self.total += amount;
        }
    }

    /// The sum of a domain.
    pub(crate) fn sum(&self, domain: DomainId) -> i64 {
        self.domains.get(domain.index()).map_or(0, |sum| sum.amount)
    }

    /// What is on one node, if that counts in a domain.
    pub(crate) fn share(&self, node: NodeId) -> i64 {
        self.nodes.get(node.index()).filter(|share| share.domain.is_some()).map_or(0, |share| share.amount)
    }

    /// The sum of all domains.
    pub(crate) fn total(&self) -> i64 {
        self.total
    }

    /// The lowest sum of a domain in which a node counts, and how many such domains there are.
    pub(crate) fn lowest(&self) -> (Option<i64>, usize) {
        (self.levels.keys().next().copied(), self.occupied)
    }

    fn share_mut(&mut self, node: NodeId) -> &mut Share {
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, Share::default());
        }
        &mut self.nodes[node.index()]
    }

    fn change(&mut self, domain: DomainId, change: impl Fn(Sum) -> Sum) {
        if self.domains.len() <= domain.index() {
            self.domains.resize(domain.index() + 1, Sum::default());
        }
        let before = self.domains[domain.index()];
        let after = change(before);
        self.domains[domain.index()] = after;
        self.occupied = self.occupied + usize::from(after.nodes > 0) - usize::from(before.nodes > 0);
        if before.nodes > 0
            && let Some(count) = self.levels.get_mut(&before.amount)
        {
            *count -= 1;
            if *count == 0 {
                self.levels.remove(&before.amount);
            }
        }
        if after.nodes > 0 {
            *self.levels.entry(after.amount).or_default() += 1;
        }
    }
}
