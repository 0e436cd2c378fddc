//! A commit as a transaction of etcd's.

use bireme_core::store::{Commit, Condition, Key, Operation, Revision, StoreError};
use etcd_client::proto::{PbTxnOpResponse, PbTxnResponse};
use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use tonic::Code;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::keys::{Keyspace, revision};
use crate::lease::Leases;

/// What etcd's encoding adds to a key in a transaction, at most.
const OVERHEAD: usize = 32;

/// A revision that no key was put at.
const NEVER: i64 = -1;

/// Refuses a commit that would not fit into a request of `limit` bytes.
pub(crate) fn check_size(commit: &Commit, keys: &Keyspace, limit: usize) -> Result<(), StoreError> {
    let key = |key: &Key| keys.outer_length(key) + OVERHEAD;
    // A condition's key is named twice: to be compared, and to be read if it does not hold.
    let conditions = commit.conditions.iter().map(|condition| 2 * key(condition.key()));
    let operations = commit.operations.iter().map(|operation| match operation {
        Operation::Put { key: name, value, .. } => key(name) + value.len(),
        Operation::Delete { key: name } => key(name),
    });
    let actual = OVERHEAD + conditions.chain(operations).sum::<usize>();
    if actual > limit {
        return Err(StoreError::TooLarge { what: "a commit in bytes", actual, limit });
    }
    Ok(())
}

/// Carries a commit out.
pub(crate) async fn commit(
    commit: &Commit,
    keys: &Keyspace,
    leases: &Leases,
    connection: &Connection,
) -> Result<Revision, StoreError> {
    let mut leased = lease_all(commit, leases, connection).await?;
    let mut answer = connection.once(|| send(commit, keys, &leased, connection)).await;
    if !leased.is_empty() && matches!(&answer, Err(failure) if failure.code() == Some(Code::NotFound)) {
        // A lease is gone: the etcd was restored to a state before it, or somebody revoked it.
        leases.forget().await;
        leased = lease_all(commit, leases, connection).await?;
        answer = connection.once(|| send(commit, keys, &leased, connection)).await;
    }
    let answer = answer.map_err(Failure::of_commit)?;
    if answer.succeeded {
        let header = answer.header.ok_or_else(|| Failure::Incomplete("a header").of_commit())?;
        return Ok(revision(header.revision));
    }
    Err(conflict(commit, keys, answer))
}

/// The leases for the operations that put a key with a time to live, in their order.
async fn lease_all(
    commit: &Commit,
    leases: &Leases,
    connection: &Connection,
) -> Result<Vec<i64>, StoreError> {
    let mut leased = Vec::new();
    for operation in &commit.operations {
        if let Operation::Put { ttl: Some(ttl), .. } = operation {
            let lease = leases.lease(*ttl, connection).await;
            leased.push(lease.map_err(|failure| failure.of("taking a lease"))?);
        }
    }
    Ok(leased)
}

async fn send(
    commit: &Commit,
    keys: &Keyspace,
    leased: &[i64],
    connection: &Connection,
) -> Result<PbTxnResponse, etcd_client::Error> {
    Ok(connection.keys().txn(transaction(commit, keys, leased)).await?.0)
}

/// If all conditions hold, all operations; otherwise, what the conditions' keys are.
fn transaction(commit: &Commit, keys: &Keyspace, leased: &[i64]) -> Txn {
    let mut leased = leased.iter();
    let holds = |condition: &Condition| {
        let modified = match condition {
            Condition::Absent(_) => 0,
            Condition::ModifiedAt(_, Revision::ZERO) => NEVER,
            Condition::ModifiedAt(_, Revision(modified)) => i64::try_from(*modified).unwrap_or(NEVER),
        };
        Compare::mod_revision(keys.outer(condition.key()), CompareOp::Equal, modified)
    };
    let apply = |operation: &Operation| match operation {
        Operation::Put { key, value, ttl } => {
            let lease = ttl.and_then(|_| leased.next());
            let options = lease.map(|lease| PutOptions::new().with_lease(*lease));
            TxnOp::put(keys.outer(key), &value[..], options)
        }
        Operation::Delete { key } => TxnOp::delete(keys.outer(key), None),
    };
    let read = |condition: &Condition| TxnOp::get(keys.outer(condition.key()), None);
    Txn::new()
        .when(commit.conditions.iter().map(holds).collect::<Vec<_>>())
        .and_then(commit.operations.iter().map(apply).collect::<Vec<_>>())
        .or_else(commit.conditions.iter().map(read).collect::<Vec<_>>())
}

/// The first condition that what etcd read does not meet.
fn conflict(commit: &Commit, keys: &Keyspace, answer: PbTxnResponse) -> StoreError {
    for (condition, read) in commit.conditions.iter().zip(answer.responses) {
        let Some(PbTxnOpResponse::ResponseRange(read)) = read.response else {
            break;
        };
        let found = read.kvs.into_iter().next().and_then(|found| keys.item(found));
        let holds = match condition {
            Condition::Absent(_) => found.is_none(),
            Condition::ModifiedAt(_, at) => found.as_ref().is_some_and(|item| item.modified == *at),
        };
        if !holds {
            return StoreError::conflict(condition.key().clone(), found);
        }
    }
    // It was refused, so nothing has happened.
    Failure::Incomplete("a condition that does not hold").of("committing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn the_size_of_a_commit_counts_all_that_is_sent() {
        let keys = Keyspace::new("/prefix");
        let small = || Commit::new().if_absent(Key::from("/a")).put(Key::from("/a"), "v".into());
        assert!(check_size(&small(), &keys, 4096).is_ok());
        for large in [
            small().put(Key::from("/b"), Bytes::from(vec![0; 4096])),
            small().delete(Key::from("/b".repeat(2048))),
            small().if_absent(Key::from("/b".repeat(1024))),
            (0..10).fold(small(), |commit, _| commit.put(Key::from("/c"), Bytes::from(vec![0; 400]))),
        ] {
            let refused = check_size(&large, &keys, 4096);
            assert!(matches!(refused, Err(StoreError::TooLarge { limit: 4096, .. })), "{refused:?}");
        }
    }
}
