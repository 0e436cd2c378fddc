//! Places of a range that are free as far as this process knows.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bireme_core::error::ApiError;
use bireme_core::network::{AddressPool, Cidr, ClaimError};
use bireme_core::store::{Key, RangeRequest, Store};

use crate::errors::store_error;

/// A range of which places are given out.
pub(super) trait Places: Send {
    /// A place.
    type Place: Copy + Display + FromStr;

    /// Takes a free place.
    fn allocate(&mut self) -> Option<Self::Place>;
    /// Takes this place.
    fn claim(&mut self, place: Self::Place) -> Result<(), Refusal>;
    /// Frees a place.
    fn release(&mut self, place: Self::Place);
}

/// Why a place cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    OutOfRange,
    Taken,
}

impl Places for AddressPool {
    type Place = IpAddr;

    fn allocate(&mut self) -> Option<IpAddr> {
        self.allocate()
    }

    fn claim(&mut self, place: IpAddr) -> Result<(), Refusal> {
        self.claim(place).map_err(|error| match error {
            ClaimError::OutOfRange { .. } => Refusal::OutOfRange,
            ClaimError::Taken { .. } => Refusal::Taken,
        })
    }

    fn release(&mut self, place: IpAddr) {
        self.release(place);
    }
}

/// The addresses of a range, whose beginning is kept for those who ask for an address (KEP-3070).
pub(super) fn addresses(range: Cidr) -> AddressPool {
    let size = range.offset(range.last()).unwrap_or(0).saturating_add(1);
    AddressPool::new(range).preferring_above(if size < 32 { 0 } else { (size / 16).clamp(16, 256) })
}

/// The ports of a range.
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    taken: BTreeSet<u16>,
    next: u16,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self { next: *range.start(), range, taken: BTreeSet::new() }
    }
}

impl Places for Ports {
    type Place = u16;

    fn allocate(&mut self) -> Option<u16> {
        let (first, last) = (*self.range.start(), *self.range.end());
        let place = (self.next..=last).chain(first..self.next).find(|port| !self.taken.contains(port))?;
        self.taken.insert(place);
        self.next = if place == last { first } else { place + 1 };
        Some(place)
    }

    fn claim(&mut self, place: u16) -> Result<(), Refusal> {
        match (self.range.contains(&place), self.taken.insert(place)) {
            (false, _) => Err(Refusal::OutOfRange),
            (true, false) => Err(Refusal::Taken),
            (true, true) => Ok(()),
        }
    }

    fn release(&mut self, place: u16) {
        self.taken.remove(&place);
    }
}

/// A range in a store: a key for each place that is taken.
pub(super) struct Pool<P> {
    prefix: &'static str,
    empty: fn(&super::ServiceRanges) -> P,
    ranges: super::ServiceRanges,
    /// Nothing until it has been read from the store.
    places: Mutex<Option<P>>,
}

impl<P: Places> Pool<P> {
    pub(super) fn new(
        prefix: &'static str,
        ranges: super::ServiceRanges,
        empty: fn(&super::ServiceRanges) -> P,
    ) -> Self {
        Self { prefix, empty, ranges, places: Mutex::new(None) }
    }

    /// The key that says that a place is taken.
    pub(super) fn key(&self, place: P::Place) -> Key {
        format!("{}{place}", self.prefix).into()
    }

    /// Takes a free place; nothing when there is none.
    pub(super) async fn allocate(&self, store: &dyn Store) -> Result<Option<P::Place>, ApiError> {
        self.read(store, false).await?;
        if let Some(place) = self.with(P::allocate) {
            return Ok(Some(place));
        }
        // Others may have freed some.
        self.read(store, true).await?;
        Ok(self.with(P::allocate))
    }

    /// Takes this place.
    pub(super) async fn claim(
        &self,
        store: &dyn Store,
        place: P::Place,
    ) -> Result<Result<(), Refusal>, ApiError> {
        self.read(store, false).await?;
        match self.with(|places| places.claim(place)) {
            Err(Refusal::Taken) => {
                self.read(store, true).await?;
                Ok(self.with(|places| places.claim(place)))
            }
            other => Ok(other),
        }
    }

    /// Frees a place in memory.
    pub(super) fn release(&self, place: P::Place) {
        if let Some(places) = &mut *self.lock() {
            places.release(place);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut P) -> T) -> T {
        act(self.lock().get_or_insert_with(|| (self.empty)(&self.ranges)))
    }

    async fn read(&self, store: &dyn Store, again: bool) -> Result<(), ApiError> {
        if self.lock().is_some() && !again {
            return Ok(());
        }
        let request = RangeRequest { prefix: self.prefix.into(), ..RangeRequest::default() };
        let taken = store.range(request).await.map_err(store_error)?;
        let mut places = (self.empty)(&self.ranges);
        for item in &taken.items {
            let text = std::str::from_utf8(&item.key.as_bytes()[self.prefix.len()..]).unwrap_or_default();
            // Places of a range that was configured before stay taken in the store, and concern nobody here.
            if let Ok(place) = text.parse::<P::Place>() {
                let outside = places.claim(place) == Err(Refusal::OutOfRange);
                tracing::trace!(%place, outside, "taken");
            }
        }
        let mut present = self.lock();
        if present.is_none() || again {
            *present = Some(places);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<P>> {
        // Nothing that runs under the lock panics half-way through a change.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
