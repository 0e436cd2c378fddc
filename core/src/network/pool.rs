//! Handing out the addresses of a range.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::cidr::Cidr;

/// The addresses of one range, free or taken: for the pods of a node, and for Services.
///
/// The first address, and the last of an IPv4 range of more than two, are never given out: they name the
/// network and its broadcast. A freed address is given out again only after all others had their turn, so
/// that a late packet or a cached name seldom meets a stranger.
#[derive(Clone, Debug)]
pub struct AddressPool {
    range: Cidr,
    /// The lowest and the highest place that may be given out; `None` when there is none.
    usable: Option<(u128, u128)>,
    /// Where [`allocate`](Self::allocate) begins, below which only explicit claims are welcome.
    dynamic_from: u128,
    taken: BTreeSet<u128>,
    next: u128,
}

/// Why an address cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not an address that this pool may give out.
    #[error("{address} is not in the range of valid addresses of {range}")]
    OutOfRange {
        /// The address asked for.
        address: IpAddr,
        /// The pool's range.
        range: Cidr,
    },
    /// Somebody has it.
    #[error("{address} is already allocated")]
    Taken {
        /// The address asked for.
        address: IpAddr,
    },
}

impl AddressPool {
    /// All of `range`, free.
    pub fn new(range: Cidr) -> Self {
        let last = range.size_minus_one();
        let usable = match last {
            0 => Some((0, 0)),
            1 => Some((0, 1)),
            _ if range.is_ipv4() => Some((1, last - 1)),
            _ => Some((1, last)),
        };
        let lowest = usable.map_or(0, |(lowest, _)| lowest);
        Self { range, usable, dynamic_from: lowest, taken: BTreeSet::new(), next: lowest }
    }

    /// Keeps the first `count` places for explicit claims: [`allocate`](Self::allocate) turns to them only when
    /// nothing else is free. Kubernetes does so for Service addresses (KEP-3070).
    pub fn preferring_above(mut self, count: u128) -> Self {
        if let Some((lowest, highest)) = self.usable {
            self.dynamic_from = count.clamp(lowest, highest);
            self.next = self.dynamic_from;
        }
        self
    }

    /// The range.
    pub fn range(&self) -> Cidr {
        self.range
    }

    /// How many addresses are taken.
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// Takes a free address; `None` when there is none.
    pub fn allocate(&mut self) -> Option<IpAddr> {
        let (lowest, highest) = self.usable?;
        let free = self
            .first_free(self.next, highest)
            .or_else(|| self.first_free(self.dynamic_from, highest))
            .or_else(|| self.first_free(lowest, highest))?;
        self.taken.insert(free);
        if free >= self.dynamic_from {
            self.next = if free == highest { self.dynamic_from } else { free + 1 };
        }
        self.range.nth(free)
    }

    /// Takes exactly `address`.
    ///
    /// # Errors
    /// [`ClaimError`] when it is not this pool's to give, or taken; nothing changes then.
    pub fn claim(&mut self, address: IpAddr) -> Result<(), ClaimError> {
        let offset = self.offset(address).ok_or(ClaimError::OutOfRange { address, range: self.range })?;
        if self.taken.insert(offset) { Ok(()) } else { Err(ClaimError::Taken { address }) }
    }

    /// Frees `address`; whether it was taken.
    pub fn release(&mut self, address: IpAddr) -> bool {
        self.offset(address).is_some_and(|offset| self.taken.remove(&offset))
    }

    /// Takes exactly `addresses`, of which those that are not this pool's to give are passed over, and frees
    /// all others, as when the truth about them lies elsewhere. The turn of the next address stays.
    pub fn hold_exactly(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.taken = addresses.into_iter().filter_map(|address| self.offset(address)).collect();
    }

    fn offset(&self, address: IpAddr) -> Option<u128> {
        let (lowest, highest) = self.usable?;
        self.range.offset(address).filter(|offset| (lowest..=highest).contains(offset))
    }

    fn first_free(&self, from: u128, highest: u128) -> Option<u128> {
        let mut candidate = from;
        for taken in self.taken.range(from..) {
            if *taken != candidate {
                break;
            }
            candidate = candidate.checked_add(1)?;
        }
        (candidate <= highest).then_some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> AddressPool {
        AddressPool::new(text.parse().unwrap())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn gives_every_address_but_network_and_broadcast_once() {
        let mut pool = pool("10.0.0.0/29");
        let all: Vec<_> = std::iter::from_fn(|| pool.allocate()).collect();
        assert_eq!(all, (1..=6).map(|i| ip(&format!("10.0.0.{i}"))).collect::<Vec<_>>());
        assert_eq!(pool.taken(), 6);
    }

    #[test]
    fn uses_all_of_a_range_too_small_for_network_and_broadcast() {
        let mut pair = pool("10.0.0.2/31");
        assert_eq!((pair.allocate(), pair.allocate()), (Some(ip("10.0.0.2")), Some(ip("10.0.0.3"))));
        assert_eq!(pair.allocate(), None);
        assert_eq!(pool("10.0.0.2/32").allocate(), Some(ip("10.0.0.2")));
        assert_eq!(pool("fd00::/127").allocate(), Some(ip("fd00::")));
    }

    #[test]
    fn gives_a_freed_address_out_again_only_after_the_others() {
        let mut pool = pool("10.0.0.0/29");
        let first = pool.allocate().unwrap();
        assert!(pool.release(first));
        let rest: Vec<_> = (0..6).map(|_| pool.allocate().unwrap()).collect();
        assert_eq!(rest.last(), Some(&first));
        assert!(!rest[..5].contains(&first));
    }

    #[test]
    fn never_gives_out_what_was_claimed() {
        let mut pool = pool("10.0.0.0/29");
        for claimed in ["10.0.0.1", "10.0.0.2", "10.0.0.5"] {
            pool.claim(ip(claimed)).unwrap();
        }
        let rest: Vec<_> = std::iter::from_fn(|| pool.allocate()).collect();
        assert_eq!(rest, [ip("10.0.0.3"), ip("10.0.0.4"), ip("10.0.0.6")]);
    }

    #[test]
    fn refuses_a_claim_on_what_is_taken_or_not_its_own() {
        let mut pool = pool("10.0.0.0/29");
        pool.claim(ip("10.0.0.3")).unwrap();
        assert_eq!(pool.claim(ip("10.0.0.3")), Err(ClaimError::Taken { address: ip("10.0.0.3") }));
        for foreign in ["10.0.0.0", "10.0.0.7", "10.0.0.8", "fd00::1"] {
            let address = ip(foreign);
            assert_eq!(pool.claim(address), Err(ClaimError::OutOfRange { address, range: pool.range() }));
        }
        assert!(!pool.release(ip("10.0.0.4")));
    }

    #[test]
    fn follows_what_is_held_elsewhere_without_losing_its_turn() {
        let mut pool = pool("10.0.0.0/29");
        pool.allocate();
        pool.allocate();
        pool.hold_exactly(["10.0.0.4", "10.0.0.3", "10.9.9.9"].map(ip));
        assert_eq!(pool.taken(), 2);
        assert_eq!(pool.allocate(), Some(ip("10.0.0.5")));
        assert_eq!(pool.claim(ip("10.0.0.1")), Ok(()));
    }

    #[test]
    fn turns_to_the_low_places_only_when_nothing_else_is_free() {
        let mut pool = pool("10.0.0.0/29").preferring_above(4);
        let all: Vec<_> = std::iter::from_fn(|| pool.allocate()).collect();
        assert_eq!(all, [4, 5, 6, 1, 2, 3].map(|i| ip(&format!("10.0.0.{i}"))));
        pool.release(ip("10.0.0.2"));
        pool.release(ip("10.0.0.5"));
        assert_eq!(pool.allocate(), Some(ip("10.0.0.5")));
    }
}
