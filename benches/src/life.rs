//! A pod's life on real containers, beside `docker run -d` of the same image in the same run: the program as it ships, on
//! Docker Engine and, where `BIREME_BENCH_CONTAINERD` names a socket, on containerd.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bireme_core::Environment;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::api::median;
use crate::load::{self, Load, Request};
use crate::pods::PODS;
use crate::program::{Program, until};
use crate::row::Row;

const NAME: &str = "pods";
const IMAGE: &str = "bireme.dev/bench:1";
const BUSYBOX: &str = "/bin/busybox";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
/// Where `cargo xtask bench` says that a containerd listens.
const CONTAINERD: &str = "BIREME_BENCH_CONTAINERD";
/// After so long without what is waited for, something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a rollout is looked at; its figure is no more exact than this.
const GLANCE: Duration = Duration::from_millis(20);
/// How many pods start at once, and how many replicas are rolled over.
const CROWD: usize = 20;
const REPLICAS: usize = 10;
/// Ranges and a name that neither a person's cluster nor a test's has.
const PLACE: [&str; 8] = [
    "--name",
    "bireme-bench",
    "--pod-range",
    "10.188.0.0/16",
    "--service-range",
    "10.198.0.0/16",
    "--node-range",
    "10.189.0.0/24",
];

/// Measures every engine that is there.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let rounds = if quick { 5 } else { 20 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    // Pods see it, and paths of theirs begin at the root.
    let folder = std::path::absolute(root.path())?;
    let layer = layer(&folder)?;
    let env = Environment::system();
    let mut rows =
        runtime.block_on(engine("docker", &["--runtime", "docker"], &folder, &layer, rounds, &env))?;
    if let Some(socket) = std::env::var_os(CONTAINERD).and_then(|socket| socket.into_string().ok()) {
        let arguments = ["--runtime", "containerd", "--containerd-socket", &socket];
        rows.extend(runtime.block_on(engine("containerd", &arguments, &folder, &layer, rounds, &env))?);
    }
    Ok(rows)
}

/// The image's only layer: a shell.
fn layer(folder: &Path) -> anyhow::Result<PathBuf> {
    let tree = folder.join("tree");
    for name in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
        std::fs::create_dir_all(tree.join(name))?;
    }
    std::fs::copy(BUSYBOX, tree.join("bin/sh")).context("busybox-static, of which the image is made")?;
    let layer = folder.join("layer.tar");
    let made = Command::new("tar").arg("-C").arg(&tree).arg("-cf").arg(&layer).arg(".").status()?;
    anyhow::ensure!(made.success(), "tar: {made}");
    Ok(layer)
}

async fn engine(
    engine: &str,
    arguments: &[&str],
    folder: &Path,
    layer: &Path,
    rounds: usize,
    env: &Environment,
) -> anyhow::Result<Vec<Row>> {
    let import = format!("--import={IMAGE}={}", layer.display());
    let arguments = [arguments, &PLACE, &[import.as_str()]].concat();
    let program = Program::start_with(&folder.join(engine), 1, &arguments, env).await?;
    let load = Load::open(&program, env).await?;
    until(env, GLANCE, "the node to be ready", async || {
        let node: Value = serde_json::from_slice(&load.get("/api/v1/nodes/node-1").await?)?;
        let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        Ok(node["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(ready)))
    })
    .await?;
    let course = Course { engine, env, load: &load, program: &program, rounds };
    let mut rows = course.starts().await?;
    rows.extend(course.crowd().await?);
    rows.push(course.rollout().await?);
    rows.extend(course.ends(folder).await?);
    drop(load);
    program.stop().await?;
    Ok(rows)
}

struct Course<'a> {
    engine: &'a str,
    env: &'a Environment,
    load: &'a Load,
    program: &'a Program,
    rounds: usize,
}

impl Course<'_> {
    fn row(&self, case: &str, metric: &str, value: f64, unit: &str) -> Row {
        Row::new(NAME, format!("{}, {case}", self.engine), metric, value, unit)
    }

    fn milliseconds_since(&self, begin: bireme_core::environment::Instant) -> f64 {
        self.env.instant().since(begin).as_secs_f64() * 1e3
    }

    /// One pod after the other, in turn with one container of Docker's after the other.
    async fn starts(&self) -> anyhow::Result<Vec<Row>> {
        let mut watcher = Watcher::open(self.program, self.env).await?;
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let name = format!("start-{round}");
            let begin = self.env.instant();
            self.load.send(Request::post(PODS, pod(&name, "sleep 3600"))).await?;
            watcher.until(std::slice::from_ref(&name), runs).await?;
            ours.push(self.milliseconds_since(begin));
            self.load.send(Request::delete(&format!("{PODS}/{name}"))).await?;
            watcher.until(&[name], is_gone).await?;
            let begin = self.env.instant();
            let id = docker(&["run", "-d", IMAGE, "/bin/sh", "-c", "sleep 3600"])?;
            peers.push(self.milliseconds_since(begin));
            docker(&["rm", "-f", id.trim()])?;
        }
        let (ours, peer) = (median(&mut ours), median(&mut peers));
        Ok(vec![
            self.row("one pod", "created to Running, p50", ours, "ms"),
            self.row("one pod", "docker run -d, p50", peer, "ms"),
            self.row("one pod", "of docker run -d", ours / peer, "times").at_most(1.2),
        ])
    }

    /// Twenty at once.
    async fn crowd(&self) -> anyhow::Result<Vec<Row>> {
        let mut watcher = Watcher::open(self.program, self.env).await?;
        let names: Vec<_> = (0..CROWD).map(|number| format!("crowd-{number}")).collect();
        let begin = self.env.instant();
        for name in &names {
            self.load.send(Request::post(PODS, pod(name, "sleep 3600"))).await?;
        }
        watcher.until(&names, runs).await?;
        let ours = self.milliseconds_since(begin);
        for name in &names {
            self.load.send(Request::delete(&format!("{PODS}/{name}"))).await?;
        }
        watcher.until(&names, is_gone).await?;
        let begin = self.env.instant();
        let run = || {
            let mut command = Command::new("docker");
            command.args(["run", "-d", IMAGE, "/bin/sh", "-c", "sleep 3600"]).stdout(Stdio::piped()).spawn()
        };
        let started: Vec<_> = (0..CROWD).map(|_| run()).collect::<Result<_, _>>().context("docker")?;
        let mut ids = Vec::new();
        for child in started {
            ids.push(String::from_utf8(child.wait_with_output()?.stdout)?);
        }
        let peer = self.milliseconds_since(begin);
        let remove = ["rm", "-f"].into_iter().chain(ids.iter().map(|id| id.trim())).collect::<Vec<_>>();
        docker(&remove)?;
        Ok(vec![
            self.row("20 pods at once", "created to all Running", ours, "ms"),
            self.row("20 pods at once", "20 docker run -d at once", peer, "ms"),
            self.row("20 pods at once", "of docker run -d", ours / peer, "times").at_most(1.2),
        ])
    }

    /// A rolling update of ten.
    async fn rollout(&self) -> anyhow::Result<Row> {
        let template = |version: &str| {
            json!({
                "metadata": { "labels": { "app": "bench" } },
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "main", "image": IMAGE, "env": [{ "name": "VERSION", "value": version }],
                        "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
                    }],
                },
            })
        };
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "bench" },
            "spec": {
                "replicas": REPLICAS,
                "selector": { "matchLabels": { "app": "bench" } },
                "template": template("1"),
            },
        });
        self.load.send(Request::post(DEPLOYMENTS, deployment.to_string().into_bytes())).await?;
        let path = format!("{DEPLOYMENTS}/bench");
        let is_done = async || {
            let deployment: Value = serde_json::from_slice(&self.load.get(&path).await?)?;
            let status = &deployment["status"];
            let all = |field: &str| status[field] == REPLICAS;
            Ok(status["observedGeneration"] == deployment["metadata"]["generation"]
                && ["replicas", "updatedReplicas", "availableReplicas"].into_iter().all(all))
        };
        until(self.env, GLANCE, "ten replicas", is_done).await?;
        self.program.settle().await?;
        let begin = self.env.instant();
        let patch = json!({ "spec": { "template": template("2") } });
        self.load.send(Request::merge(&path, patch.to_string().into_bytes())).await?;
        until(self.env, GLANCE, "a rolling update", is_done).await?;
        let took = self.env.instant().since(begin).as_secs_f64();
        self.load.send(Request::delete(&path)).await?;
        Ok(self.row("10 replicas", "rolling update", took, "s").at_most(3.0))
    }

    /// From a process's end to the status that says so: each pod waits for a line from this program, and ends.
    async fn ends(&self, folder: &Path) -> anyhow::Result<Vec<Row>> {
        let pipes = folder.join(format!("pipes-{}", self.engine));
        std::fs::create_dir_all(&pipes)?;
        let mut watcher = Watcher::open(self.program, self.env).await?;
        let mut times = Vec::new();
        for round in 0..self.rounds * 2 {
            let name = format!("end-{round}");
            let pipe = pipes.join(&name);
            let made = Command::new("mkfifo").arg(&pipe).status()?;
            anyhow::ensure!(made.success(), "mkfifo: {made}");
            let script = format!("read line < /pipes/{name}");
            self.load.send(Request::post(PODS, pod_with_folder(&name, &script, &pipes))).await?;
            watcher.until(std::slice::from_ref(&name), runs).await?;
            self.program.settle().await?;
            // Opens when the pod has: it waits for the line then.
            let mut writer =
                tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(pipe))
                    .await??;
            let begin = self.env.instant();
            std::io::Write::write_all(&mut writer, b"go\n")?;
            watcher.until(std::slice::from_ref(&name), has_ended).await?;
            times.push(self.milliseconds_since(begin));
            self.load.send(Request::delete(&format!("{PODS}/{name}"))).await?;
        }
        times.sort_by(f64::total_cmp);
        let slowest = times.last().copied().unwrap_or(f64::NAN);
        Ok(vec![
            self.row("a container ends", "until a watcher knows, p50", median(&mut times), "ms"),
            self.row("a container ends", "until a watcher knows, slowest", slowest, "ms").at_most(50.0),
        ])
    }
}

fn pod(name: &str, script: &str) -> Vec<u8> {
    object(name, script, json!([]), json!([]))
}

fn pod_with_folder(name: &str, script: &str, folder: &Path) -> Vec<u8> {
    let volume = json!([{ "name": "pipes", "hostPath": { "path": folder.display().to_string() } }]);
    object(name, script, volume, json!([{ "name": "pipes", "mountPath": "/pipes" }]))
}

fn object(name: &str, script: &str, volumes: Value, mounts: Value) -> Vec<u8> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": {
            "restartPolicy": "Never",
            "volumes": volumes,
            "containers": [{
                "name": "main", "image": IMAGE, "command": ["/bin/sh", "-c", script], "volumeMounts": mounts,
            }],
        },
    });
    pod.to_string().into_bytes()
}

/// Whoever watches pods, as a client does.
struct Watcher {
    body: Incoming,
    bytes: Vec<u8>,
    env: Environment,
    /// The connection lives as long as somebody can send on it.
    _load: Load,
}

impl Watcher {
    async fn open(program: &Program, env: &Environment) -> anyhow::Result<Watcher> {
        let load = Load::open(program, env).await?;
        let list: Value = serde_json::from_slice(&load.get(PODS).await?)?;
        let revision =
            list["metadata"]["resourceVersion"].as_str().context("a list has no resource version")?;
        let body = load.watch(&format!("{PODS}?watch=true&resourceVersion={revision}")).await?;
        Ok(Watcher { body, bytes: Vec::new(), env: env.clone(), _load: load })
    }

    /// Reads until each of these pods has been seen so.
    async fn until(&mut self, names: &[String], is_so: fn(&Value) -> bool) -> anyhow::Result<()> {
        let mut missing: Vec<&String> = names.iter().collect();
        let env = self.env.clone();
        let seen = async {
            while !missing.is_empty() {
                let event = self.event().await?;
                if is_so(&event) {
                    missing.retain(|name| event["object"]["metadata"]["name"] != name.as_str());
                }
            }
            anyhow::Ok(())
        };
        let done = env.timeout(PATIENCE, seen).await;
        done.unwrap_or_else(|_| bail!("not seen in {PATIENCE:?}: {names:?}"))
    }

    async fn event(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Ok(serde_json::from_slice(&line)?);
            }
            let more = load::next_bytes(&mut self.body).await?.context("the watch ended")?;
            self.bytes.extend_from_slice(&more);
        }
    }
}

fn state<'a>(event: &'a Value, name: &str) -> &'a Value {
    &event["object"]["status"]["containerStatuses"][0]["state"][name]
}

fn runs(event: &Value) -> bool {
    event["object"]["status"]["phase"] == "Running" && state(event, "running").is_object()
}

fn has_ended(event: &Value) -> bool {
    state(event, "terminated").is_object()
}

fn is_gone(event: &Value) -> bool {
    event["type"] == "DELETED"
}

fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    let done = Command::new("docker").args(arguments).stderr(Stdio::inherit()).output().context("docker")?;
    anyhow::ensure!(done.status.success(), "docker {}: {}", arguments[0], done.status);
    Ok(String::from_utf8(done.stdout)?)
}
