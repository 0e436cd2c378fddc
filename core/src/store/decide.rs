//! The one place where a commit's conditions and operations meet the state of a store.

use super::{Change, Commit, CommitEvent, Condition, Key, KeyValue, Operation, Revision, StoreError};

impl Commit {
    /// What the commit does to a store that keeps its own order: its event, all previous values included, if
    /// it makes revision `next`; nothing when it changes nothing.
    ///
    /// `current` looks a key up in the state that all earlier commits left behind. Whoever calls this has
    /// checked the commit against the store's [`Limits`](super::Limits) and lets no other commit in between.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] for the first condition that does not hold, and whatever `current` answers.
    pub fn decide(
        self,
        next: Revision,
        mut current: impl FnMut(&Key) -> Result<Option<KeyValue>, StoreError>,
    ) -> Result<Option<CommitEvent>, StoreError> {
        // Most conditions are about the key that is then written; it is looked up once.
        let mut seen: Vec<(Key, Option<KeyValue>)> = Vec::with_capacity(self.conditions.len());
        for condition in self.conditions {
            let found = current(condition.key())?;
            let holds = match &condition {
                Condition::Absent(_) => found.is_none(),
                Condition::ModifiedAt(_, revision) => {
                    found.as_ref().is_some_and(|item| item.modified == *revision)
                }
            };
            let (Condition::Absent(key) | Condition::ModifiedAt(key, _)) = condition;
            if !holds {
                return Err(StoreError::conflict(key, found));
            }
            seen.push((key, found));
        }
        let mut changes = Vec::with_capacity(self.operations.len());
        for operation in self.operations {
            let previous = match seen.iter().find(|(key, _)| key == operation.key()) {
                Some((_, found)) => found.clone(),
                None => current(operation.key())?,
            };
            changes.extend(change(operation, previous, next));
        }
        changes.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        Ok((!changes.is_empty()).then_some(CommitEvent { revision: next, changes }))
    }
}

fn change(operation: Operation, previous: Option<KeyValue>, next: Revision) -> Option<Change> {
    match operation {
        Operation::Put { key, value, .. } => {
            let created = previous.as_ref().map_or(next, |item| item.created);
            Some(Change::Put { current: KeyValue { key, value, created, modified: next }, previous })
        }
        Operation::Delete { .. } if previous.is_none() => None,
        Operation::Delete { key } => Some(Change::Delete { key, previous }),
    }
}

impl Change {
    /// The key as the commit left it; `None` when it is gone.
    pub fn current(&self) -> Option<&KeyValue> {
        match self {
            Change::Put { current, .. } => Some(current),
            Change::Delete { .. } => None,
        }
    }

    /// The key as the commit found it; `None` when it was absent.
    pub fn previous(&self) -> Option<&KeyValue> {
        match self {
            Change::Put { previous, .. } | Change::Delete { previous, .. } => previous.as_ref(),
        }
    }
}
