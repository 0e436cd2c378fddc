//! The suite's own proof: stores with one fault each, and the case that finds it.

mod commits;
mod reads;
mod watches;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt as _;

use super::{CASES, Case, Rig};
use crate::store::{
    Commit, Key, Limits, MemoryStore, RangeRequest, RangeResponse, Revision, Store, StoreError,
    StoreExt as _, WatchStream,
};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    // Commits
    AcknowledgesWithoutCommitting,
    AcknowledgesAnOldRevision,
    KnowsAnOldRevision,
    CommitsHalf,
    IgnoresConditions,
    ChecksTheFirstConditionOnly,
    SkipsConditionsWithoutOperations,
    CommitsDespiteAConflict,
    ConflictsWithoutThePresentValue,
    ConflictsWithTheWrongKey,
    MakesRevisionsOfNothing,
    SkipsUnchangedBytes,
    TakesAnythingHoweverLarge,
    TakesLessThanItsLimits,
    TakesTwoOperationsOnOneKey,
    TakesEmptyKeys,
    TakesTimesToLiveSilently,
    DecidesInTwoSteps,
    // Reads
    ForgetsWhenKeysWereCreated,
    ReadsInReverse,
    ReadsOtherPrefixes,
    IgnoresTheStartKey,
    SkipsTheStartKey,
    IgnoresTheLimit,
    MiscountsWhatRemains,
    ReadsEmptyRangesAtZero,
    ReadsThePresentInsteadOfThePast,
    ReadsTheFuture,
    ReadsStale,
    ReadsInTwoSteps,
    // Watches
    DropsAnEvent,
    RepeatsAnEvent,
    SwapsTwoEvents,
    SplitsCommits,
    MergesCommits,
    DoesNotReduceToThePrefix,
    HidesCommitsThatTouchOtherKeys,
    SortsChangesBackwards,
    LosesPreviousValues,
    MixesUpPreviousValues,
    WatchesFromThePresentOnly,
    WatchesOneTooEarly,
    IgnoresFutureStarts,
    MakesNoProgress,
    InventsProgress,
    DropsEventsOfSlowWatchers,
    EndsSlowWatchesSilently,
    // Compaction and reopening
    DoesNotCompact,
    CompactsOneTooMuch,
    CompactsThePresent,
    CompactsTheFuture,
    WatchesSilentlyFromTheCompactionPoint,
    EndsAllWatchesOnCompaction,
    MovesTheCompactionPointBack,
    LosesTheLastCommitOnReopening,
    StartsRevisionsAnewOnReopening,
    ForgetsCompactionOnReopening,
    InventsThePastOnReopening,
}

use Fault::*;

/// Each fault, and one case whose business it is to find it. Other cases may find it too.
const FOUND_BY: &[(Fault, &str)] = &[
    (AcknowledgesWithoutCommitting, "a_commit_makes_a_higher_revision_that_reads_see"),
    (AcknowledgesAnOldRevision, "a_commit_makes_a_higher_revision_that_reads_see"),
    (KnowsAnOldRevision, "a_commit_makes_a_higher_revision_that_reads_see"),
    (CommitsHalf, "all_operations_of_a_commit_make_one_revision"),
    (IgnoresConditions, "a_revision_is_required_as_stated"),
    (ChecksTheFirstConditionOnly, "a_failed_condition_changes_nothing"),
    (SkipsConditionsWithoutOperations, "conditions_are_decided_without_operations_too"),
    (CommitsDespiteAConflict, "a_failed_condition_changes_nothing"),
    (ConflictsWithoutThePresentValue, "a_conflict_carries_the_first_failed_condition_as_it_is_now"),
    (ConflictsWithTheWrongKey, "a_conflict_carries_the_first_failed_condition_as_it_is_now"),
    (MakesRevisionsOfNothing, "a_commit_without_operations_makes_no_revision"),
    (SkipsUnchangedBytes, "writing_the_bytes_that_a_key_has_is_a_change"),
    (TakesAnythingHoweverLarge, "a_value_too_large_is_refused"),
    (TakesLessThanItsLimits, "a_commit_may_use_its_limits_to_the_full"),
    (TakesTwoOperationsOnOneKey, "two_operations_on_one_key_are_refused"),
    (TakesEmptyKeys, "an_empty_key_is_refused"),
    (TakesTimesToLiveSilently, "a_time_to_live_is_refused_unless_declared"),
    (DecidesInTwoSteps, "of_concurrent_writers_of_one_revision_exactly_one_wins"),
    (ForgetsWhenKeysWereCreated, "a_key_remembers_the_commits_that_created_and_modified_it"),
    (ReadsInReverse, "a_range_holds_the_keys_of_its_prefix_in_byte_order"),
    (ReadsOtherPrefixes, "a_range_holds_the_keys_of_its_prefix_in_byte_order"),
    (IgnoresTheStartKey, "a_range_begins_at_its_start_key"),
    (SkipsTheStartKey, "a_range_begins_at_its_start_key"),
    (IgnoresTheLimit, "a_limit_leaves_keys_out_and_says_how_many"),
    (MiscountsWhatRemains, "a_limit_leaves_keys_out_and_says_how_many"),
    (ReadsEmptyRangesAtZero, "an_empty_range_carries_the_revision_of_the_store"),
    (ReadsThePresentInsteadOfThePast, "a_read_at_an_earlier_revision_sees_the_state_of_then"),
    (ReadsTheFuture, "a_read_at_a_future_revision_is_refused"),
    (ReadsStale, "a_commit_makes_a_higher_revision_that_reads_see"),
    (ReadsInTwoSteps, "readers_never_see_a_part_of_a_commit"),
    (DropsAnEvent, "a_watch_from_the_past_delivers_history_in_order"),
    (RepeatsAnEvent, "a_watch_from_the_past_delivers_history_in_order"),
    (SwapsTwoEvents, "a_watch_from_the_past_delivers_history_in_order"),
    (SplitsCommits, "a_watch_delivers_a_commit_whole"),
    (MergesCommits, "a_watch_from_the_past_delivers_history_in_order"),
    (DoesNotReduceToThePrefix, "a_watch_delivers_only_the_keys_of_its_prefix"),
    (HidesCommitsThatTouchOtherKeys, "a_watch_delivers_only_the_keys_of_its_prefix"),
    (SortsChangesBackwards, "a_watch_delivers_a_commit_whole"),
    (LosesPreviousValues, "a_watch_carries_previous_values"),
    (MixesUpPreviousValues, "a_watch_carries_previous_values"),
    (WatchesFromThePresentOnly, "a_watch_from_the_past_delivers_history_in_order"),
    (WatchesOneTooEarly, "a_watch_from_the_present_delivers_what_follows"),
    (IgnoresFutureStarts, "a_watch_from_the_future_delivers_only_what_comes_after_it"),
    (MakesNoProgress, "a_watch_reports_progress_when_it_has_caught_up"),
    (InventsProgress, "progress_is_never_ahead_of_what_was_delivered"),
    (DropsEventsOfSlowWatchers, "a_slow_watcher_misses_nothing_without_being_told"),
    (EndsSlowWatchesSilently, "a_slow_watcher_misses_nothing_without_being_told"),
    (DoesNotCompact, "reads_below_the_compaction_point_are_refused"),
    (CompactsOneTooMuch, "compaction_keeps_the_present_and_what_follows_the_point"),
    (CompactsThePresent, "compaction_keeps_the_present_and_what_follows_the_point"),
    (CompactsTheFuture, "compacting_the_future_is_refused"),
    (WatchesSilentlyFromTheCompactionPoint, "watches_below_the_compaction_point_are_refused"),
    (EndsAllWatchesOnCompaction, "a_watch_that_has_caught_up_survives_compaction"),
    (MovesTheCompactionPointBack, "compacting_below_the_compaction_point_is_no_change"),
    (LosesTheLastCommitOnReopening, "a_reopened_store_holds_what_was_committed"),
    (StartsRevisionsAnewOnReopening, "a_reopened_store_goes_on_where_it_stopped"),
    (ForgetsCompactionOnReopening, "a_reopened_store_remembers_its_compaction"),
    (InventsThePastOnReopening, "a_reopened_store_answers_the_past_right_or_not_at_all"),
];

/// A memory store with a fault, or with none.
#[derive(Clone)]
struct Broken {
    inner: MemoryStore,
    fault: Option<Fault>,
    /// The commits that were asked for and answered, in order.
    made: Arc<Mutex<Vec<Commit>>>,
    /// The last revision that compaction was asked for.
    compacted: Arc<AtomicU64>,
    reopened: bool,
}

impl Broken {
    fn new(inner: MemoryStore, fault: Option<Fault>) -> Self {
        Self { inner, fault, made: Arc::default(), compacted: Arc::default(), reopened: false }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    async fn current(&self) -> Revision {
        self.inner.revision().await.expect("the memory store answers")
    }

    fn compacted(&self) -> Revision {
        Revision(self.compacted.load(Ordering::SeqCst))
    }

    /// What reopening makes of the store: itself, unless the fault says otherwise.
    async fn reopen(&self) -> Self {
        let made = self.made.lock().expect("no case panicked in the lock").clone();
        let inner = match self.fault {
            Some(LosesTheLastCommitOnReopening) => replay(&made[..made.len() - 1]).await,
            Some(ForgetsCompactionOnReopening) => replay(&made).await,
            Some(StartsRevisionsAnewOnReopening) => {
                let present = self.inner.range(RangeRequest::default()).await.expect("the store answers");
                let whole =
                    present.items.into_iter().fold(Commit::new(), |c, item| c.put(item.key, item.value));
                replay(&[whole]).await
            }
            _ => self.inner.clone(),
        };
        Self { inner, reopened: true, ..self.clone() }
    }
}

async fn replay(commits: &[Commit]) -> MemoryStore {
    let store = MemoryStore::new();
    for commit in commits {
        store.commit(commit.clone()).await.expect("what was committed once can be committed again");
    }
    store
}

#[async_trait]
impl Store for Broken {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn known_revision(&self) -> Option<Revision> {
        let known = self.inner.known_revision()?;
        Some(if self.has(KnowsAnOldRevision) { Revision(known.0.saturating_sub(1)) } else { known })
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        tokio::task::yield_now().await;
        reads::range(self, request).await
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError> {
        tokio::task::yield_now().await;
        let answer = commits::commit(self, commit.clone()).await;
        if answer.is_ok() {
            self.made.lock().expect("no case panicked in the lock").push(commit);
        }
        answer
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        watches::watch(self, prefix, after).await
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        let current = self.current().await;
        let point = match self.fault {
            Some(DoesNotCompact) => return Ok(()),
            Some(CompactsOneTooMuch) => revision.next().min(current),
            Some(CompactsTheFuture) => revision.min(current),
            _ => revision,
        };
        self.inner.compact(point).await?;
        self.compacted.store(point.0, Ordering::SeqCst);
        Ok(())
    }
}

struct BrokenRig {
    fault: Option<Fault>,
    store: Mutex<Option<Broken>>,
}

#[async_trait]
impl Rig for BrokenRig {
    async fn create(&self) -> Arc<dyn Store> {
        let store = Broken::new(MemoryStore::new(), self.fault);
        *self.store.lock().expect("no case panicked in the lock") = Some(store.clone());
        Arc::new(store)
    }

    async fn reopen(&self, _: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        let closed = self.store.lock().expect("no case panicked in the lock").clone()?;
        let store = closed.reopen().await;
        *self.store.lock().expect("no case panicked in the lock") = Some(store.clone());
        Some(Arc::new(store))
    }
}

/// Whether the case passes. Time is paused, so a case that waits in vain fails at once.
async fn passes(case: &Case, fault: Option<Fault>) -> bool {
    let rig = BrokenRig { fault, store: Mutex::new(None) };
    AssertUnwindSafe((case.run)(&rig)).catch_unwind().await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_store_without_fault_passes_every_case() {
    for case in CASES {
        assert!(passes(case, None).await, "{} fails", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_fails_the_case_named_for_it() {
    let mut unnoticed = Vec::new();
    for (fault, name) in FOUND_BY {
        let case = CASES.iter().find(|case| case.name == *name).expect("the case exists");
        if passes(case, Some(*fault)).await {
            unnoticed.push((fault, name));
        }
    }
    assert!(unnoticed.is_empty(), "not found: {unnoticed:?}");
}
