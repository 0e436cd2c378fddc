//! Logs, exec and attach.

use std::time::Duration;

use bireme_core::runtime::{
    ContainerSpec, ContainerState, ExecSpec, LogOptions, Output, Runtime, RuntimeError, Stdio, TerminalSize,
};
use bytes::Bytes;
use futures::StreamExt as _;

use crate::rig::{Rig, SLEEP, log, shell, stdout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_keep_streams_apart_and_can_be_followed_and_cut() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("logs").await;
    let script = "echo one; echo two; echo bad >&2; read go; echo three";
    let spec = ContainerSpec { stdin: true, ..shell("main", script) };
    let id = rig.run(&sandbox, &spec).await;
    let follow = LogOptions { follow: true, ..LogOptions::default() };
    let mut stream = rig.runtime.logs(&id, &follow).await.unwrap();
    let mut first = Vec::new();
    while first.len() < 3 {
        first.push(stream.next().await.unwrap().unwrap().output);
    }
    first.sort_by_key(|output| matches!(output, Output::Stderr(_)));
    assert_eq!(first, [stdout("one\n"), stdout("two\n"), Output::Stderr(Bytes::from_static(b"bad\n"))]);

    let stdio = Stdio { stdin: true, ..Stdio::default() };
    let session = rig.runtime.attach(&id, stdio).await.unwrap();
    session.stdin.as_ref().unwrap().send(Bytes::from_static(b"go\n")).await.unwrap();
    let three = stream.next().await.unwrap().unwrap();
    assert_eq!(three.output, stdout("three\n"));
    assert!(stream.next().await.is_none(), "a followed log ends with its container");

    let tail = log(&rig, &id, LogOptions { tail: Some(1), ..LogOptions::default() }).await;
    assert_eq!(tail, [stdout("three\n")]);
    let since = log(&rig, &id, LogOptions { since: Some(three.time), ..LogOptions::default() }).await;
    assert_eq!(since, [stdout("three\n")]);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachers_come_and_go_and_the_container_stays() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("attach").await;
    let script = "while read line; do echo got $line; done";
    let id = rig.run(&sandbox, &ContainerSpec { stdin: true, ..shell("main", script) }).await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut first = rig.runtime.attach(&id, stdio).await.unwrap();
    let mut second = rig.runtime.attach(&id, stdio).await.unwrap();
    first.stdin.as_ref().unwrap().send(Bytes::from_static(b"one\n")).await.unwrap();
    for session in [&mut first, &mut second] {
        assert_eq!(session.output.next().await.unwrap().unwrap(), stdout("got one\n"));
    }
    drop(first);
    second.stdin.as_ref().unwrap().send(Bytes::from_static(b"two\n")).await.unwrap();
    assert_eq!(second.output.next().await.unwrap().unwrap(), stdout("got two\n"));
    drop(second);
    assert!(matches!(rig.state(&id).await, ContainerState::Running { .. }));

    // Of this one, the end of what the first attacher sends is the end.
    let once = ContainerSpec { stdin: true, stdin_once: true, ..shell("once", "cat; exit 4") };
    let id = rig.run(&sandbox, &once).await;
    let mut session = rig.runtime.attach(&id, stdio).await.unwrap();
    let stdin = session.stdin.take().unwrap();
    stdin.send(Bytes::from_static(b"all\n")).await.unwrap();
    drop(stdin);
    assert_eq!(session.output.next().await.unwrap().unwrap(), stdout("all\n"));
    assert!(session.output.next().await.is_none());
    assert_eq!(rig.exit(&id).await.code, 4);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_terminal_has_the_size_that_it_is_told() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("terminal").await;
    let script = "while read line; do stty size; done";
    let id = rig.run(&sandbox, &ContainerSpec { stdin: true, tty: true, ..shell("main", script) }).await;
    let stdio = Stdio { stdin: true, stdout: true, stderr: false, tty: true };
    let mut session = rig.runtime.attach(&id, stdio).await.unwrap();
    session.resize.as_ref().unwrap().send(TerminalSize { width: 77, height: 33 }).await.unwrap();
    let mut printed = String::new();
    while !printed.contains("33 77") {
        // The size is told on another connection than the input: it may come later.
        session.stdin.as_ref().unwrap().send(Bytes::from_static(b"\n")).await.unwrap();
        match session.output.next().await.unwrap().unwrap() {
            Output::Stdout(text) => printed.push_str(&String::from_utf8_lossy(&text)),
            other => panic!("{other:?}"),
        }
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_carries_input_output_and_exit_code() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("exec").await;
    let id = rig.run(&sandbox, &shell("main", SLEEP)).await;
    let spec = ExecSpec {
        command: ["/bin/sh", "-c", "read line; echo got $line; echo bad >&2; cat; exit 5"]
            .map(Into::into)
            .into(),
        stdio: Stdio { stdin: true, stdout: true, stderr: true, tty: false },
    };
    let mut session = rig.runtime.exec(&id, &spec).await.unwrap();
    let stdin = session.stdin.take().unwrap();
    stdin.send(Bytes::from_static(b"hello\nrest")).await.unwrap();
    drop(stdin);
    let output: Vec<Output> = session.output.map(Result::unwrap).collect().await;
    let collect = |error: bool| -> String {
        let of = |output: &Output| match output {
            Output::Stdout(text) if !error => Some(String::from_utf8_lossy(text).into_owned()),
            Output::Stderr(text) if error => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        };
        output.iter().filter_map(of).collect()
    };
    assert_eq!((collect(false).as_str(), collect(true).as_str()), ("got hello\nrest", "bad\n"));
    assert_eq!(session.exit.await.unwrap(), 5);

    rig.runtime.stop_container(&id, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(rig.runtime.exec(&id, &spec).await, Err(RuntimeError::State { .. })));
    rig.finish().await;
}
