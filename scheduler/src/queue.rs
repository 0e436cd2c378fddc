//! Which pod is next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bireme_core::environment::Instant;
use bireme_core::scheduler::PodInfo;

/// How long pods wait.
#[derive(Clone, Copy, Debug)]
pub struct QueueConfig {
    /// After the first failed attempt; doubles with each.
    pub initial_backoff: Duration,
    /// At the longest.
    pub max_backoff: Duration,
    /// After what time a pod that fits nowhere is tried again even though nothing happened: a net below the
    /// hints, not a way to work.
    pub flush_after: Duration,
}

impl Default for QueueConfig {
    /// Upstream's: one second doubling to ten, five minutes.
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            flush_after: Duration::from_secs(300),
        }
    }
}

/// The pods that wait for a node: those to be tried now, by priority and age; those whose last attempt was not
/// long ago; and those that fit nowhere until something changes.
///
/// Pure: time is an argument. A pod that was popped is no longer the queue's until it is handed back.
#[derive(Default)]
pub struct SchedulingQueue {
    config: QueueConfig,
    entries: HashMap<Arc<str>, Entry>,
    active: BTreeMap<Order, Arc<str>>,
    backing_off: BTreeSet<(Instant, Arc<str>)>,
    unschedulable: BTreeSet<(Instant, Arc<str>)>,
    /// Those that fit nowhere, by the filters that said so: an event is asked about once for each such set.
    waiting: BTreeMap<Arc<BTreeSet<String>>, BTreeSet<Arc<str>>>,
    /// The attempts of pods that were popped and may come back.
    attempts: HashMap<Arc<str>, u32>,
    arrivals: u64,
}

/// Higher priority first, then the one that came first.
type Order = (Reverse<i32>, u64);

struct Entry {
    pod: PodInfo,
    place: Place,
    /// Not to be tried before this, whatever happens.
    not_before: Option<Instant>,
    /// What it waits for a change of.
    filters: Arc<BTreeSet<String>>,
}

#[derive(Clone, Copy)]
enum Place {
    Active(Order),
    BackingOff(Instant),
    Unschedulable(Instant),
}

impl SchedulingQueue {
    /// An empty queue.
    pub fn new(config: QueueConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// How many pods wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the pod waits.
    pub fn knows(&self, uid: &str) -> bool {
        self.entries.contains_key(uid)
    }

    /// Whether no pod waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A pod is new, or has changed. One that waits for a change is tried again when what scheduling looks at is
    /// different.
    pub fn put(&mut self, pod: PodInfo, now: Instant) {
        match self.entries.get_mut(pod.uid()) {
            None => self.activate(pod),
            Some(entry) => {
                let different = differs(&entry.pod, &pod);
                entry.pod = pod.clone();
                if different {
                    self.retry(pod.uid().clone(), now);
                }
            }
        }
    }

    /// The pod needs no node any more.
    pub fn remove(&mut self, uid: &str) {
        self.attempts.remove(uid);
        self.take(uid);
    }

    /// The pod to be tried next, if there is one now.
    pub fn pop(&mut self, now: Instant) -> Option<PodInfo> {
        self.release_due(now);
        let (_, uid) = self.active.first_key_value()?;
        let uid = uid.clone();
        *self.attempts.entry(uid.clone()).or_default() += 1;
        self.take(&uid).map(|entry| entry.pod)
    }

    /// A popped pod fits nowhere: it waits for a change that could help.
    pub fn wait_for_change(&mut self, pod: PodInfo, filters: BTreeSet<String>, now: Instant) {
        let uid = pod.uid().clone();
        let place = Place::Unschedulable(now + self.config.flush_after);
        let not_before = Some(now + self.backoff(&uid));
        let known = self.waiting.get_key_value(&filters).map(|(filters, _)| filters.clone());
        let filters = known.unwrap_or_else(|| Arc::new(filters));
        self.place(uid, Entry { pod, place, not_before, filters });
    }

    /// A popped pod's attempt failed for another reason: it is tried again after a while.
    pub fn try_again(&mut self, pod: PodInfo, now: Instant) {
        let until = now + self.backoff(pod.uid());
        self.try_at(pod, until);
    }

    /// A popped pod has to wait for somebody's permission: it is asked about again at `when`.
    pub fn try_at(&mut self, pod: PodInfo, when: Instant) {
        let uid = pod.uid().clone();
        self.place(
            uid,
            Entry { pod, place: Place::BackingOff(when), not_before: None, filters: Arc::default() },
        );
    }

    /// A popped pod has got its node.
    pub fn done(&mut self, uid: &str) {
        self.attempts.remove(uid);
    }

    /// Something changed: every pod is tried again that it could help, going by the filters that rejected nodes for it.
    pub fn on_event(&mut self, now: Instant, could_help: impl Fn(&BTreeSet<String>) -> bool) {
        let helped = self.waiting.iter().filter(|(filters, _)| could_help(filters));
        let helped: Vec<Arc<str>> = helped.flat_map(|(_, pods)| pods).cloned().collect();
        helped.into_iter().for_each(|uid| self.retry(uid, now));
    }

    /// When a pod may be there to pop, if none is now.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, Arc<str>)>| set.first().map(|(when, _)| *when);
        [first(&self.backing_off), first(&self.unschedulable)].into_iter().flatten().min()
    }

    fn release_due(&mut self, now: Instant) {
        let due = |set: &BTreeSet<(Instant, Arc<str>)>| -> Vec<Arc<str>> {
            set.iter().take_while(|(when, _)| *when <= now).map(|(_, uid)| uid.clone()).collect()
        };
        for uid in [due(&self.backing_off), due(&self.unschedulable)].concat() {
            if let Some(entry) = self.take(&uid) {
                self.activate(entry.pod);
            }
        }
    }

    fn retry(&mut self, uid: Arc<str>, now: Instant) {
        let Some(entry) = self.take(&uid) else { return };
        match entry.not_before.filter(|until| *until > now) {
            Some(until) => {
                self.place(uid, Entry { place: Place::BackingOff(until), not_before: None, ..entry })
            }
            None => self.activate(entry.pod),
        }
    }

    fn activate(&mut self, pod: PodInfo) {
        self.arrivals += 1;
        let place = Place::Active((Reverse(pod.priority()), self.arrivals));
        let uid = pod.uid().clone();
        self.place(uid, Entry { pod, place, not_before: None, filters: Arc::default() });
    }

    fn place(&mut self, uid: Arc<str>, entry: Entry) {
        self.take(&uid);
        match entry.place {
            Place::Active(order) => {
                self.active.insert(order, uid.clone());
            }
            Place::BackingOff(until) => {
                self.backing_off.insert((until, uid.clone()));
            }
            Place::Unschedulable(until) => {
                self.unschedulable.insert((until, uid.clone()));
                self.waiting.entry(entry.filters.clone()).or_default().insert(uid.clone());
            }
        }
        self.entries.insert(uid, entry);
    }

    fn take(&mut self, uid: &str) -> Option<Entry> {
        let (uid, entry) = self.entries.remove_entry(uid)?;
        match entry.place {
            Place::Active(order) => {
                self.active.remove(&order);
            }
            Place::BackingOff(until) => {
                self.backing_off.remove(&(until, uid));
            }
            Place::Unschedulable(until) => {
                if let Some(pods) = self.waiting.get_mut(&entry.filters) {
                    pods.remove(&uid);
                    if pods.is_empty() {
                        self.waiting.remove(&entry.filters);
                    }
                }
                self.unschedulable.remove(&(until, uid));
            }
        }
        Some(entry)
    }

    fn backoff(&self, uid: &str) -> Duration {
        let attempts = self.attempts.get(uid).copied().unwrap_or(1).max(1);
        let doubled = self.config.initial_backoff.saturating_mul(1 << (attempts - 1).min(20));
        doubled.min(self.config.max_backoff)
    }
}

/// Whether two states of a pod differ in what scheduling looks at; its status is not that.
fn differs(old: &PodInfo, new: &PodInfo) -> bool {
    old.spec() != new.spec() || old.pod().metadata.labels != new.pod().metadata.labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::testing::pod;
    use bireme_core::Environment;
    use serde_json::json;

    fn filters(name: &str) -> BTreeSet<String> {
        BTreeSet::from([name.to_owned()])
    }

    fn start() -> (SchedulingQueue, Instant) {
        (SchedulingQueue::new(QueueConfig::default()), Environment::simulated(1).instant())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn higher_priority_goes_first_and_then_the_older() {
        let (mut queue, now) = start();
        for (name, priority) in [("a", 0), ("b", 0), ("urgent", 10)] {
            queue.put(pod(name).priority(priority).info(), now);
        }
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop(now)).map(|pod| pod.key().name().to_owned()).collect();
        assert_eq!(order, ["urgent", "a", "b"]);
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn back_off_doubles_to_its_longest_and_ends_with_success() {
        let (mut queue, mut now) = start();
        queue.put(pod("p").info(), now);
        for expected in [1, 2, 4, 8, 10, 10] {
            let pod = queue.pop(now).unwrap();
            queue.try_again(pod, now);
            assert_eq!(queue.next_wakeup(), Some(now + seconds(expected)));
            assert!(queue.pop(now).is_none());
            now = now + seconds(expected);
        }
        let popped = queue.pop(now).unwrap();
        queue.done(popped.uid());
        queue.put(popped, now);
        let popped = queue.pop(now).unwrap();
        queue.try_again(popped, now);
        assert_eq!(queue.next_wakeup(), Some(now + seconds(1)));
    }

    #[tokio::test]
    async fn only_an_event_that_could_help_wakes_a_pod_and_never_before_its_back_off_is_over() {
        let (mut queue, now) = start();
        queue.put(pod("p").info(), now);
        let popped = queue.pop(now).unwrap();
        queue.wait_for_change(popped, filters("full"), now);
        queue.on_event(now + seconds(5), |_| false);
        assert!(queue.pop(now + seconds(5)).is_none());
        queue.on_event(now, |rejecting| *rejecting == filters("full"));
        assert!(queue.pop(now).is_none(), "one second of back-off is not over");
        assert!(queue.pop(now + seconds(1)).is_some());
    }

    #[tokio::test]
    async fn an_event_is_asked_about_once_for_all_pods_that_the_same_filters_keep_waiting() {
        let (mut queue, now) = start();
        for index in 0..100 {
            queue.put(pod(&format!("p{index}")).info(), now);
        }
        for (index, popped) in
            std::iter::from_fn(|| queue.pop(now)).collect::<Vec<_>>().into_iter().enumerate()
        {
            queue.wait_for_change(popped, filters(if index < 60 { "full" } else { "tainted" }), now);
        }
        let later = now + seconds(20);
        let asked = std::cell::Cell::new(0);
        queue.on_event(later, |rejecting| {
            asked.set(asked.get() + 1);
            *rejecting == filters("tainted")
        });
        assert_eq!(asked.get(), 2);
        assert_eq!(std::iter::from_fn(|| queue.pop(later)).count(), 40);
        assert_eq!(queue.len(), 60);
    }

    #[tokio::test]
    async fn a_pod_that_fits_nowhere_is_tried_again_after_five_minutes_at_the_latest() {
        let (mut queue, now) = start();
        queue.put(pod("p").info(), now);
        let popped = queue.pop(now).unwrap();
        queue.wait_for_change(popped, filters("full"), now);
        assert_eq!(queue.next_wakeup(), Some(now + seconds(300)));
        assert!(queue.pop(now + seconds(299)).is_none());
        assert!(queue.pop(now + seconds(300)).is_some());
    }

    #[tokio::test]
    async fn a_change_of_the_pods_own_spec_wakes_it_and_a_change_of_its_status_does_not() {
        let (mut queue, now) = start();
        queue.put(pod("p").info(), now);
        let popped = queue.pop(now).unwrap();
        queue.wait_for_change(popped, filters("full"), now);
        let later = now + seconds(2);
        queue.put(pod("p").info(), later);
        assert!(queue.pop(later).is_none());
        queue.put(pod("p").spec(json!({"nodeSelector": {"a": "b"}})).info(), later);
        assert!(queue.pop(later).is_some());
    }

    #[tokio::test]
    async fn a_removed_pod_is_forgotten_wherever_it_waits() {
        let (mut queue, now) = start();
        for name in ["active", "backing-off", "waiting"] {
            queue.put(pod(name).info(), now);
        }
        let mut popped: Vec<_> = std::iter::from_fn(|| queue.pop(now)).collect();
        queue.wait_for_change(popped.pop().unwrap(), filters("full"), now);
        queue.try_again(popped.pop().unwrap(), now);
        queue.put(popped.pop().unwrap(), now);
        assert_eq!(queue.len(), 3);
        ["active", "backing-off", "waiting"].into_iter().for_each(|uid| queue.remove(uid));
        assert!(queue.is_empty() && queue.next_wakeup().is_none() && queue.pop(now).is_none());
    }
}
