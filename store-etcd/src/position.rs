//! How far a watch is.

use std::collections::VecDeque;
use std::sync::Arc;

use bireme_core::store::{CommitEvent, Revision, WatchEvent};

/// How far a watch is, and what its consumer has yet to take.
#[derive(Debug)]
pub(crate) struct Position {
    /// Nothing up to here is for the consumer.
    after: Revision,
    /// The last revision that etcd has shown: all commits up to it have been delivered.
    seen: Revision,
    /// The revision of the last item.
    told: Revision,
    /// Where the watch will have caught up, until the consumer has been told that.
    target: Option<Revision>,
    pub(crate) ready: VecDeque<WatchEvent>,
}

impl Position {
    /// The beginning of a watch after `after` of a store that is at `current`.
    pub(crate) fn new(after: Revision, current: Revision) -> Self {
        let seen = if after == current { current } else { Revision::ZERO };
        let target = Some(after.max(current));
        let mut position = Self { after, seen, told: after, target, ready: VecDeque::new() };
        position.tell_progress();
        position
    }

    /// The revision to go on after.
    pub(crate) fn reached(&self) -> Revision {
        self.after.max(self.seen)
    }

    /// Takes the next commit, which has no changes if it is none of the consumer's; and nothing that has been seen.
    pub(crate) fn deliver(&mut self, commit: CommitEvent) {
        let is_new = commit.revision > self.reached();
        self.see(commit.revision);
        if is_new && !commit.changes.is_empty() {
            self.told = commit.revision;
            self.ready.push_back(WatchEvent::Commit(Arc::new(commit)));
        }
    }

    /// Notes that no commit up to `revision` is still to come.
    pub(crate) fn see(&mut self, revision: Revision) {
        self.seen = self.seen.max(revision);
    }

    /// Tells the consumer how far the watch is, if that is news.
    pub(crate) fn tell_progress(&mut self) {
        let has_caught_up = self.target.is_some_and(|target| self.seen >= target);
        if has_caught_up || self.seen > self.told {
            self.told = self.reached();
            self.ready.push_back(WatchEvent::Progress(self.told));
        }
        if has_caught_up {
            self.target = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_core::store::{Change, Key};

    fn commit(revision: u64, keys: &[&str]) -> CommitEvent {
        let delete = |key: &&str| Change::Delete { key: Key::from(*key), previous: None };
        CommitEvent { revision: Revision(revision), changes: keys.iter().map(delete).collect() }
    }

    /// What the consumer gets: commits as positive numbers, progress as negative ones.
    fn told(position: &mut Position) -> Vec<i64> {
        let number = |event: WatchEvent| match event {
            WatchEvent::Commit(commit) => commit.revision.0.cast_signed(),
            WatchEvent::Progress(revision) => -revision.0.cast_signed(),
        };
        position.ready.drain(..).map(number).collect()
    }

    fn take(position: &mut Position, commits: &[CommitEvent]) -> Vec<i64> {
        commits.iter().for_each(|commit| position.deliver(commit.clone()));
        position.tell_progress();
        told(position)
    }

    #[test]
    fn a_watch_from_the_present_has_caught_up_at_once() {
        let mut position = Position::new(Revision(7), Revision(7));
        assert_eq!(told(&mut position), [-7]);
        assert_eq!(take(&mut position, &[commit(7, &["/a"]), commit(8, &["/a"])]), [8]);
    }

    #[test]
    fn a_watch_has_caught_up_when_it_has_seen_what_the_store_had_when_it_began() {
        let mut position = Position::new(Revision(4), Revision(6));
        assert_eq!(take(&mut position, &[commit(4, &["/a"]), commit(5, &["/a"])]), [5]);
        assert_eq!(take(&mut position, &[commit(6, &["/a"])]), [6, -6]);
        assert_eq!(take(&mut position, &[commit(7, &["/a"])]), [7]);
    }

    #[test]
    fn commits_to_other_keys_are_progress() {
        let mut position = Position::new(Revision(4), Revision(4));
        told(&mut position);
        assert_eq!(take(&mut position, &[commit(5, &[]), commit(6, &["/a"]), commit(7, &[])]), [6, -7]);
    }

    #[test]
    fn a_watch_from_the_future_hears_of_nothing_before_it() {
        let mut position = Position::new(Revision(6), Revision(4));
        assert!(take(&mut position, &[commit(5, &["/a"])]).is_empty());
        assert_eq!(take(&mut position, &[commit(6, &["/a"])]), [-6]);
        assert_eq!(take(&mut position, &[commit(7, &["/a"])]), [7]);
    }

    #[test]
    fn what_another_stream_repeats_is_not_delivered_again() {
        let mut position = Position::new(Revision(4), Revision(4));
        told(&mut position);
        assert_eq!(take(&mut position, &[commit(5, &["/a"]), commit(6, &["/a"])]), [5, 6]);
        assert_eq!(position.reached(), Revision(6));
        assert_eq!(take(&mut position, &[commit(6, &["/a"]), commit(7, &["/a"])]), [7]);
    }
}
