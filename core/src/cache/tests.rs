use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::{Binding, Pod, PodSpec};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::*;
use crate::Environment;
use crate::client::*;
use crate::error::{ApiError, Reason};
use crate::object::{Kind, Object, ObjectKey};
use crate::store::Revision;

fn pod(name: &str, uid: &str, revision: u64) -> Arc<Object> {
    let metadata = ObjectMeta {
        name: Some(name.into()),
        namespace: Some("shop".into()),
        uid: Some(uid.into()),
        resource_version: Some(revision.to_string()),
        ..ObjectMeta::default()
    };
    Arc::new(Object::from_typed(Pod { metadata, ..Pod::default() }).unwrap())
}

fn pod_on(node: &str, owner: &str, name: &str, revision: u64) -> Arc<Object> {
    let mut pod = (*pod(name, name, revision).typed::<Pod>().unwrap()).clone();
    pod.spec = Some(PodSpec { node_name: Some(node.into()), ..PodSpec::default() });
    pod.metadata.owner_references = Some(vec![OwnerReference { uid: owner.into(), ..Default::default() }]);
    Arc::new(Object::from_typed(pod).unwrap())
}

fn names(objects: &[Arc<Object>]) -> Vec<&str> {
    objects.iter().map(|object| object.name()).collect()
}

fn tell(delta: &Delta) -> String {
    let verb = match delta {
        Delta::Added(_) => "added",
        Delta::Updated { .. } => "updated",
        Delta::Deleted(_) => "deleted",
    };
    format!("{verb} {}@{}", delta.object().uid(), delta.object().revision())
}

/// What a watch delivers before it ends; one that ends in `Hold` stays open.
enum Step {
    Event(ApiEvent),
    Fail(Reason),
    Hold,
}

/// A client whose watches play a script, and which notes how each was begun.
#[derive(Default)]
struct Script {
    watches: Mutex<VecDeque<Vec<Step>>>,
    lists: Mutex<VecDeque<ObjectList>>,
    begun: Mutex<Vec<WatchFrom>>,
}

impl Script {
    fn of(watches: Vec<Vec<Step>>) -> Arc<Self> {
        Arc::new(Self { watches: Mutex::new(watches.into()), ..Self::default() })
    }
}

fn no<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Reason::NotImplemented, "not part of the script"))
}

#[async_trait]
impl Client for Script {
    async fn get(&self, _: Kind, _: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        no()
    }
    async fn list(&self, _: Kind, _: &ListOptions) -> Result<ObjectList, ApiError> {
        self.lists.lock().unwrap().pop_front().map_or_else(no, Ok)
    }
    async fn watch(&self, _: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
        self.begun.lock().unwrap().push(options.from);
        let steps = self.watches.lock().unwrap().pop_front().unwrap_or_else(|| vec![Step::Hold]);
        Ok(stream::iter(steps)
            .then(|step| async {
                match step {
                    Step::Event(event) => Ok(event),
                    Step::Fail(reason) => Err(ApiError::new(reason, "as scripted")),
                    Step::Hold => std::future::pending().await,
                }
            })
            .boxed())
    }
    async fn create(&self, _: &Object, _: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        no()
    }
    async fn update(&self, _: &Object, _: Part, _: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        no()
    }
    async fn patch(
        &self,
        _: Kind,
        _: &ObjectKey,
        _: Part,
        _: &Patch,
        _: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        no()
    }
    async fn delete(&self, _: Kind, _: &ObjectKey, _: &DeleteOptions) -> Result<Deletion, ApiError> {
        no()
    }
    async fn delete_collection(
        &self,
        _: Kind,
        _: &ListOptions,
        _: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        no()
    }
    async fn bind(&self, _: &ObjectKey, _: &Binding) -> Result<(), ApiError> {
        no()
    }
    async fn evict(&self, _: &ObjectKey, _: &Eviction) -> Result<(), ApiError> {
        no()
    }
}

fn added(object: Arc<Object>) -> Step {
    Step::Event(ApiEvent::Added(object))
}

fn bookmark(revision: u64, initial_events_end: bool) -> Step {
    Step::Event(ApiEvent::Bookmark { revision: Revision(revision), initial_events_end })
}

#[test]
fn objects_are_found_by_namespace_owner_and_index() {
    let cache = Cache::new(Kind::of::<Pod>());
    cache.insert(pod_on("node-1", "rs-1", "a", 1));
    cache.add_index(PODS_BY_NODE);
    cache.insert(pod_on("node-1", "rs-2", "b", 2));
    cache.insert(pod_on("node-2", "rs-1", "c", 3));
    assert_eq!(names(&cache.indexed(PODS_BY_NODE, "node-1")), ["a", "b"]);
    assert_eq!(
        (cache.count_indexed(PODS_BY_NODE, "node-1"), cache.count_indexed(PODS_BY_NODE, "no")),
        (2, 0)
    );
    assert_eq!(names(&cache.owned_by("rs-1")), ["a", "c"]);
    assert_eq!(names(&cache.list(Some("shop"))), ["a", "b", "c"]);
    assert!(cache.list(Some("sho")).is_empty() && cache.list(Some("shopping")).is_empty());

    cache.insert(pod_on("node-2", "rs-2", "a", 4));
    assert_eq!(names(&cache.indexed(PODS_BY_NODE, "node-2")), ["a", "c"]);
    assert_eq!(names(&cache.owned_by("rs-1")), ["c"]);
    cache.remove(&ObjectKey::namespaced("shop", "b"));
    assert!(cache.indexed(PODS_BY_NODE, "node-1").is_empty());
    assert_eq!(cache.revision(), Revision(4));
}

#[test]
fn indexes_of_one_name_that_others_have_made_are_others() {
    const ONE: Index = Index::new("name", |object| vec![object.name().to_owned()]);
    const OTHER: Index = Index::new("name", |object| vec![object.name().repeat(2)]);
    let cache = Cache::new(Kind::of::<Pod>());
    for index in [ONE, OTHER, ONE] {
        cache.add_index(index);
    }
    cache.insert(pod_on("node-1", "rs-1", "a", 1));
    let found = |index| (cache.count_indexed(index, "a"), cache.count_indexed(index, "aa"));
    assert_eq!((found(ONE), found(OTHER)), ((1, 0), (0, 1)));
}

#[test]
fn replacing_the_contents_tells_only_the_differences() {
    let cache = Cache::new(Kind::of::<Pod>());
    for object in [pod("kept", "1", 1), pod("gone", "2", 2), pod("changed", "3", 3), pod("renewed", "4", 4)] {
        cache.insert(object);
    }
    let now = vec![pod("kept", "1", 1), pod("changed", "3", 7), pod("renewed", "5", 8), pod("new", "6", 9)];
    let deltas = cache.replace(now, Revision(20));
    let told: Vec<_> = deltas.iter().map(tell).collect();
    assert_eq!(told, ["deleted 2@2", "updated 3@7", "added 6@9", "deleted 4@4", "added 5@8"]);
    assert!(cache.is_synced());
    assert_eq!((cache.revision(), cache.len()), (Revision(20), 4));
}

#[tokio::test(start_paused = true)]
async fn a_first_state_is_whole_before_it_is_seen() {
    let script = Script::of(vec![vec![
        added(pod("a", "1", 3)),
        added(pod("b", "2", 5)),
        Step::Event(ApiEvent::Deleted(pod("a", "1", 6))),
        bookmark(8, true),
        added(pod("c", "3", 9)),
        Step::Hold,
    ]]);
    let informers = Informers::new(Environment::simulated(1), script.clone());
    let pods = informers.of::<Pod>();
    assert!(!pods.cache().is_synced() && pods.cache().is_empty());
    pods.wait_for(Revision(9)).await.unwrap();
    assert_eq!(names(&pods.cache().list(None)), ["b", "c"]);
    assert!(Arc::ptr_eq(&pods, &informers.of_kind(Kind::of::<Pod>())));
    assert_eq!(*script.begun.lock().unwrap(), [WatchFrom::InitialEvents(None)]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_and_one_that_expired_is_read_anew() {
    let script = Script::of(vec![
        vec![added(pod("a", "1", 3)), added(pod("b", "2", 4)), bookmark(5, true), bookmark(7, false)],
        vec![added(pod("c", "3", 9))],
        vec![Step::Fail(Reason::Expired)],
        vec![added(pod("b", "2", 12)), bookmark(14, true), Step::Hold],
    ]);
    let informers = Informers::new(Environment::simulated(1), script.clone());
    let pods = informers.of::<Pod>();
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = told.clone();
    let _subscription = pods.subscribe(Arc::new(move |delta: &Delta| into.lock().unwrap().push(tell(delta))));
    pods.wait_for(Revision(14)).await.unwrap();
    let expected = ["added 1@3", "added 2@4", "added 3@9", "deleted 1@3", "deleted 3@9", "updated 2@12"];
    assert_eq!(*told.lock().unwrap(), expected);
    let after = |revision| WatchFrom::After(Revision(revision));
    let first = WatchFrom::InitialEvents(None);
    assert_eq!(*script.begun.lock().unwrap(), [first, after(7), after(9), first]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_stream_the_state_is_listed() {
    let script =
        Script::of(vec![vec![Step::Fail(Reason::Invalid)], vec![added(pod("b", "2", 6)), Step::Hold]]);
    let list = ObjectList { items: vec![pod("a", "1", 2)], revision: Revision(5), ..ObjectList::default() };
    script.lists.lock().unwrap().push_back(list);
    let informers = Informers::new(Environment::simulated(1), script.clone());
    informers.of::<Pod>().wait_for(Revision(6)).await.unwrap();
    assert_eq!(names(&informers.of::<Pod>().cache().list(None)), ["a", "b"]);
    assert_eq!(script.begun.lock().unwrap()[1], WatchFrom::After(Revision(5)));
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_with_growing_pauses() {
    let failing = (0..6).map(|_| vec![Step::Fail(Reason::ServiceUnavailable)]);
    let script = Script::of(failing.chain([vec![bookmark(1, true), Step::Hold]]).collect());
    let env = Environment::simulated(1);
    let informers = Informers::new(env.clone(), script.clone());
    let begin = env.instant();
    informers.of::<Pod>().synced().await.unwrap();
    let waited = env.instant().since(begin);
    // Six pauses of 100 ms doubling are 6.3 s, of which chance takes at most half.
    assert!(waited > Duration::from_millis(3150) && waited <= Duration::from_millis(6300), "{waited:?}");
    assert_eq!(script.begun.lock().unwrap().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_an_error_when_the_informer_stops() {
    let informers = Informers::new(Environment::simulated(1), Script::of(vec![]));
    let pods = informers.of::<Pod>();
    let waiting = {
        let pods = pods.clone();
        async move { pods.wait_for(Revision(1)).await }
    };
    let (waited, ()) = futures::join!(waiting, informers.stop());
    assert_eq!(waited, Err(Stopped));
}

#[test]
fn a_late_subscriber_gets_what_is_there_and_an_ended_one_nothing() {
    let informer = Arc::new(Informer::new(Kind::of::<Pod>(), Selection::default()));
    informer.put(pod("a", "1", 1));
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = told.clone();
    let subscription =
        informer.subscribe(Arc::new(move |delta: &Delta| into.lock().unwrap().push(tell(delta))));
    informer.put(pod("a", "1", 2));
    drop(subscription);
    informer.put(pod("a", "1", 3));
    assert_eq!(*told.lock().unwrap(), ["added 1@1", "updated 1@2"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_merged_changes_and_loses_none() {
    let informer = Arc::new(Informer::new(Kind::of::<Pod>(), Selection::default()));
    informer.put(pod("a", "1", 1));
    let mut deltas = informer.deltas();
    assert_eq!(tell(&deltas.next().await), "added 1@1");
    informer.put(pod("a", "1", 2));
    informer.put(pod("b", "2", 3));
    informer.put(pod("a", "1", 4));
    informer.put(pod("brief", "3", 5));
    informer.delete(pod("brief", "3", 6));
    let first = deltas.next().await;
    assert_eq!((tell(&first), first.old().unwrap().revision()), ("updated 1@4".to_owned(), Revision(1)));
    assert_eq!(tell(&deltas.next().await), "added 2@3");
    assert!(deltas.try_next().is_none());

    informer.delete(pod("a", "1", 7));
    informer.put(pod("a", "9", 8));
    assert_eq!(tell(&deltas.next().await), "deleted 1@7");
    assert_eq!(tell(&deltas.next().await), "added 9@8");
    informer.delete(pod("a", "9", 10));
    assert_eq!(tell(&deltas.next().await), "deleted 9@10");
}
