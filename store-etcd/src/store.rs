//! The store: what the contract asks for, in etcd's words.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::store::{
    Commit, Key, Limits, RangeRequest, RangeResponse, Revision, Store, StoreError, WatchStream,
};
use etcd_client::GetOptions;
use etcd_client::proto::PbRangeResponse;
use tonic::Code;

use crate::Error;
use crate::commit::{check_size, commit};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::keys::{EMPTY, Keyspace, number, revision};
use crate::lease::Leases;
use crate::options::Options;
use crate::watch::Watch;

/// What a request has room for beside the largest value: keys, conditions, and etcd's own.
const HEADROOM: usize = 16 << 10;

/// A [`Store`] in an etcd cluster. Cheap to clone; clones share its connections.
#[derive(Clone)]
pub struct EtcdStore {
    connection: Connection,
    keys: Keyspace,
    leases: Arc<Leases>,
    limits: Limits,
    request_bytes: usize,
    silence: Duration,
}

impl EtcdStore {
    /// Opens the store, which must be reachable. From then on it survives the loss of any connection.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when no member answers or lets the user in; others for options that contradict
    /// themselves.
    pub async fn open(options: &Options, env: &Environment) -> Result<Self, Error> {
        let value_bytes = options.request_bytes.saturating_sub(HEADROOM);
        let store = Self {
            connection: Connection::open(options, env).await?,
            keys: Keyspace::new(&options.prefix),
            leases: Arc::default(),
            limits: Limits { value_bytes, ttl: true, ..Limits::default() },
            request_bytes: options.request_bytes,
            silence: options.keep_alive,
        };
        let reached = store.revision_if_readable(None).await;
        reached.map_err(|failure| Error::Unreachable(failure.of("reading the revision")))?;
        Ok(store)
    }

    async fn read(&self, first: Vec<u8>, options: GetOptions) -> Result<PbRangeResponse, Failure> {
        let request = || {
            let (mut keys, first, options) = (self.connection.keys(), first.clone(), options.clone());
            async move { Ok(keys.get(first, Some(options)).await?.0) }
        };
        self.connection.repeat(request).await
    }

    /// The present revision, if the one asked about can be read.
    async fn revision_if_readable(&self, at: Option<Revision>) -> Result<Revision, Failure> {
        let options = at.map_or(GetOptions::new(), |at| GetOptions::new().with_revision(number(at)));
        present(&self.read(self.keys.nowhere(), options.with_count_only()).await?)
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.revision_if_readable(None).await.map_err(|failure| failure.of("reading the revision"))
    }

    async fn is_readable(&self, at: Revision) -> Result<bool, StoreError> {
        match self.revision_if_readable(Some(at)).await {
            Ok(_) => Ok(true),
            Err(failure) if is_out_of_range(&failure) => Ok(false),
            Err(failure) => Err(failure.of("reading at a revision")),
        }
    }

    /// Why a read at a revision failed.
    async fn reason(&self, failure: Failure, at: Option<Revision>) -> StoreError {
        match at {
            Some(at) if is_out_of_range(&failure) => {
                self.out_of_range(at).await.unwrap_or_else(|error| error)
            }
            _ => failure.of("reading"),
        }
    }

    /// Whether a revision that etcd does not read at is in the future or the past. etcd says neither except in words, nor
    /// where the past begins, so that is searched for.
    async fn out_of_range(&self, requested: Revision) -> Result<StoreError, StoreError> {
        let current = self.revision().await?;
        if requested > current || self.is_readable(requested).await? {
            return Ok(StoreError::FutureRevision { requested, current });
        }
        let (mut gone, mut compacted) = (requested, current);
        while gone.next() < compacted {
            let middle = Revision(gone.0 + (compacted.0 - gone.0) / 2);
            *if self.is_readable(middle).await? { &mut compacted } else { &mut gone } = middle;
        }
        Ok(StoreError::Compacted { requested, compacted })
    }
}

#[async_trait]
impl Store for EtcdStore {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        let (first, end) = self.keys.bounds(&request);
        let mut options = GetOptions::new().with_range(end);
        if let Some(at) = request.at {
            options = options.with_revision(number(at));
        }
        options = match request.limit {
            // To etcd, a limit of 0 is none.
            Some(0) => options.with_count_only(),
            Some(limit) => options.with_limit(i64::try_from(limit).unwrap_or(i64::MAX)),
            None => options,
        };
        let found = match self.read(first, options).await {
            Ok(found) => found,
            Err(failure) => return Err(self.reason(failure, request.at).await),
        };
        let revision = match request.at {
            Some(at) => at,
            None => present(&found).map_err(|failure| failure.of("reading"))?,
        };
        let total = u64::try_from(found.count).unwrap_or_default();
        let items: Vec<_> = found.kvs.into_iter().filter_map(|item| self.keys.item(item)).collect();
        let remaining = total.saturating_sub(items.len() as u64);
        Ok(RangeResponse { items, more: remaining > 0, remaining, revision })
    }

    async fn commit(&self, request: Commit) -> Result<Revision, StoreError> {
        self.limits.check(&request)?;
        check_size(&request, &self.keys, self.request_bytes)?;
        if request.conditions.is_empty() && request.operations.is_empty() {
            // etcd would answer that with what one member knows.
            return self.revision().await;
        }
        commit(&request, &self.keys, &self.leases, &self.connection).await
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        let after = after.max(EMPTY);
        let current = match self.revision_if_readable(Some(after)).await {
            Ok(current) => current,
            Err(failure) => match self.reason(failure, Some(after)).await {
                StoreError::FutureRevision { current, .. } => current,
                error => return Err(error),
            },
        };
        let (connection, keys) = (self.connection.clone(), self.keys.clone());
        Ok(Watch::new(connection, self.silence, keys, prefix, after, current).into_stream())
    }

    async fn compact(&self, requested: Revision) -> Result<(), StoreError> {
        let current = self.revision().await?;
        if requested > current {
            return Err(StoreError::FutureRevision { requested, current });
        }
        let request = || {
            let mut keys = self.connection.keys();
            async move { keys.compact(number(requested), None).await }
        };
        match self.connection.repeat(request).await {
            Ok(_) => Ok(()),
            // It was compacted there or above already.
            Err(failure) if is_out_of_range(&failure) => Ok(()),
            Err(failure) => Err(failure.of("compacting")),
        }
    }
}

fn is_out_of_range(failure: &Failure) -> bool {
    failure.code() == Some(Code::OutOfRange)
}

/// The revision that a read saw.
fn present(found: &PbRangeResponse) -> Result<Revision, Failure> {
    let header = found.header.as_ref().ok_or(Failure::Incomplete("a header"))?;
    Ok(revision(header.revision))
}
