mod fake;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::Environment;
use crate::cache::Informers;
use crate::error::{ApiError, Cause, Reason};
use crate::object::{Object, ObjectKey};
use fake::Fake;

type Decide = dyn Fn(&View, &ObjectRef, Timestamp) -> Result<Plan, ReconcileError> + Send + Sync;

/// A reconciler of ConfigMaps that does what the test says.
struct Toy(Box<Decide>);

impl Reconciler for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<ConfigMap>()]
    }

    fn targets(&self, _: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        Ok(vec![ObjectRef::from(&**delta.object())])
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError> {
        (self.0)(view, target, now)
    }
}

fn map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("shop".to_owned()),
        ..ObjectMeta::default()
    };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn reference(name: &str) -> ObjectRef {
    ObjectRef::to::<ConfigMap>(ObjectKey::namespaced("shop", name))
}

/// What the test looks at.
struct Rig {
    env: Environment,
    client: Arc<Fake>,
    /// When, and for which target, the reconciler was called: milliseconds since the start.
    calls: Arc<Mutex<Vec<(u64, String)>>>,
    stop: CancellationToken,
}

impl Rig {
    /// Runs a reconciler over these ConfigMaps.
    fn run(
        present: &[&str],
        decide: impl Fn(&View, &ObjectRef, Timestamp) -> Result<Plan, ReconcileError> + Send + Sync + 'static,
    ) -> Rig {
        let env = Environment::simulated(1);
        let client = Arc::new(Fake::default());
        present.iter().for_each(|name| client.put(&Object::from_typed(map(name)).unwrap()));
        let (calls, begin) = (Arc::new(Mutex::new(Vec::new())), env.instant());
        let (log, clock) = (calls.clone(), env.clone());
        let toy = Toy(Box::new(move |view, target, now| {
            let millis = u64::try_from(clock.instant().since(begin).as_millis()).unwrap();
            log.lock().unwrap().push((millis, target.key.name().to_owned()));
            decide(view, target, now)
        }));
        let informers = Informers::new(env.clone(), client.clone());
        let controller = Controller::new(env.clone(), client.clone(), informers);
        let stop = CancellationToken::new();
        let token = stop.clone();
        env.spawn(async move { controller.run(Arc::new(toy), token).await });
        Rig { env, client, calls, stop }
    }

    async fn pass(&self, millis: u64) {
        self.env.sleep(Duration::from_millis(millis)).await;
    }

    fn calls(&self, name: &str) -> Vec<u64> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(_, called)| called == name).map(|(at, _)| *at).collect()
    }
}

fn create_all(count: usize) -> Plan {
    let mut plan = Plan::nothing();
    (0..count).for_each(|number| plan.create(map(&format!("child-{number:02}")), None).unwrap());
    plan
}

#[tokio::test(start_paused = true)]
async fn creation_starts_slowly_and_stops_at_the_first_failure() {
    let rig = Rig::run(&["wish"], |view, target, _| {
        let again = view.failure().is_some() || target.key.name() != "wish";
        Ok(if again { Plan::nothing() } else { create_all(20) })
    });
    rig.client.refuse(|verb, name| {
        (verb == "create" && name == "child-04").then(|| ApiError::new(Reason::Forbidden, "quota"))
    });
    rig.pass(1).await;
    // Batches of one, two and four: the failure is in the third, which nothing follows.
    assert_eq!(rig.client.count("create"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_the_next_call_which_comes_later_each_time() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let rig = Rig::run(&["a"], move |view, _, _| {
        log.lock().unwrap().push(view.failure().map(|failure| (failure.verb, failure.error.reason())));
        Ok(create_all(1))
    });
    rig.client.refuse(|verb, _| (verb == "create").then(|| ApiError::new(Reason::Forbidden, "quota")));
    rig.pass(40).await;
    assert_eq!(rig.calls("a"), [0, 5, 15, 35]);
    let failure = Some((Verb::Create, Reason::Forbidden));
    assert_eq!(*told.lock().unwrap(), [None, failure, failure, failure]);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_comes_again_without_being_told() {
    let rig = Rig::run(&["a"], |view, _, _| {
        assert!(view.failure().is_none());
        Ok(create_all(1))
    });
    rig.client.refuse(|verb, _| (verb == "create").then(|| ApiError::new(Reason::Conflict, "again")));
    rig.pass(10).await;
    assert_eq!(rig.calls("a"), [0, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_concerns_its_own_target_alone() {
    let rig = Rig::run(&["bad", "good"], |_, target, _| {
        assert_ne!(target.key.name(), "bad", "this is part of the test");
        Ok(Plan::nothing())
    });
    rig.pass(10).await;
    assert_eq!((rig.calls("bad"), rig.calls("good")), (vec![0, 5], vec![0]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_in_a_namespace_that_is_going_and_nobody_minds() {
    let rig = Rig::run(&["a"], |view, _, _| {
        assert!(view.failure().is_none());
        Ok(create_all(5))
    });
    rig.client.refuse(|verb, _| {
        let cause = Cause {
            reason: "NamespaceTerminating",
            field: "metadata.namespace".into(),
            message: "going".into(),
        };
        (verb == "create").then(|| ApiError::new(Reason::Forbidden, "going").with_causes([cause]))
    });
    rig.pass(1000).await;
    assert_eq!(rig.client.count("create"), 1);
    assert_eq!(rig.calls("a"), [0]);
}

#[tokio::test(start_paused = true)]
async fn live_reads_are_made_before_the_decision() {
    let rig = Rig::run(&["a"], |view, target, _| {
        let (present, absent) = (reference("a"), reference("no"));
        match (view.live(&present), view.live(&absent)) {
            (Live::Unread, Live::Unread) => Ok(Plan::need_live(vec![present, absent])),
            (Live::Present(object), Live::Absent) => {
                let mut plan = Plan::nothing();
                plan.delete(&object, None);
                assert_eq!(target, &present);
                Ok(plan)
            }
            other => panic!("{other:?}"),
        }
    });
    rig.pass(1).await;
    let verbs: Vec<_> = rig.client.log().into_iter().map(|(verb, name)| format!("{verb} {name}")).collect();
    assert_eq!(verbs[..3], ["get a", "get no", "delete a"]);
}

#[tokio::test(start_paused = true)]
async fn a_reconciler_that_never_has_enough_is_stopped() {
    let rig = Rig::run(&["a"], |_, _, _| Ok(Plan::need_live(vec![reference("b")])));
    rig.pass(1).await;
    assert_eq!(rig.calls("a").len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_target_comes_again_at_the_time_it_asked_for() {
    let rig = Rig::run(&["a"], |_, _, now| {
        let mut plan = Plan::nothing();
        plan.requeue_at(now + Duration::from_secs(7));
        Ok(plan)
    });
    rig.pass(15_000).await;
    assert_eq!(rig.calls("a"), [0, 7000, 14_000]);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_left_alone_until_its_own_writes_are_seen() {
    let rig = Rig::run(&["a"], |view, target, _| {
        let seen = view.get::<ConfigMap>(&target.key)?.is_some_and(|map| map.data.is_some());
        let mut plan = Plan::nothing();
        if target.key.name() == "a" && !seen {
            let from = view.get::<ConfigMap>(&target.key)?.unwrap();
            let to = ConfigMap { data: Some([("x".to_owned(), "y".to_owned())].into()), ..(*from).clone() };
            plan.change(&*from, &to, crate::client::Part::Main)?;
            plan.requeue_at = Some(Timestamp::MIN);
        }
        Ok(plan)
    });
    rig.client.hold_back(Duration::from_secs(3));
    rig.pass(10_000).await;
    assert_eq!((rig.client.count("patch"), rig.calls("a").len()), (1, 2));
    assert!(rig.calls("a")[1] >= 3000, "{:?}", rig.calls("a"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_waited_for_too_even_if_nobody_tells_its_revision() {
    let rig = Rig::run(&["a"], |view, target, _| {
        let mut plan = Plan::nothing();
        if let Some(object) = view.object(target)? {
            plan.delete(&object, None);
            plan.requeue_at = Some(Timestamp::MIN);
        }
        Ok(plan)
    });
    rig.client.hold_back(Duration::from_secs(3));
    rig.pass(10_000).await;
    assert_eq!((rig.client.count("delete"), rig.calls("a").len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_happened_is_not_made_again_before_the_caches_could_show_it() {
    let rig = Rig::run(&["a"], |view, target, _| {
        let missing = view.object(&reference("child-00"))?.is_none();
        Ok(if missing && target.key.name() == "a" { create_all(1) } else { Plan::nothing() })
    });
    rig.client.refuse(|verb, _| (verb == "create").then(|| ApiError::new(Reason::Timeout, "who knows")));
    rig.client.hold_back(Duration::from_secs(3));
    rig.pass(10_000).await;
    assert_eq!((rig.client.count("create"), rig.calls("a").len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_all_work() {
    let rig = Rig::run(&["a"], |_, _, now| {
        let mut plan = Plan::nothing();
        plan.requeue_at(now + Duration::from_secs(1));
        Ok(plan)
    });
    rig.pass(1500).await;
    rig.stop.cancel();
    rig.pass(10_000).await;
    assert_eq!(rig.calls("a"), [0, 1000]);
}
