//! What only real processes show.

use futures::StreamExt as _;

use super::Program;
use super::kit::{Site, patiently};
use crate::runtime::{
    ContainerSpec, ContainerUser, Mount, Output, SandboxSpec, Seccomp, Stdio, TerminalSize,
};

pub(super) async fn containers_of_a_sandbox_share_its_network_and_host_name(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("shared").await;
    let other = site.sandbox("other").await;
    let script = Program::Script(
        "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; hostname; cat /etc/hostname",
    );
    let one = site.printed(&sandbox, &site.spec("one", script)).await;
    let two = site.printed(&sandbox, &site.spec("two", script)).await;
    let apart = site.printed(&other, &site.spec("one", script)).await;
    assert_eq!(one, two);
    assert_eq!(one[2..], ["shared", "shared"]);
    assert!(one[0] != apart[0] && one[1] != apart[1], "{one:?} {apart:?}");
}

pub(super) async fn a_pod_may_share_its_processes(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let shared = SandboxSpec { share_process_namespace: true, ..site.sandbox_spec("shared") };
    let shared = site.runtime.run_sandbox(&shared).await.expect("a sandbox is made");
    let own = site.sandbox("own").await;
    let script = Program::Script("readlink /proc/self/ns/pid; echo $$");
    let [one, two] = [
        site.printed(&shared, &site.spec("one", script)).await,
        site.printed(&shared, &site.spec("two", script)).await,
    ];
    assert_eq!(one[0], two[0]);
    assert_ne!(one[1], "1", "the sandbox's process is the first");
    let apart = site.printed(&own, &site.spec("one", script)).await;
    assert_eq!(apart[1], "1");
    assert_ne!(apart[0], one[0]);
}

pub(super) async fn mounts_variables_and_user_arrive(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("web").await;
    let script = Program::Script(
        "test -e /mnt/environ && echo mounted; echo $GREETING; id -u; id -g; id -G; pwd; touch /mnt/x 2>/dev/null || echo no",
    );
    let spec = ContainerSpec {
        env: vec![("GREETING".to_owned(), "hello = world".to_owned())],
        // A folder that every Linux machine has, and nobody writes to.
        mounts: vec![Mount { source: "/proc/1".into(), target: "/mnt".to_owned(), read_only: true }],
        user: Some(ContainerUser { uid: Some(1000), gid: Some(2000), supplementary_groups: vec![3000] }),
        working_dir: Some("/tmp".to_owned()),
        ..site.spec("main", script)
    };
    let printed = site.printed(&sandbox, &spec).await;
    assert_eq!(printed, ["mounted", "hello = world", "1000", "2000", "2000 3000", "/tmp", "no"]);
}

pub(super) async fn what_takes_more_memory_than_it_may_is_killed(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("hungry").await;
    let mut spec = site.spec("main", Program::Script("x=a; while :; do x=$x$x$x; done"));
    spec.resources.memory_limit_bytes = Some(16 << 20);
    let id = site.run_spec(&sandbox, &spec).await;
    // Docker 20.10 can lose the notice that memory ran out, so only the end itself is certain of every engine.
    assert_eq!(site.exit(&id).await.code, 137);
}

pub(super) async fn privileges_are_those_that_were_asked_for(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("web").await;
    let script = Program::Script(
        "grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'; touch /x 2>/dev/null || echo no",
    );
    let plain = site.printed(&sandbox, &site.spec("plain", script)).await;
    assert_eq!(
        plain,
        ["CapBnd:00000000a80425fb", "NoNewPrivs:0", "Seccomp:2"],
        "what engines give by default"
    );
    let mut spec = site.spec("changed", script);
    spec.privileges.drop_capabilities = vec!["ALL".to_owned()];
    spec.privileges.add_capabilities = vec!["NET_BIND_SERVICE".to_owned()];
    spec.privileges.no_new_privileges = true;
    spec.privileges.read_only_root = true;
    spec.privileges.seccomp = Seccomp::Unconfined;
    let changed = site.printed(&sandbox, &spec).await;
    assert_eq!(changed, ["CapBnd:0000000000000400", "NoNewPrivs:1", "Seccomp:0", "no"]);
    let forbids = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}"#;
    let mut spec = site.spec("profile", Program::Script("mkdir /tmp/x 2>/dev/null || echo refused"));
    spec.privileges.seccomp = Seccomp::Profile(forbids.to_owned());
    assert_eq!(site.printed(&sandbox, &spec).await, ["refused"]);
}

pub(super) async fn error_output_is_kept_apart(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Script("echo good; echo bad >&2")).await;
    site.exit(&id).await;
    let mut log: Vec<_> = site.log(&id).await.into_iter().map(|chunk| chunk.output).collect();
    log.sort_by_key(|output| matches!(output, Output::Stderr(_)));
    assert_eq!(log, [Output::Stdout("good\n".into()), Output::Stderr("bad\n".into())]);
}

pub(super) async fn a_terminal_has_the_size_that_it_is_told(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("web").await;
    let script = Program::Script("while read line; do stty size; done");
    let spec = ContainerSpec { stdin: true, tty: true, ..site.spec("main", script) };
    let id = site.run_spec(&sandbox, &spec).await;
    let stdio = Stdio { stdin: true, stdout: true, stderr: false, tty: true };
    let mut session = site.runtime.attach(&id, stdio).await.expect("attached");
    let size = TerminalSize { width: 77, height: 33 };
    session.resize.as_ref().expect("it has a size").send(size).await.expect("sent");
    let mut printed = String::new();
    let told = async {
        while !printed.contains("33 77") {
            // The size is told by another way than the input: it may come later.
            session.stdin.as_ref().expect("it takes input").send("\n".into()).await.expect("sent");
            match session.output.next().await.expect("it goes on").expect("read") {
                Output::Stdout(text) => printed.push_str(&String::from_utf8_lossy(&text)),
                Output::Stderr(_) => panic!("a terminal has one stream"),
            }
        }
    };
    patiently("the terminal has its size", told).await;
}

pub(super) async fn the_first_input_may_be_the_last(site: &Site<'_>) {
    if !site.rig.runs_programs() {
        return;
    }
    let sandbox = site.sandbox("web").await;
    let script = Program::Script("cat; exit 4");
    let spec = ContainerSpec { stdin: true, stdin_once: true, ..site.spec("main", script) };
    let id = site.run_spec(&sandbox, &spec).await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut session = site.runtime.attach(&id, stdio).await.expect("attached");
    let stdin = session.stdin.take().expect("it takes input");
    stdin.send("all\n".into()).await.expect("sent");
    drop(stdin);
    let all: Vec<_> = patiently("the output ends", session.output.collect()).await;
    assert_eq!(
        all.into_iter().map(|out| out.expect("read")).collect::<Vec<_>>(),
        [Output::Stdout("all\n".into())]
    );
    assert_eq!(site.exit(&id).await.code, 4);
}

pub(super) async fn what_a_container_uses_is_measured(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    let stats = site.runtime.stats(&id).await.expect("measured").expect("it runs");
    assert!(stats.memory_working_set > 0, "{stats:?}");
    if site.rig.runs_programs() {
        let script =
            Program::Script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; sleep 3600");
        let busy = site.run(&sandbox, "busy", script).await;
        let follow = crate::runtime::LogOptions { follow: true, ..Default::default() };
        let mut log = site.runtime.logs(&busy, &follow).await.expect("a log is read");
        patiently("it has worked", log.next()).await.expect("it goes on").expect("read");
        let worked = site.runtime.stats(&busy).await.expect("measured").expect("it runs");
        assert!(worked.cpu.as_millis() > 20, "{worked:?}");
    }
    site.runtime.stop_sandbox(&sandbox).await.expect("stopped");
    assert_eq!(site.runtime.stats(&id).await.expect("measured"), None);
}
