//! What holds in every rollout, however late anybody hears of anything.
//!
//! A model of ReplicaSets and pods takes steps in random order: the Deployment is updated, scaled, paused and
//! reconciled; a ReplicaSet's controller sees its spec, acts on it, counts its pods, and what it counted arrives;
//! a pod becomes ready.

use bireme_core::client::Part;
use bireme_core::object::Object;
use bireme_core::reconciler::Command;
use k8s_openapi::api::apps::v1::ReplicaSetStatus;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::prelude::*;
use serde_json::Value;

use super::bounds::Bounds;
use super::*;
use crate::testing::*;

/// A ReplicaSet, what its controller knows of it, and for each of its pods whether it is ready.
#[derive(Clone, PartialEq)]
struct Modelled {
    set: ReplicaSet,
    seen: Option<ReplicaSet>,
    counted: Option<ReplicaSetStatus>,
    pods: Vec<bool>,
}

struct Model {
    deployment: Deployment,
    sets: Vec<Modelled>,
    steps: i64,
    /// The most pods, and the fewest that are ready, that any number of replicas allowed since the last rest.
    limits: (i32, i32),
}

#[derive(Clone, Debug)]
enum Step {
    Update(usize),
    Scale(i32),
    Pause(bool),
    Reconcile,
    See(usize),
    Act(usize),
    Count(usize),
    Report(usize),
    Ready(usize),
    Rest,
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert_with(|| Value::Object(Default::default())), value);
                }
            }
        }
        (into, patch) => *into = patch,
    }
}

fn patched<K: bireme_core::object::Resource>(object: &K, patch: Value) -> K {
    let mut value = serde_json::to_value(object).unwrap();
    merge(&mut value, patch);
    let mut patched: K = serde_json::from_value(value).unwrap();
    patched.metadata_mut().resource_version = None;
    patched
}

impl Modelled {
    fn act(&mut self) {
        if let Some(seen) = &self.seen {
            let wanted = usize::try_from(seen.spec.as_ref().unwrap().replicas.unwrap()).unwrap();
            // Those that are not ready go first.
            self.pods.sort_by_key(|ready| !ready);
            self.pods.resize(wanted, false);
        }
    }

    fn count(&mut self) {
        let ready = self.pods.iter().filter(|ready| **ready).count();
        let number = |count: usize| i32::try_from(count).unwrap();
        let counted = |seen: ReplicaSet| seen.observed(number(self.pods.len()), number(ready)).status;
        self.counted = self.seen.clone().and_then(counted);
    }
}

impl Model {
    fn new(replicas: i32, surge: i32, unavailable: i32) -> Self {
        let (surge, unavailable) = (IntOrString::Int(surge), IntOrString::Int(unavailable));
        let deployment = deployment(replicas).rolling(surge, unavailable);
        let mut model = Self { deployment, sets: Vec::new(), steps: 0, limits: (0, 0) };
        model.settle();
        model
    }

    fn step(&mut self, step: &Step) {
        self.steps += 1;
        match step {
            Step::Update(version) => {
                self.deployment = self.deployment.clone().image(["v1", "v2", "v3", "v4"][version % 4]);
            }
            Step::Scale(replicas) => {
                self.deployment = self.deployment.clone().spec(|spec| spec.replicas = Some(*replicas));
                let (most, fewest) = self.allowed();
                self.limits = (self.limits.0.max(most), self.limits.1.min(fewest));
            }
            Step::Pause(paused) => {
                self.deployment = self.deployment.clone().spec(|spec| spec.paused = Some(*paused));
            }
            Step::Reconcile => self.reconcile(),
            Step::See(index) => self.at(*index, |modelled| modelled.seen = Some(modelled.set.clone())),
            Step::Act(index) => self.at(*index, Modelled::act),
            Step::Count(index) => self.at(*index, Modelled::count),
            Step::Report(index) => self.at(*index, |modelled| modelled.set.status = modelled.counted.clone()),
            Step::Ready(index) => {
                let mut pending = self.sets.iter_mut().flat_map(|set| &mut set.pods).filter(|ready| !**ready);
                if let Some(pod) = pending.nth(*index % 3) {
                    *pod = true;
                }
            }
            Step::Rest => self.settle(),
        }
    }

    fn at(&mut self, index: usize, change: impl FnOnce(&mut Modelled)) {
        let count = self.sets.len().max(1);
        self.sets.get_mut(index % count).map(change);
    }

    /// The most pods, and the fewest that are ready, that the present number of replicas allows.
    fn allowed(&self) -> (i32, i32) {
        let replicas = self.replicas();
        let bounds = Bounds::of(&self.deployment, replicas);
        (replicas + bounds.surge, replicas - bounds.unavailable)
    }

    fn replicas(&self) -> i32 {
        self.deployment.spec.as_ref().unwrap().replicas.unwrap()
    }

    fn reconcile(&mut self) {
        let sets = self.sets.iter().map(|modelled| modelled.set.clone());
        let view =
            View::builder().watching(&Deployments.watches()).with(self.deployment.clone()).with_all(sets);
        let target = ObjectRef::to::<Deployment>(ObjectKey::namespaced("shop", "web"));
        let plan = Deployments.reconcile(&view.build(), &target, at(self.steps)).unwrap();
        for command in plan.commands {
            match command {
                Command::Create { object, .. } => self.create(&object),
                Command::Patch { target, part, patch: bireme_core::client::Patch::Merge(patch) } => {
                    let patch = serde_json::from_slice(&patch).unwrap();
                    if target.kind == Kind::of::<Deployment>() {
                        self.deployment = patched(&self.deployment, patch);
                    } else {
                        assert_eq!(part, Part::Main);
                        let mut sets = self.sets.iter_mut();
                        let found =
                            sets.find(|known| known.set.metadata.name.as_deref() == Some(target.key.name()));
                        let known = found.unwrap();
                        let before = known.set.spec.clone();
                        known.set = patched(&known.set, patch);
                        if known.set.spec != before {
                            *known.set.metadata.generation.get_or_insert(1) += 1;
                        }
                    }
                }
                Command::Delete { target, .. } => {
                    self.sets.retain(|known| known.set.metadata.name.as_deref() != Some(target.key.name()));
                }
                Command::Record(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn create(&mut self, object: &Object) {
        let mut set = (*object.typed::<ReplicaSet>().unwrap()).clone().created(self.steps);
        set.metadata.uid = set.metadata.name.clone();
        set.metadata.generation = Some(1);
        self.sets.push(Modelled { set, seen: None, counted: None, pods: Vec::new() });
    }

    /// Goes on until nothing changes any more; then only what is wanted now counts.
    fn settle(&mut self) {
        for _ in 0..200 {
            let before = (self.deployment.clone(), self.sets.clone());
            self.step(&Step::Reconcile);
            for index in 0..self.sets.len() {
                self.step(&Step::See(index));
                self.step(&Step::Act(index));
                (0..3).for_each(|_| self.step(&Step::Ready(0)));
                self.step(&Step::Count(index));
                self.step(&Step::Report(index));
            }
            if before == (self.deployment.clone(), self.sets.clone()) {
                self.limits = self.allowed();
                return;
            }
        }
        panic!("the rollout does not come to rest");
    }

    fn pods(&self) -> (i32, i32) {
        let pods: Vec<bool> = self.sets.iter().flat_map(|set| set.pods.iter().copied()).collect();
        let ready = pods.iter().filter(|ready| **ready).count();
        (i32::try_from(pods.len()).unwrap(), i32::try_from(ready).unwrap())
    }

    fn pods_of_template(&self) -> i32 {
        let template = &self.deployment.spec.as_ref().unwrap().template;
        let own = |set: &&Modelled| {
            let spec = set.set.spec.as_ref().unwrap();
            revisions::is_same_template(template, spec.template.as_ref().unwrap())
        };
        i32::try_from(self.sets.iter().find(own).map_or(0, |set| set.pods.len())).unwrap()
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4usize).prop_map(Step::Update),
        2 => (0..12i32).prop_map(Step::Scale),
        2 => any::<bool>().prop_map(Step::Pause),
        24 => Just(Step::Reconcile),
        12 => (0..4usize).prop_map(Step::See),
        12 => (0..4usize).prop_map(Step::Act),
        12 => (0..4usize).prop_map(Step::Count),
        12 => (0..4usize).prop_map(Step::Report),
        20 => (0..4usize).prop_map(Step::Ready),
        1 => Just(Step::Rest),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn rollouts_stay_within_their_bounds_and_come_to_an_end(
        replicas in 0..12i32,
        surge in 0..4i32,
        unavailable in 0..4i32,
        steps in proptest::collection::vec(step(), 0..400),
    ) {
        let mut model = Model::new(replicas, surge, unavailable);
        prop_assert_eq!(model.pods(), (replicas, replicas));
        for step in steps {
            model.step(&step);
            let ((all, ready), (most, fewest)) = (model.pods(), model.limits);
            prop_assert!(all <= most, "{} pods, {} allowed, after {:?}", all, most, step);
            prop_assert!(ready >= fewest, "{} ready, {} needed, after {:?}", ready, fewest, step);
        }
        model.step(&Step::Pause(false));
        model.settle();
        let replicas = model.replicas();
        prop_assert_eq!(model.pods(), (replicas, replicas));
        prop_assert_eq!(model.pods_of_template(), replicas);
    }
}
