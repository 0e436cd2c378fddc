//! From etcd's events to commits.

use bireme_core::store::{Change, CommitEvent, Key};
use etcd_client::EventType;
use etcd_client::proto::PbEvent;

use crate::keys::{Keyspace, revision};

/// Makes commits of a watch's events: those of one revision, whose events may come in several responses.
#[derive(Debug)]
pub(crate) struct Assembly {
    keys: Keyspace,
    prefix: Key,
    /// The commit that more events may belong to.
    pending: Option<CommitEvent>,
}

impl Assembly {
    /// Commits reduced to the keys under `prefix`. One that touches none of them has no changes; there is one for every
    /// revision.
    pub(crate) fn new(keys: Keyspace, prefix: Key) -> Self {
        Self { keys, prefix, pending: None }
    }

    /// Takes the events of a response, and returns the commits that are complete. `goes_on` when the next response
    /// belongs to this one.
    pub(crate) fn take(&mut self, events: Vec<PbEvent>, goes_on: bool) -> Vec<CommitEvent> {
        let mut complete = Vec::new();
        for event in events {
            let made = revision(event.kv.as_ref().map_or(0, |item| item.mod_revision));
            if self.pending.as_ref().is_none_or(|pending| pending.revision != made) {
                let next = CommitEvent { revision: made, changes: Vec::new() };
                complete.extend(self.pending.replace(next));
            }
            let change = self.change(event);
            if let Some(pending) = &mut self.pending {
                pending.changes.extend(change);
            }
        }
        if !goes_on {
            complete.extend(self.pending.take());
        }
        for commit in &mut complete {
            commit.changes.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        }
        complete
    }

    /// The change, if it is of a key under the prefix.
    fn change(&self, event: PbEvent) -> Option<Change> {
        let deleted = event.r#type == EventType::Delete as i32;
        let current = self.keys.item(event.kv?).filter(|item| item.key.starts_with(&self.prefix))?;
        let previous = event.prev_kv.and_then(|previous| self.keys.item(previous));
        Some(if deleted {
            Change::Delete { key: current.key, previous }
        } else {
            Change::Put { current, previous }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcd_client::proto::PbKeyValue;

    fn event(key: &str, revision: i64) -> PbEvent {
        let item = PbKeyValue { key: key.into(), mod_revision: revision, ..PbKeyValue::default() };
        PbEvent { kv: Some(item), ..PbEvent::default() }
    }

    fn assembly() -> Assembly {
        Assembly::new(Keyspace::new(""), Key::from("/p/"))
    }

    fn told(commits: &[CommitEvent]) -> Vec<(u64, Vec<String>)> {
        let keys = |commit: &CommitEvent| commit.changes.iter().map(|each| each.key().to_string()).collect();
        commits.iter().map(|commit| (commit.revision.0, keys(commit))).collect()
    }

    #[test]
    fn events_of_one_revision_are_one_commit_ordered_by_key() {
        let commits = assembly().take(vec![event("/p/b", 7), event("/p/a", 7), event("/p/a", 8)], false);
        assert_eq!(told(&commits), [(7, vec!["/p/a".into(), "/p/b".into()]), (8, vec!["/p/a".into()])]);
    }

    #[test]
    fn a_commit_in_fragments_is_held_back_until_it_is_whole() {
        let mut assembly = assembly();
        assert_eq!(
            told(&assembly.take(vec![event("/p/a", 6), event("/p/b", 7)], true)),
            [(6, vec!["/p/a".into()])]
        );
        assert_eq!(told(&assembly.take(vec![event("/p/a", 7)], true)), []);
        let commits = assembly.take(vec![event("/p/c", 7)], false);
        assert_eq!(told(&commits), [(7, vec!["/p/a".into(), "/p/b".into(), "/p/c".into()])]);
    }

    #[test]
    fn a_commit_to_other_keys_is_still_a_revision() {
        let commits = assembly().take(vec![event("/q", 7), event("/p", 8), event("/p/a", 8)], false);
        assert_eq!(told(&commits), [(7, vec![]), (8, vec!["/p/a".into()])]);
    }
}
