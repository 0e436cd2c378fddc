//! The indexed scheduler and a reference that looks at everything anew decide alike, whatever happens to the cluster.
//!
//! `BIREME_AGREEMENT_SEED=n` runs one seed, `BIREME_AGREEMENT_SEEDS=n` so many.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "small numbers"
)]

mod generate;
mod reference;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::Arc;
use std::thread;

use bireme_core::scheduler::{Budget, Decision, PodInfo, Scheduler as _, Snapshot};
use bireme_scheduler::{DefaultScheduler, Profile};
use generate::{Event, Generator};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use reference::{Judgement, PLUGINS, judge, preempt};
use world::World;

/// How many seeds are compared unless the environment says otherwise.
const SEEDS: u64 = 10_000;
/// How many things happen in one run.
const EVENTS: usize = 30;

/// One cluster in both forms.
struct Run {
    generator: Generator,
    world: World,
    snapshot: Snapshot,
    scheduler: DefaultScheduler,
    plugins: BTreeSet<&'static str>,
    budgets: Vec<Budget>,
    preemptions: usize,
}

impl Run {
    /// The scheduler has these plugins, and the reference those.
    fn new(seed: u64, profile: Profile, plugins: BTreeSet<&'static str>) -> Self {
        let scheduler = DefaultScheduler::with(profile, seed);
        // Every other one has to forget most of what it knows, again and again.
        let scheduler = if seed.is_multiple_of(2) { scheduler } else { scheduler.keeping(1) };
        let mut generator = Generator::new(seed);
        let mut run = Self {
            budgets: generator.budgets(),
            preemptions: 0,
            generator,
            world: World::default(),
            snapshot: Snapshot::new(),
            scheduler,
            plugins,
        };
        for _ in 0..6 {
            let node = run.generator.node();
            run.happens(Event::PutNode(node)).unwrap();
        }
        run
    }

    /// Lets things happen; the first decision that is not the reference's ends it.
    fn go(mut self) -> Result<[usize; 2], String> {
        let mut decisions = 0;
        for step in 0..EVENTS {
            let nodes: Vec<String> = self.world.nodes.keys().cloned().collect();
            let pods: Vec<String> = self.world.pods.keys().cloned().collect();
            let event = self.generator.event(&nodes, &pods);
            decisions += usize::from(matches!(event, Event::Schedule(_)));
            self.happens(event).map_err(|difference| format!("step {step}: {difference}"))?;
        }
        Ok([decisions, self.preemptions])
    }

    fn happens(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Schedule(pod) => return self.schedule(pod),
            Event::Place(pod, node) => self.place(pod, &node),
            Event::PutNode(node) => {
                self.snapshot.put_node(Arc::new(node.clone()));
                self.world.nodes.insert(reference::name(&node).to_owned(), node);
            }
            Event::RemoveNode(name) => {
                self.snapshot.remove_node(&name);
                self.world.nodes.remove(&name);
            }
            Event::RemovePod(uid) => {
                self.snapshot.forget(&uid);
                self.world.pods.remove(&uid);
            }
            Event::Terminate(uid) => {
                let (mut pod, node) = self.world.pods[&uid].clone();
                pod.metadata.deletion_timestamp = Some(Time(Default::default()));
                self.place(pod, &node);
            }
            Event::Namespace(name, labels) => {
                let metadata = ObjectMeta {
                    name: Some(name.clone()),
                    labels: Some(labels.clone()),
                    ..ObjectMeta::default()
                };
                self.snapshot.put_namespace(&Namespace { metadata, ..Namespace::default() });
                self.world.namespaces.insert(name, labels);
            }
        }
        Ok(())
    }

    fn place(&mut self, pod: Pod, node: &str) {
        self.snapshot.assume(PodInfo::new(Arc::new(pod.clone())), node);
        self.world.pods.insert(pod.metadata.uid.clone().unwrap(), (pod, node.to_owned()));
    }

    fn schedule(&mut self, pod: Pod) -> Result<(), String> {
        let judgement = judge(&self.world, &pod, &self.plugins);
        let info = PodInfo::new(Arc::new(pod.clone()));
        let ranking: BTreeMap<String, i64> =
            self.scheduler.ranking(&self.snapshot, &info).into_iter().collect();
        if ranking != judgement.points {
            let (said, expected) = (ranking, &judgement.points);
            return Err(format!(
                "{said:?} instead of {expected:?} for {}",
                serde_json::to_string(&pod).unwrap()
            ));
        }
        let decision = self.scheduler.schedule(&self.snapshot, &info);
        let named = |difference| format!("{difference} for {}", serde_json::to_string(&pod).unwrap());
        match check(&decision, &judgement).map_err(named)? {
            Some(node) => self.place(pod, &node),
            None => self.preempt(&info).map_err(named)?,
        }
        Ok(())
    }

    /// Makes room for a pod that fits nowhere, where the reference would.
    fn preempt(&mut self, pod: &PodInfo) -> Result<(), String> {
        let expected = preempt(&self.world, pod.pod(), &self.plugins, &self.budgets);
        let least = expected.values().map(|(_, cost)| *cost).min();
        let said = self.scheduler.preempt(&self.snapshot, pod, &self.budgets);
        match (said, least) {
            (None, None) => Ok(()),
            (Some(said), Some(least)) => {
                let victims: BTreeSet<String> =
                    said.victims.iter().map(|pod| pod.uid().to_string()).collect();
                if expected.get(&said.node) != Some(&(victims.clone(), least)) {
                    return Err(format!("{victims:?} of {} instead of {expected:?}", said.node));
                }
                for uid in victims {
                    self.happens(Event::RemovePod(uid))?;
                }
                self.preemptions += 1;
                self.place(Pod::clone(pod.pod()), &said.node);
                Ok(())
            }
            (said, _) => Err(format!("{said:?} instead of {expected:?}")),
        }
    }
}

/// The node that was chosen, if the decision is one that the judgement allows.
fn check(decision: &Decision, judgement: &Judgement) -> Result<Option<String>, String> {
    let best = judgement.points.values().copied().max();
    match (decision, best) {
        (Decision::Bind { node, score, feasible }, Some(best)) => {
            let right = *feasible == judgement.points.len()
                && *score == best
                && judgement.points.get(node) == Some(&best);
            right.then(|| Some(node.clone())).ok_or_else(|| format!("{decision:?} of {:?}", judgement.points))
        }
        (Decision::Unschedulable(diagnosis), None) => {
            let mut expected: BTreeMap<(String, String), usize> = BTreeMap::new();
            for (filter, reasons) in judgement.rejections.values() {
                for reason in reasons {
                    *expected.entry(((*filter).to_owned(), reason.clone())).or_default() += 1;
                }
            }
            let mut said: BTreeMap<(String, String), usize> = BTreeMap::new();
            for (why, nodes) in &diagnosis.rejections {
                *said.entry((why.filter.clone(), why.reason.clone())).or_default() += nodes;
            }
            let right = said == expected && diagnosis.nodes == judgement.rejections.len();
            right.then_some(None).ok_or_else(|| format!("{said:?} instead of {expected:?}"))
        }
        _ => Err(format!("{decision:?} instead of one of {:?}", judgement.points)),
    }
}

fn add(a: [usize; 2], b: [usize; 2]) -> [usize; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().and_then(|value| value.parse().ok())
}

fn all() -> BTreeSet<&'static str> {
    PLUGINS.iter().copied().collect()
}

#[test]
fn the_indexed_scheduler_decides_as_the_reference_does() {
    let seeds = match number("BIREME_AGREEMENT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("BIREME_AGREEMENT_SEEDS").unwrap_or(SEEDS),
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let run = |seed| Run::new(seed, Profile::default(), all()).go();
    let [decisions, preemptions] = thread::scope(|scope| {
        let worker = |first: usize| {
            let seeds = seeds.clone().skip(first).step_by(workers);
            let runs =
                seeds.map(|seed| run(seed).unwrap_or_else(|difference| panic!("seed {seed}, {difference}")));
            runs.fold([0, 0], add)
        };
        let workers: Vec<_> = (0..workers).map(|first| scope.spawn(move || worker(first))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold([0, 0], add)
    });
    println!("{decisions} decisions and {preemptions} preemptions alike");
}

#[test]
fn a_plugin_that_is_missing_on_either_side_is_noticed() {
    for plugin in PLUGINS {
        let notices = |profile: &dyn Fn() -> Profile, plugins: &BTreeSet<&'static str>| {
            (0..300).any(|seed| Run::new(seed, profile(), plugins.clone()).go().is_err())
        };
        assert!(notices(&|| Profile::default().without(plugin), &all()), "the scheduler lacks {plugin}");
        let rest: BTreeSet<_> = all().into_iter().filter(|name| name != plugin).collect();
        assert!(notices(&Profile::default, &rest), "the reference lacks {plugin}");
    }
}
