//! What watchers are told, against what a reader of the whole log would tell them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bireme_core::client::ApiEvent;
use bireme_core::object::Kind;
use bireme_core::selector::{FieldSelector, LabelSelector};
use bireme_core::store::{Change, CommitEvent, KeyValue, MemoryStore, Revision};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;

use super::Filter;
use super::kind_cache::{Begun, KindCache, Lost};
use crate::kinds::built_in;
use crate::table::{KindEntry, KindTable};

/// A pod as far as selectors are concerned.
#[derive(Clone, Debug, PartialEq)]
struct State {
    node: &'static str,
    app: &'static str,
}

/// A cache of pods that nothing but the test feeds.
struct Rig {
    entry: Arc<KindEntry>,
    revision: u64,
    present: BTreeMap<String, KeyValue>,
}

impl Rig {
    async fn new() -> Rig {
        let entry = KindTable::new(built_in()).entry(Kind::of::<Pod>()).unwrap().clone();
        entry.cache.load(&MemoryStore::new()).await.unwrap();
        Rig { entry, revision: 1, present: BTreeMap::new() }
    }

    fn cache(&self) -> &Arc<KindCache> {
        &self.entry.cache
    }

    /// Puts a pod, or deletes it; the answer is the revision.
    fn commit(&mut self, name: &str, state: Option<&State>) -> Revision {
        self.revision += 1;
        let revision = Revision(self.revision);
        let key = format!("{}{name}", self.entry.prefix);
        let previous = self.present.remove(name);
        let change = match state {
            Some(state) => {
                let (namespace, short) = name.split_once('/').unwrap();
                let pod = json!({"apiVersion": "v1", "kind": "Pod",
                    "metadata": {"namespace": namespace, "name": short, "labels": {"app": state.app}},
                    "spec": {"nodeName": state.node, "containers": []}});
                let current = KeyValue {
                    key: key.into(),
                    value: pod.to_string().into(),
                    created: previous.as_ref().map_or(revision, |previous| previous.created),
                    modified: revision,
                };
                self.present.insert(name.to_owned(), current.clone());
                Change::Put { current, previous }
            }
            None => Change::Delete { key: key.into(), previous },
        };
        self.cache().apply(&Arc::new(CommitEvent { revision, changes: vec![change] }));
        revision
    }

    fn filter(&self, namespace: Option<&str>, labels: &str, fields: &str) -> Filter {
        let labels = LabelSelector::parse(labels).unwrap();
        let fields = FieldSelector::parse(fields).unwrap();
        Filter::new(&self.entry, namespace, &labels, &fields).unwrap()
    }

    fn begin(&self, fields: &str) -> Begun {
        self.cache().begin(self.filter(None, "", fields), Some(Revision(self.revision))).unwrap()
    }

    fn read(&self, watch: &mut Begun) -> Result<Vec<ApiEvent>, Lost> {
        let (mut events, watcher) = (Vec::new(), watch.watcher.clone());
        self.cache().events(watch.id, &watcher, &mut watch.position, |event| {
            events.extend(event.seen_through(&watcher.filter));
            true
        })?;
        Ok(events)
    }
}

fn is_woken(watch: &Begun) -> bool {
    watch.watcher.wake.notified().now_or_never().is_some()
}

fn on(node: &'static str) -> State {
    State { node, app: "web" }
}

#[tokio::test]
async fn a_watcher_is_woken_for_its_own_topic_alone() {
    let mut rig = Rig::new().await;
    let node = rig.begin("spec.nodeName=one");
    let object = rig.begin("metadata.namespace=a,metadata.name=x");
    let all = rig.begin("");

    rig.commit("a/y", Some(&on("two")));
    assert!(!is_woken(&node) && !is_woken(&object) && is_woken(&all));
    rig.commit("a/y", Some(&on("one")));
    assert!(is_woken(&node) && !is_woken(&object) && is_woken(&all));
    rig.commit("a/y", Some(&on("two")));
    assert!(is_woken(&node), "it has left the node");
    rig.commit("a/x", Some(&on("two")));
    assert!(!is_woken(&node) && is_woken(&object));
}

#[tokio::test]
async fn a_quiet_watcher_of_a_node_outlives_what_happens_elsewhere() {
    let mut rig = Rig::new().await;
    let (mut quiet, mut wide) = (rig.begin("spec.nodeName=one"), rig.begin(""));
    for _ in 0..10_000 {
        rig.commit("a/y", Some(&on("two")));
    }
    rig.commit("a/x", Some(&on("one")));
    let events = rig.read(&mut quiet).ok().unwrap();
    assert!(matches!(&*events, [ApiEvent::Added(pod)] if pod.name() == "x"), "{events:?}");
    assert!(matches!(rig.read(&mut wide), Err(Lost::Lagged)), "it has not taken what has left the window");
}

#[tokio::test]
async fn a_watcher_whose_own_events_have_left_the_window_is_lost() {
    let mut rig = Rig::new().await;
    let mut slow = rig.begin("spec.nodeName=one");
    rig.commit("a/x", Some(&on("one")));
    for _ in 0..10_000 {
        rig.commit("a/y", Some(&on("two")));
    }
    assert!(matches!(rig.read(&mut slow), Err(Lost::Lagged)));
}

#[tokio::test]
async fn a_channel_opened_late_has_what_the_window_has() {
    let mut rig = Rig::new().await;
    let begin = Revision(rig.revision);
    rig.commit("a/x", Some(&on("one")));
    rig.commit("a/y", Some(&on("two")));
    let filter = rig.filter(None, "", "spec.nodeName=one");
    let mut late = rig.cache().begin(filter, Some(begin)).unwrap();
    assert_eq!(rig.read(&mut late).ok().unwrap().len(), 1);
}

#[tokio::test]
async fn a_watch_from_before_the_cache_was_loaded_anew_is_lost_and_takes_nobodys_place() {
    let mut rig = Rig::new().await;
    let mut old = rig.begin("spec.nodeName=one");
    rig.cache().reset();
    rig.cache().load(&MemoryStore::new()).await.unwrap();
    let mut new = rig.cache().begin(rig.filter(None, "", "spec.nodeName=one"), None).unwrap();
    assert_eq!(old.id, new.id, "numbers begin anew");
    assert!(matches!(rig.read(&mut old), Err(Lost::Reset)), "it may have missed something");
    rig.cache().end(old.id, &old.watcher);
    rig.commit("a/x", Some(&on("one")));
    assert!(is_woken(&new));
    assert_eq!(rig.read(&mut new).ok().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_superseded_stays_without_its_decoded_form() {
    let mut rig = Rig::new().await;
    let mut watch = rig.begin("");
    rig.commit("a/x", Some(&on("one")));
    let present = rig.cache().present("a/x").unwrap();
    let decoded = Arc::downgrade(&present.typed::<Pod>().unwrap());
    rig.commit("a/x", Some(&on("two")));
    drop(present);
    assert!(decoded.upgrade().is_none(), "only the window has it now");
    let events = rig.read(&mut watch).ok().unwrap();
    let Some(ApiEvent::Added(first)) = events.first() else { panic!("{events:?}") };
    let pod = first.typed::<Pod>().unwrap();
    assert_eq!(pod.spec.as_ref().unwrap().node_name.as_deref(), Some("one"), "it can be decoded again");
}

/// What a watch is about: a namespace, a label selector, a field selector.
type About = (Option<&'static str>, &'static str, &'static str);

/// What a watch is told, of which pod, at which revision.
type Told = (&'static str, String, Revision);

/// What happens, and who looks.
#[derive(Clone, Debug)]
enum Step {
    Commit(&'static str, Option<State>),
    Begin(About),
    /// All watches take what there is.
    Read,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = prop::sample::select(vec!["a/x", "a/y", "b/x"]);
    let state = (prop::sample::select(vec!["", "one", "two"]), prop::sample::select(vec!["web", "db"]))
        .prop_map(|(node, app)| State { node, app });
    let fields = vec![
        "",
        "spec.nodeName=one",
        "spec.nodeName=",
        "spec.nodeName!=one",
        "metadata.name=x",
        "metadata.name=x,spec.nodeName=two",
    ];
    let begin = (
        prop::sample::select(vec![None, Some("a"), Some("b")]),
        prop::sample::select(vec!["", "app=web"]),
        prop::sample::select(fields),
    );
    let step = prop_oneof![
        6 => (name, prop::option::weighted(0.8, state)).prop_map(|(name, state)| Step::Commit(name, state)),
        2 => begin.prop_map(Step::Begin),
        1 => Just(Step::Read),
    ];
    prop::collection::vec(step, 1..60)
}

/// Whether a pod is selected, straight from what selectors mean.
fn selects(watch: &About, name: &str, state: &State) -> bool {
    let (namespace, labels, fields) = *watch;
    let (own_namespace, short) = name.split_once('/').unwrap();
    namespace.is_none_or(|namespace| namespace == own_namespace)
        && (labels.is_empty() || state.app == "web")
        && fields.split(',').filter(|term| !term.is_empty()).all(|term| match term {
            "spec.nodeName!=one" => state.node != "one",
            term => match term.split_once('=').unwrap() {
                ("metadata.name", name) => name == short,
                (_, node) => node == state.node,
            },
        })
}

/// What a watch is told of a change, and the revision.
fn expected(
    watch: &About,
    name: &str,
    before: Option<&State>,
    now: Option<&State>,
    revision: Revision,
) -> Option<Told> {
    let selected = |state: Option<&State>| state.is_some_and(|state| selects(watch, name, state));
    let what = match (selected(before), selected(now)) {
        (false, false) => return None,
        (false, true) => "added",
        (true, true) => "modified",
        (true, false) => "deleted",
    };
    Some((what, name.to_owned(), revision))
}

fn told(event: &ApiEvent) -> Told {
    let (what, object) = match event {
        ApiEvent::Added(object) => ("added", object),
        ApiEvent::Modified(object) => ("modified", object),
        ApiEvent::Deleted(object) => ("deleted", object),
        other => panic!("{other:?}"),
    };
    (what, object.key().to_string(), object.revision())
}

proptest! {
    #[test]
    fn every_watcher_sees_what_a_reader_of_the_whole_log_would_tell_it(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new().await;
            let mut states: BTreeMap<&str, State> = BTreeMap::new();
            let mut watches: Vec<(About, Begun, Vec<Told>)> = Vec::new();
            for step in steps.into_iter().chain([Step::Read]) {
                match step {
                    Step::Commit(name, None) if !states.contains_key(name) => {}
                    Step::Commit(name, state) => {
                        let revision = rig.commit(name, state.as_ref());
                        let before = match &state {
                            Some(state) => states.insert(name, state.clone()),
                            None => states.remove(name),
                        };
                        for (watch, _, due) in &mut watches {
                            due.extend(expected(watch, name, before.as_ref(), state.as_ref(), revision));
                        }
                    }
                    Step::Begin(watch) => {
                        let (namespace, labels, fields) = watch;
                        let filter = rig.filter(namespace, labels, fields);
                        let begun = rig.cache().begin(filter, None).unwrap();
                        let (objects, _) = begun.initial.as_ref().unwrap();
                        let found: Vec<String> = objects.iter().map(|pod| pod.key().to_string()).collect();
                        let selected = states.iter().filter(|(name, state)| selects(&watch, name, state));
                        let wanted: Vec<&str> = selected.map(|(name, _)| *name).collect();
                        assert_eq!(found, wanted, "the list of {watch:?}");
                        watches.push((watch, begun, Vec::new()));
                    }
                    Step::Read => {
                        for (watch, begun, due) in &mut watches {
                            assert!(due.is_empty() || is_woken(begun), "{watch:?} sleeps over {due:?}");
                            let events = rig.read(begun).ok().unwrap();
                            let events: Vec<_> = events.iter().map(told).collect();
                            assert_eq!(&events, due, "{watch:?}");
                            due.clear();
                        }
                    }
                }
            }
        });
    }
}
