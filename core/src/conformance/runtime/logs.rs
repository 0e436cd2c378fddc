//! Logs.

use futures::StreamExt as _;

use super::Program;
use super::kit::{GRACE, NODE, Site, patiently, stdout_of};
use crate::runtime::{ContainerSpec, LogOptions, Stdio};

fn lines(chunks: &[crate::runtime::LogChunk]) -> Vec<String> {
    chunks.iter().filter_map(|chunk| stdout_of(&chunk.output)).collect()
}

pub(super) async fn a_log_holds_what_was_written(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Says("hello")).await;
    site.exit(&id).await;
    let log = site.log(&id).await;
    assert_eq!(lines(&log), ["hello"]);
    // An engine may note a start only when the first line is written already.
    assert!(log[0].time >= site.status(&id).await.created_at, "{log:?}");
    assert_eq!(site.log(&id).await, log, "it is there to be read again");
    let quiet = site.run(&sandbox, "quiet", Program::Exits(0)).await;
    site.exit(&quiet).await;
    assert!(site.log(&quiet).await.is_empty(), "each has a log of its own");
}

pub(super) async fn a_followed_log_ends_with_its_container(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { stdin: true, ..site.spec("main", Program::Repeats) };
    let id = site.run_spec(&sandbox, &spec).await;
    let follow = LogOptions { follow: true, ..LogOptions::default() };
    let mut log = site.runtime.logs(&id, &follow).await.expect("a log is read");
    let stdio = Stdio { stdin: true, ..Stdio::default() };
    let session = site.runtime.attach(&id, stdio).await.expect("attached");
    let stdin = session.stdin.as_ref().expect("it takes input");
    for line in ["one", "two"] {
        stdin.send(format!("{line}\n").into()).await.expect("sent");
        let chunk = patiently("a line is followed", log.next()).await.expect("it goes on").expect("read");
        assert_eq!(stdout_of(&chunk.output).as_deref(), Some(line));
    }
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    assert!(patiently("the log ends", log.next()).await.is_none());
    assert_eq!(lines(&site.log_with(&id, follow).await), ["one", "two"]);
}

pub(super) async fn a_log_can_be_asked_for_its_end(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { stdin: true, ..site.spec("main", Program::Repeats) };
    let id = site.run_spec(&sandbox, &spec).await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut session = site.runtime.attach(&id, stdio).await.expect("attached");
    for line in ["one\n", "two\n", "three\n"] {
        session.stdin.as_ref().expect("it takes input").send(line.into()).await.expect("sent");
        patiently("a line comes back", session.output.next()).await.expect("it goes on").expect("read");
    }
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    let whole = site.log(&id).await;
    assert_eq!(lines(&whole), ["one", "two", "three"]);
    assert!(whole.is_sorted_by_key(|chunk| chunk.time));
    let tail = |count| LogOptions { tail: Some(count), ..LogOptions::default() };
    assert_eq!(site.log_with(&id, tail(2)).await, whole[1..]);
    assert!(site.log_with(&id, tail(0)).await.is_empty());
    assert_eq!(site.log_with(&id, tail(9)).await, whole);
    let since = LogOptions { since: Some(whole[2].time), ..LogOptions::default() };
    assert_eq!(site.log_with(&id, since).await.last(), whole.last());
    assert!(site.log_with(&id, since).await.iter().all(|chunk| chunk.time >= whole[2].time));
}

pub(super) async fn a_log_outlives_the_runtime_that_saw_it_begin(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { stdin: true, ..site.spec("main", Program::Repeats) };
    let id = site.run_spec(&sandbox, &spec).await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut session = site.runtime.attach(&id, stdio).await.expect("attached");
    session.stdin.as_ref().expect("it takes input").send("before\n".into()).await.expect("sent");
    patiently("a line comes back", session.output.next()).await.expect("it goes on").expect("read");
    drop(session);
    let successor = site.rig.runtime(NODE).await;
    let mut session = successor.attach(&id, stdio).await.expect("attached");
    session.stdin.as_ref().expect("it takes input").send("after\n".into()).await.expect("sent");
    patiently("a line comes back", session.output.next()).await.expect("it goes on").expect("read");
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    let log = successor.logs(&id, &LogOptions::default()).await.expect("a log is read");
    let log: Vec<_> = log.map(|chunk| chunk.expect("read")).collect().await;
    assert_eq!(lines(&log), ["before", "after"]);
}
