//! Into the containers: logs, exec, files, and what a pod's containers share.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Namespace, eventually, has, namespace};
use crate::manifests::{pod, pod_with};

const LIMIT: Duration = Duration::from_secs(60);

fn run(space: &Namespace, manifest: &str, pod: &str) {
    space.apply(manifest);
    space.run(&format!("wait pod/{pod} --for=condition=Ready --timeout=90s"));
}

#[test]
fn logs_are_what_the_container_wrote_and_follow_what_it_writes() {
    let Some(space) = namespace("logs") else { return };
    // The engine does not keep the order of what comes at once through two streams.
    let script = "echo one; sleep 1; echo two >&2; sleep 3; echo three; sleep 600";
    run(&space, &pod("writer", script), "writer");
    let following = space.stream("logs --follow writer");
    following.wait_for(LIMIT, "two\n");
    assert!(!following.printed().contains("three"), "what is not written yet is not there");
    following.wait_for(LIMIT, "three\n");
    drop(following);
    assert_eq!(space.run("logs writer"), "one\ntwo\nthree\n");
    assert_eq!(space.run("logs writer --tail=1"), "three\n");
    let stamped = space.run("logs writer --timestamps --tail=1");
    assert!(stamped.starts_with("20") && stamped.ends_with("Z three\n"), "{stamped}");
    let none = space.fails("logs writer --container=other");
    assert!(none.contains("container other is not valid for pod writer"), "{none}");
}

#[test]
fn following_logs_ends_when_the_container_does() {
    let Some(space) = namespace("logs-end") else { return };
    space.run("run once --image=bireme.dev/busybox:1 --restart=Never -- sh -c 'echo one; sleep 2; echo two'");
    space.run("wait pod/once --for=jsonpath='{.status.phase}'=Running --timeout=90s");
    assert_eq!(space.stream("logs --follow once").ended(LIMIT), "one\ntwo\n");
    space.run("wait pod/once --for=jsonpath='{.status.phase}'=Succeeded --timeout=90s");
    assert!(space.run("get pod once").contains("Completed"));
}

#[test]
fn exec_passes_output_input_and_the_exit_code() {
    let Some(space) = namespace("exec") else { return };
    run(&space, &pod("shell", "sleep 600"), "shell");
    assert_eq!(space.run("exec shell -- echo hello"), "hello\n");
    let failed = space.output("exec shell -- sh -c 'echo out; echo err >&2; exit 7'");
    assert_eq!(failed.status.code(), Some(7));
    assert_eq!(failed.stdout, b"out\n");
    assert!(String::from_utf8_lossy(&failed.stderr).starts_with("err\n"));
    let text = "line\n".repeat(20_000);
    assert_eq!(space.run_with_input("exec -i shell -- wc -c", &text).trim(), "100000");
    assert_eq!(space.run_with_input("exec -i shell -- cat", &text), text, "input comes back whole");
    let missing = space.output("exec shell -- /no/such/program");
    assert_eq!(missing.status.code(), Some(126), "as a shell says of what cannot be run");
    let told = [missing.stdout, missing.stderr].concat();
    assert!(String::from_utf8_lossy(&told).contains("no such file or directory"));
}

#[test]
fn exec_with_a_terminal_has_one_of_the_persons_size() {
    let Some(space) = namespace("terminal") else { return };
    if !has("script") {
        return;
    }
    run(&space, &pod("shell", "sleep 600"), "shell");
    let exec =
        space.line("exec --stdin --tty shell -- sh -c 'tty; until stty size | grep -v \"^0\"; do :; done'");
    let quoted: Vec<_> = exec.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let session = format!("stty rows 33 cols 77; {}", quoted.join(" "));
    let mut terminal = Command::new("timeout");
    terminal.args(["30", "script", "--quiet", "--return", "--command", &session, "/dev/null"]);
    let output =
        space.environment(&mut terminal).stdin(Stdio::null()).output().expect("script can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("/dev/pts/"), "{printed}");
    assert!(printed.contains("33 77"), "{printed}");
}

#[test]
fn files_are_copied_into_a_container_and_out_of_it() {
    let Some(space) = namespace("copying") else { return };
    run(&space, &pod("shell", "sleep 600"), "shell");
    let [from, to] = ["copied-in", "copied-out"].map(|name| space.cluster().scratch(name));
    std::fs::write(&from, "some content\n").expect("the file can be written");
    space.run(&format!("cp {} shell:/tmp/file", from.display()));
    assert_eq!(space.run("exec shell -- cat /tmp/file"), "some content\n");
    space.run(&format!("cp shell:/tmp/file {}", to.display()));
    assert_eq!(std::fs::read_to_string(&to).expect("the file came"), "some content\n");
}

#[test]
fn containers_get_their_configuration_as_variables_and_as_files() {
    let Some(space) = namespace("config") else { return };
    space.run("create configmap settings --from-literal=color=blue --from-literal=file.txt=content");
    space.run("create secret generic key --from-literal=token=secret");
    let container = r#"    env:
    - name: COLOR
      valueFrom: {configMapKeyRef: {name: settings, key: color}}
    - name: TOKEN
      valueFrom: {secretKeyRef: {name: key, key: token}}
    - name: ADDRESS
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
    - name: BOTH
      value: $(COLOR)-$(TOKEN)
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: key, mountPath: /key, readOnly: true}
    - {name: scratch, mountPath: /scratch}
  volumes:
  - name: settings
    configMap: {name: settings}
  - name: key
    secret: {secretName: key}
  - name: scratch
    emptyDir: {}
"#;
    run(&space, &pod_with("reader", "echo $BOTH > /scratch/both; sleep 600", container), "reader");
    let files = space.run("exec reader -- cat /settings/file.txt /key/token /scratch/both");
    assert_eq!(files, "contentsecretblue-secret\n");
    let address = space.field("pod/reader", ".status.podIP");
    assert_eq!(space.run("exec reader -- sh -c 'echo $ADDRESS'").trim(), address);
    assert!(space.output("exec reader -- touch /key/other").status.code() != Some(0), "it is read-only");
}

#[test]
fn a_missing_configmap_holds_its_pod_back_and_says_so() {
    let Some(space) = namespace("no-config") else { return };
    let container = "    envFrom:\n    - configMapRef: {name: late}\n";
    space.apply(&pod_with("reader", "echo $color; sleep 600", container));
    space.run(
        "wait pod/reader --timeout=90s \
         --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=CreateContainerConfigError",
    );
    assert!(space.run("get pod reader").contains("CreateContainerConfigError"));
    space.run("create configmap late --from-literal=color=blue");
    space.run("wait pod/reader --for=condition=Ready --timeout=90s");
    assert_eq!(space.run("logs reader"), "blue\n");
}

#[test]
fn the_containers_of_a_pod_share_its_address_and_init_containers_come_first() {
    let Some(space) = namespace("sharing") else { return };
    let manifest = r#"
apiVersion: v1
kind: Pod
metadata:
  name: pair
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
  - name: first
    image: bireme.dev/busybox:1
    command: ["sh", "-c", "echo prepared > /shared/index.html"]
    volumeMounts:
    - {name: shared, mountPath: /shared}
  containers:
  - name: server
    image: bireme.dev/busybox:1
    command: ["httpd", "-f", "-p", "8080", "-h", "/shared"]
    volumeMounts:
    - {name: shared, mountPath: /shared}
  - name: client
    image: bireme.dev/busybox:1
    command: ["sleep", "600"]
  volumes:
  - name: shared
    emptyDir: {}
"#;
    run(&space, manifest, "pair");
    let fetched = space.run("exec pair --container=client -- wget -q -O - http://127.0.0.1:8080/");
    assert_eq!(fetched, "prepared\n");
    let address = space.field("pod/pair", ".status.podIP");
    let shown = space.run("exec pair --container=client -- ip -4 -o address show");
    assert!(shown.contains(&address), "{shown}");
    assert_eq!(
        space.field("pod/pair", ".status.initContainerStatuses[0].state.terminated.reason"),
        "Completed"
    );
}

#[test]
fn a_pod_is_told_to_end_and_has_its_grace_time() {
    let Some(space) = namespace("grace") else { return };
    let script = "trap 'echo told; sleep 1; echo done; exit 0' TERM; echo up; while :; do sleep 0.1; done";
    let manifest = pod("polite", script).replace("GracePeriodSeconds: 1", "GracePeriodSeconds: 20");
    run(&space, &manifest, "polite");
    let following = space.stream("logs --follow polite");
    following.wait_for(LIMIT, "up\n");
    space.run("delete pod polite --timeout=90s");
    assert_eq!(following.ended(LIMIT), "up\ntold\ndone\n");
}

#[test]
fn a_pod_has_the_kernel_settings_system_calls_and_memory_that_it_asks_for() {
    let Some(space) = namespace("confined") else { return };
    let container = |name: &str, security: serde_json::Value| {
        serde_json::json!({
            "name": name, "image": "bireme.dev/busybox:1", "command": ["sleep", "600"], "securityContext": security,
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        })
    };
    let unconfined = serde_json::json!({"seccompProfile": {"type": "Unconfined"}});
    let manifest = |name: &str, sysctl: &str| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": {"sysctls": [{"name": sysctl, "value": "1025"}]},
                "containers": [container("confined", serde_json::json!({})), container("free", unconfined.clone())],
                "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}],
            },
        })
        .to_string()
    };
    run(&space, &manifest("asks", "net.ipv4.ip_unprivileged_port_start"), "asks");
    let inside =
        |container: &str, command: &str| space.run(&format!("exec asks -c {container} -- {command}"));
    assert_eq!(inside("confined", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start").trim(), "1025");
    let filters = |container: &str| {
        let status = inside(container, "cat /proc/1/status");
        let line = status.lines().find(|line| line.starts_with("Seccomp:")).unwrap_or_default().to_owned();
        line.trim_start_matches("Seccomp:").trim().to_owned()
    };
    assert_eq!((filters("confined").as_str(), filters("free").as_str()), ("2", "0"));
    let full = space.fails("exec asks -c free -- dd if=/dev/zero of=/scratch/file bs=1M count=9");
    assert!(full.contains("No space left on device"), "{full}");

    space.apply(&manifest("forbidden", "kernel.msgmax"));
    space.run("wait pod/forbidden --for=jsonpath='{.status.phase}'=Failed --timeout=60s");
    assert_eq!(space.field("pod/forbidden", ".status.reason"), "SysctlForbidden");
}

#[test]
fn a_port_of_the_node_leads_to_the_pod_that_takes_it_and_is_free_again_afterwards() {
    let Some(space) = namespace("host-port") else { return };
    let manifest = |name: &str, script: &str| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
                "name": "main", "image": "bireme.dev/busybox:1", "command": ["sh", "-c", script],
                "ports": [{"containerPort": 8080, "hostPort": 8099}],
            }]},
        })
        .to_string()
    };
    run(
        &space,
        &manifest("server", "mkdir /www; echo here > /www/index.html; httpd -f -p 8080 -h /www"),
        "server",
    );
    run(&space, &pod("client", "sleep 600"), "client");
    let node = space.field("pod/server", ".status.hostIP");
    let ask = format!("exec client -- wget -q -O - http://{node}:8099/");
    assert_eq!(space.run(&ask), "here\n");
    assert_eq!(space.run(&ask.replace("client", "server")), "here\n", "the pod itself");
    space.run("delete pod server");
    eventually(LIMIT, "nobody answers any more", || {
        let refused = space.output(&ask);
        String::from_utf8_lossy(&refused.stderr).contains("Connection refused").then_some(())
    });
}
