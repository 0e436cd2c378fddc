//! Exec and attach.

use futures::StreamExt as _;

use super::Program;
use super::kit::{GRACE, Site, exec, patiently, stdout_of};
use crate::runtime::{ContainerSpec, ContainerState, Output, RuntimeError, Stdio};

async fn text(session: &mut crate::runtime::ExecSession) -> String {
    let output = (&mut session.output).map(|output| match output.expect("output is read") {
        Output::Stdout(bytes) | Output::Stderr(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    });
    patiently("the output ends", output.collect()).await
}

pub(super) async fn a_command_writes_and_answers_with_its_code(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    let command = exec(site.rig.command(Program::Says("hello")), false);
    let mut session = site.runtime.exec(&id, &command).await.expect("a command is run");
    assert!(session.stdin.is_none(), "none was asked for");
    assert_eq!(text(&mut session).await, "hello\n");
    assert_eq!(patiently("a command ends", session.exit).await.expect("it has a code"), 0);
    let command = exec(site.rig.command(Program::Exits(7)), false);
    let mut session = site.runtime.exec(&id, &command).await.expect("a command is run");
    assert_eq!(text(&mut session).await, "");
    assert_eq!(patiently("a command ends", session.exit).await.expect("it has a code"), 7);
    assert!(matches!(site.status(&id).await.state, ContainerState::Running { .. }));
}

pub(super) async fn a_command_takes_its_input_to_its_end(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    let command = exec(site.rig.command(Program::Repeats), true);
    let mut session = site.runtime.exec(&id, &command).await.expect("a command is run");
    let stdin = session.stdin.take().expect("it takes input");
    stdin.send("one\n".into()).await.expect("sent");
    let first = patiently("a line comes back", session.output.next()).await.expect("it goes on");
    assert_eq!(stdout_of(&first.expect("read")).as_deref(), Some("one"));
    stdin.send("two\n".into()).await.expect("sent");
    drop(stdin);
    assert_eq!(text(&mut session).await, "two\n");
    assert_eq!(patiently("a command ends", session.exit).await.expect("it has a code"), 0);
}

pub(super) async fn a_command_may_end_before_its_input_does(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    for _ in 0..5 {
        let command = exec(site.rig.command(Program::Exits(3)), true);
        let mut session = site.runtime.exec(&id, &command).await.expect("a command is run");
        let stdin = session.stdin.take().expect("it takes input");
        let feeding = async move {
            // More than any pipe holds; whether it is taken, nobody can say.
            for _ in 0..100 {
                if stdin.send(vec![b'x'; 4096].into()).await.is_err() {
                    break;
                }
            }
        };
        patiently("the command is over", futures::future::join(feeding, session.output.count())).await;
        assert_eq!(patiently("a command ends", session.exit).await.expect("it has a code"), 3);
    }
}

pub(super) async fn a_command_needs_a_running_container(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    let command = exec(site.rig.command(Program::Exits(0)), false);
    let error = site.runtime.exec(&id, &command).await.err();
    assert!(matches!(error, Some(RuntimeError::State { .. })), "{error:?}");
}

pub(super) async fn attachers_come_and_go_and_the_container_stays(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { stdin: true, ..site.spec("main", Program::Repeats) };
    let id = site.run_spec(&sandbox, &spec).await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut first = site.runtime.attach(&id, stdio).await.expect("attached");
    let mut second = site.runtime.attach(&id, stdio).await.expect("attached");
    first.stdin.as_ref().expect("it takes input").send("one\n".into()).await.expect("sent");
    for session in [&mut first, &mut second] {
        let output = patiently("all attachers get all", session.output.next()).await.expect("it goes on");
        assert_eq!(stdout_of(&output.expect("read")).as_deref(), Some("one"));
    }
    drop(first);
    let mut third = site.runtime.attach(&id, stdio).await.expect("attached");
    second.stdin.as_ref().expect("it takes input").send("two\n".into()).await.expect("sent");
    for session in [&mut second, &mut third] {
        let output = patiently("what comes later", session.output.next()).await.expect("it goes on");
        assert_eq!(stdout_of(&output.expect("read")).as_deref(), Some("two"));
    }
    assert!(matches!(site.status(&id).await.state, ContainerState::Running { .. }));
    site.runtime.remove_sandbox(&sandbox).await.expect("removed");
    drop(patiently("the output ends with the container", second.output.collect::<Vec<_>>()).await);
}
