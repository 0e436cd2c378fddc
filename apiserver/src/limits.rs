//! What clients may use up, so that none of them can take the server's memory from the others.

use std::time::Duration;

use bireme_core::error::{ApiError, Reason};
use http::Method;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How much of the server clients may take.
///
/// The size of bodies is bounded too: at 3 MiB, which must arrive within a minute, as upstream has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many requests that only read may be worked on at once; more are answered with 429. Watches and other
    /// streams do not count, nor do the health endpoints.
    pub requests_in_flight: usize,
    /// The same for requests that write.
    pub mutating_requests_in_flight: usize,
    /// How many watches and other streams may be open at once; more are answered with 429.
    pub streams: usize,
    /// How many connections may be open at once; more wait.
    pub connections: usize,
    /// How many requests an HTTP/2 connection may carry at once; a client's further ones wait.
    pub streams_per_connection: u32,
    /// How many bytes a request's path and headers may have; more are answered with 431.
    pub head_size: usize,
    /// How long a client may take for the TLS handshake.
    pub handshake: Duration,
    /// How long a client may take until its first request's headers are there, and on HTTP/1.1 for each later one's.
    pub head: Duration,
    /// For how long a client may take nothing of its answers, although there is more of all of them, before its
    /// connection is closed: upstream's time for a request that is no watch. A watch that has nothing to tell waits
    /// for the server.
    pub answer: Duration,
    /// How long a connection may carry no request before it is closed. Clients give theirs up earlier, so that they
    /// do not use one that is just being closed: client-go after a minute and a half.
    pub idle: Duration,
}

impl Default for Limits {
    /// Upstream's, where it has them.
    fn default() -> Self {
        Self {
            requests_in_flight: 400,
            mutating_requests_in_flight: 200,
            streams: 10_000,
            connections: 8192,
            streams_per_connection: 1000,
            head_size: 64 << 10,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(180),
        }
    }
}

/// The places of requests that are being worked on.
pub(crate) struct InFlight {
    reading: Semaphore,
    mutating: Semaphore,
    limits: Limits,
}

impl InFlight {
    pub(crate) fn new(limits: Limits) -> Self {
        let reading = Semaphore::new(limits.requests_in_flight);
        let mutating = Semaphore::new(limits.mutating_requests_in_flight);
        Self { reading, mutating, limits }
    }

    /// A place for a request of this method, or the answer that there is none.
    pub(crate) fn enter(&self, method: &Method) -> Result<SemaphorePermit<'_>, ApiError> {
        let places = if method.is_safe() { &self.reading } else { &self.mutating };
        places.try_acquire().map_err(|_| too_many("requests"))
    }

    /// How many requests that read and that write are being worked on.
    pub(crate) fn taken(&self) -> (usize, usize) {
        let taken = |limit: usize, places: &Semaphore| limit.saturating_sub(places.available_permits());
        (
            taken(self.limits.requests_in_flight, &self.reading),
            taken(self.limits.mutating_requests_in_flight, &self.mutating),
        )
    }
}

/// The answer to one request too many.
pub(crate) fn too_many(what: &str) -> ApiError {
    let message = format!("the server has received too many {what}, please try again later");
    ApiError::new(Reason::TooManyRequests, message).retry_after(1)
}
