//! Into running pods: their ports and their main processes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::harness::{Namespace, namespace};
use crate::manifests::{pod, pod_with};

const LIMIT: Duration = Duration::from_secs(60);

fn run(space: &Namespace, manifest: &str, pod: &str) {
    space.apply(manifest);
    space.run(&format!("wait pod/{pod} --for=condition=Ready --timeout=90s"));
}

/// What a web server answers at a port of this machine.
fn fetch(port: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("kubectl listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket has time-outs");
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("the port takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    answer
}

#[test]
fn a_port_of_a_pod_is_one_of_this_machine() {
    let Some(space) = namespace("ports") else { return };
    let script = "mkdir /www; echo home > /www/index.html; seq 100000 > /www/long; httpd -f -p 8080 -h /www";
    run(&space, &pod("web", script), "web");
    let forwarding = space.stream("port-forward --address=127.0.0.1 pod/web :8080 :9");
    forwarding.wait_for(LIMIT, "-> 9\n");
    let printed = forwarding.printed();
    let port = |line: &str| {
        let from = line.split(" -> ").next().expect("a line of kubectl has an arrow");
        from.rsplit(':').next().expect("an address has a port").to_owned()
    };
    let ports: Vec<String> = printed.lines().map(port).collect();
    assert!(fetch(&ports[0], "/").ends_with("\r\n\r\nhome\n"));
    let numbers: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert!(fetch(&ports[0], "/long").ends_with(&numbers), "a long answer comes whole");
}

#[test]
fn a_main_process_is_attached_to_and_outlives_it() {
    let Some(space) = namespace("attach") else { return };
    let script = "while read line; do echo got $line; done; sleep 600";
    run(&space, &pod_with("shell", script, "    stdin: true\n"), "shell");
    for word in ["one", "two"] {
        let mut command = space.command("attach --stdin shell");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("kubectl can be started");
        let mut input = child.stdin.take().expect("its standard input is a pipe");
        writeln!(input, "{word}").expect("kubectl reads");
        let mut output = child.stdout.take().expect("its standard output is a pipe");
        let expected = format!("got {word}\n");
        let mut printed = vec![0; expected.len()];
        output.read_exact(&mut printed).expect("the process answers");
        assert_eq!(String::from_utf8_lossy(&printed), expected);
        child.kill().expect("kubectl can be killed");
        child.wait().expect("kubectl can be waited for");
    }
    assert_eq!(space.run("logs shell"), "got one\ngot two\n");
    assert_eq!(space.field("pod/shell", ".status.containerStatuses[0].restartCount"), "0");
}

#[test]
fn kubectl_run_feeds_a_pod_and_removes_it() {
    let Some(space) = namespace("run") else { return };
    let options = "--image=bireme.dev/busybox:1 --restart=Never --rm --stdin --quiet";
    let line = format!("run counter {options} --command -- wc -c");
    let counted = space.run_with_input(&line, &"line\n".repeat(1000));
    assert!(counted.starts_with("5000\n"), "{counted}");
    let line = format!("run failing {options} --command -- sh -c 'cat; exit 6'");
    assert_eq!(space.fed(&line, "said\n").status.code(), Some(6));
    assert_eq!(space.run("get pods --output=name"), "");
}
