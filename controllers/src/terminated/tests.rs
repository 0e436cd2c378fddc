use bireme_core::reconciler::Command;
use k8s_openapi::api::core::v1::PodStatus;

use super::*;
use crate::testing::*;

fn ended(name: &str, phase: &str, created: i64) -> Pod {
    let mut pod = pod(name).uid(name).created(created);
    pod.status = Some(PodStatus { phase: Some(phase.to_owned()), ..PodStatus::default() });
    pod
}

fn view(pods: impl IntoIterator<Item = Pod>) -> View {
    View::builder().watching(&TerminatedPods::new(0).watches()).with_all(pods).build()
}

/// Who goes when `threshold` may stay.
fn removed(view: &View, threshold: usize) -> Vec<String> {
    let target = ObjectRef::to::<Pod>(ObjectKey::cluster(ENDED));
    let plan = TerminatedPods::new(threshold).reconcile(view, &target, at(0)).unwrap();
    let name = |command: &Command| match command {
        Command::Delete { target, options, .. } => {
            assert_eq!(options.grace_period_seconds, Some(0), "nobody is left to ask");
            assert_eq!(options.preconditions.uid.as_deref(), Some(target.key.name()));
            target.key.name().to_owned()
        }
        other => panic!("{other:?}"),
    };
    plan.commands.iter().map(name).collect()
}

#[test]
fn the_oldest_of_those_that_have_ended_go() {
    let view = view([
        ended("young", "Failed", 30),
        ended("old", "Succeeded", 10),
        ended("middle", "Failed", 20),
        ended("running", "Running", 1),
        ended("pending", "Pending", 2),
    ]);
    assert_eq!(removed(&view, 3), [""; 0]);
    assert_eq!(removed(&view, 2), ["old"]);
    assert_eq!(removed(&view, 0), ["old", "middle", "young"]);
}

#[test]
fn evicted_pods_go_before_older_ones() {
    let mut evicted = ended("evicted", "Failed", 30);
    evicted.status.as_mut().unwrap().reason = Some("Evicted".to_owned());
    assert_eq!(removed(&view([ended("old", "Failed", 10), evicted]), 1), ["evicted"]);
}

#[test]
fn what_is_on_its_way_out_does_not_count() {
    let leaving = ended("leaving", "Failed", 1).deleting(5).finalizer("example.com/held");
    assert_eq!(removed(&view([leaving, ended("a", "Failed", 2)]), 1), [""; 0]);
}

#[test]
fn many_go_in_several_plans() {
    let view = view((0..1_200).map(|number| ended(&format!("p{number:04}"), "Failed", number)));
    let first = removed(&view, 100);
    assert_eq!((first.len(), &*first[0], &*first[499]), (BATCH, "p0000", "p0499"));
}
