//! Faults in committing.

use super::Broken;
use super::Fault::*;
use crate::store::{Commit, Key, Operation, Revision, Store as _, StoreError, StoreExt as _};

pub(super) async fn commit(store: &Broken, commit: Commit) -> Result<Revision, StoreError> {
    let Some(fault) = store.fault else { return store.inner.commit(commit).await };
    match fault {
        AcknowledgesWithoutCommitting => return Ok(store.current().await.next()),
        DecidesInTwoSteps => return decide_in_two_steps(store, commit).await,
        MakesRevisionsOfNothing if commit.operations.is_empty() => {
            return store.inner.commit(commit.put(Key::from("/nothing"), "".into())).await;
        }
        SkipsUnchangedBytes if is_unchanged(store, &commit).await => return Ok(store.current().await),
        TakesLessThanItsLimits if commit.operations.len() > store.inner.limits().operations / 2 => {
            return Err(StoreError::TooLarge { what: "a number of operations", actual: 65, limit: 64 });
        }
        _ => {}
    }
    let conditions = commit.conditions.clone();
    let result = store.inner.commit(distort(store, commit.clone())).await;
    match (fault, result) {
        (AcknowledgesAnOldRevision, Ok(made)) => Ok(Revision(made.0 - 1)),
        (CommitsDespiteAConflict, Err(error)) => {
            store.inner.commit(Commit { conditions: Vec::new(), ..commit }).await?;
            Err(error)
        }
        (ConflictsWithoutThePresentValue, Err(StoreError::Conflict(conflict))) => {
            Err(StoreError::conflict(conflict.key, None))
        }
        (ConflictsWithTheWrongKey, Err(StoreError::Conflict(_))) => {
            let last = conditions.into_iter().next_back().expect("a conflict needs a condition");
            Err(StoreError::conflict(last.key().clone(), None))
        }
        (_, result) => result,
    }
}

/// What the faulty store commits instead.
fn distort(store: &Broken, mut commit: Commit) -> Commit {
    let limits = store.inner.limits();
    match store.fault {
        Some(CommitsHalf) => commit.operations.truncate(commit.operations.len().div_ceil(2)),
        Some(IgnoresConditions) => commit.conditions.clear(),
        Some(ChecksTheFirstConditionOnly) => commit.conditions.truncate(1),
        Some(SkipsConditionsWithoutOperations) if commit.operations.is_empty() => commit.conditions.clear(),
        Some(TakesAnythingHoweverLarge) => {
            for operation in &mut commit.operations {
                if let Operation::Put { value, .. } = operation {
                    value.truncate(limits.value_bytes);
                }
            }
        }
        Some(TakesTwoOperationsOnOneKey) => {
            commit.operations.reverse();
            commit.operations.sort_by(|a, b| a.key().cmp(b.key()));
            commit.operations.dedup_by(|a, b| a.key() == b.key());
        }
        Some(TakesEmptyKeys) => {
            commit.operations.retain(|operation| !operation.key().as_bytes().is_empty());
            commit.conditions.retain(|condition| !condition.key().as_bytes().is_empty());
        }
        Some(TakesTimesToLiveSilently) => {
            for operation in &mut commit.operations {
                if let Operation::Put { ttl, .. } = operation {
                    *ttl = None;
                }
            }
        }
        _ => {}
    }
    commit
}

/// Checks the conditions in one step and writes in another.
async fn decide_in_two_steps(store: &Broken, commit: Commit) -> Result<Revision, StoreError> {
    store.inner.commit(Commit { conditions: commit.conditions, operations: Vec::new() }).await?;
    tokio::task::yield_now().await;
    store.inner.commit(Commit { conditions: Vec::new(), operations: commit.operations }).await
}

async fn is_unchanged(store: &Broken, commit: &Commit) -> bool {
    let [Operation::Put { key, value, .. }] = &commit.operations[..] else { return false };
    let (found, _) = store.inner.get(key).await.expect("the memory store answers");
    found.is_some_and(|item| item.value == *value)
}
