use std::collections::BTreeMap;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;

fn queue() -> WorkQueue<&'static str> {
    WorkQueue::new(Environment::simulated(1), Backoff::default())
}

async fn take<K: Ord + Clone>(queue: &WorkQueue<K>) -> Claim<K> {
    queue.next().await.expect("the queue is not shut down")
}

#[tokio::test(start_paused = true)]
async fn a_waiting_key_keeps_its_turn_and_is_taken_once() {
    let queue = queue();
    ["a", "b", "a", "c", "b"].into_iter().for_each(|key| queue.add(key));
    for expected in ["a", "b", "c"] {
        assert_eq!(*take(&queue).await.key(), expected);
    }
    assert!(queue.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_key_added_during_its_work_comes_again_afterwards() {
    let queue = queue();
    queue.add("a");
    let claim = take(&queue).await;
    queue.add("a");
    queue.add("a");
    queue.add("b");
    assert_eq!(**take(&queue).await, *"b");
    assert!(queue.next().now_or_never().is_none());
    drop(claim);
    assert_eq!(**take(&queue).await, *"a");
    assert!(queue.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_several_times_holds() {
    let queue = queue();
    let env = Environment::simulated(1);
    let begin = env.instant();
    for seconds in [30, 10, 20] {
        queue.add_after("a", Duration::from_secs(seconds));
    }
    queue.add_after("b", Duration::from_secs(5));
    assert_eq!(**take(&queue).await, *"b");
    assert_eq!(**take(&queue).await, *"a");
    assert_eq!(env.instant().since(begin), Duration::from_secs(10));
    assert!(queue.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_takes_no_delayed_key_with_it() {
    let queue = queue();
    let env = Environment::simulated(1);
    let begin = env.instant();
    queue.add_after("late", Duration::from_secs(100));
    let (mut fickle, mut patient) = (Box::pin(queue.next()), Box::pin(queue.next()));
    assert!(futures::poll!(&mut fickle).is_pending() && futures::poll!(&mut patient).is_pending());
    queue.add_after("soon", Duration::from_secs(1));
    assert!(futures::poll!(&mut fickle).is_pending());
    drop(fickle);
    let claim = patient.await.expect("the queue is not shut down");
    assert_eq!((*claim.key(), env.instant().since(begin)), ("soon", Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_wait_longer_and_success_ends_the_row() {
    let queue = queue();
    let delays: Vec<_> = (0..4).map(|_| queue.retry("a").as_millis()).collect();
    assert_eq!(delays, [5, 10, 20, 40]);
    for _ in 0..60 {
        queue.retry("a");
    }
    assert_eq!(queue.retry("a"), Duration::from_secs(1000));
    queue.forget(&"a");
    assert_eq!(queue.retry("a"), Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_releases_those_who_wait() {
    let queue = queue();
    queue.add_after("later", Duration::from_secs(1));
    let (taken, ()) = futures::join!(queue.next(), async { queue.shut_down() });
    assert!(taken.is_none());
    queue.add("a");
    assert!(queue.is_empty() && queue.next().await.is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    AddAfter(u8, u16),
    Retry(u8),
    Take,
    Finish(u8),
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..6u8;
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Add),
        2 => (key.clone(), 1..500u16).prop_map(|(key, millis)| Step::AddAfter(key, millis)),
        1 => key.clone().prop_map(Step::Retry),
        4 => Just(Step::Take),
        3 => key.prop_map(Step::Finish),
        1 => (1..200u16).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..200)
}

/// Plays the steps; whatever they are, no key is given out twice at once, and each key is given out after it was
/// last added.
async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let env = Environment::simulated(1);
    let queue = WorkQueue::new(env.clone(), Backoff::default());
    let mut claims: BTreeMap<u8, Claim<u8>> = BTreeMap::new();
    let mut owed: BTreeSet<u8> = BTreeSet::new();
    for step in steps {
        match step {
            Step::Add(key) => {
                owed.insert(key);
                queue.add(key);
            }
            Step::AddAfter(key, millis) => {
                owed.insert(key);
                queue.add_after(key, Duration::from_millis(millis.into()));
            }
            Step::Retry(key) => {
                owed.insert(key);
                queue.retry(key);
            }
            Step::Take => {
                if let Some(claim) = queue.next().now_or_never() {
                    let claim = claim.expect("the queue is not shut down");
                    owed.remove(claim.key());
                    prop_assert!(!claims.contains_key(claim.key()), "{} is given out twice", claim.key());
                    claims.insert(*claim.key(), claim);
                }
            }
            Step::Finish(key) => drop(claims.remove(&key)),
            Step::Wait(millis) => env.sleep(Duration::from_millis(millis.into())).await,
        }
        prop_assert!(queue.len() <= 6);
    }
    claims.clear();
    while !owed.is_empty() {
        let next = env.timeout(Duration::from_secs(2000), queue.next()).await;
        let claim = next.map_err(|_| TestCaseError::fail(format!("{owed:?} are lost")))?;
        owed.remove(claim.expect("the queue is not shut down").key());
    }
    prop_assert!(queue.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn no_key_is_lost_or_given_out_twice_whatever_happens(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without drivers starts").block_on(play(steps))?;
    }

    #[test]
    fn the_wait_after_a_failure_never_shrinks_nor_exceeds_the_longest(failures in 1..200u32) {
        let backoff = Backoff::default();
        prop_assert!(backoff.delay(failures) <= backoff.delay(failures + 1));
        prop_assert!(backoff.delay(failures) <= backoff.longest);
    }
}
