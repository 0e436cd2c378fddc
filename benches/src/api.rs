//! The program as it ships: how soon it answers, what it weighs, and how fast pods are created over HTTPS.
//!
//! The load comes from this process, on the same cores; every request passes TLS, authorization, admission and
//! validation, and every answer means that the pod is synced to disk. Beside the figures stand upstream's on such
//! a machine (Kubernetes 1.20 with etcd 3.4, as the project's notes record them).

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
use bireme_core::Environment;
use serde_json::{Value, json};

use crate::load::{self, Load};
use crate::program::Program;
use crate::row::Row;

const NAME: &str = "api";
/// What a namespace of the measured pods is called.
const NAMESPACE: &str = "default";
/// Stands where a pod's name comes.
const NAME_OF_POD: &str = "<name>";

/// Measures the program; `quick` is good for a rough idea.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Here and not where temporary files lie, which is memory on many machines.
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    runtime.block_on(async {
        let env = Environment::system();
        let mut rows = start(root.path(), &env, if quick { 3 } else { 9 }).await?;
        rows.push(idle(root.path(), &env).await?);
        rows.extend(creates(root.path(), &env, if quick { 1 } else { 5 }).await?);
        Ok(rows)
    })
}

/// From the start of the process on an empty folder to the first answer with an administrator's certificate.
async fn start(root: &Path, env: &Environment, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let folder = root.join(format!("start-{round}"));
        for times in [&mut cold, &mut warm] {
            let begin = env.instant();
            let program = Program::start(&folder, env).await?;
            let load = Load::open(&program, env).await?;
            load.get(&format!("/api/v1/namespaces/{NAMESPACE}")).await?;
            times.push(env.instant().since(begin).as_secs_f64() * 1000.0);
            program.stop().await?;
        }
    }
    Ok(vec![
        Row::new(NAME, "cluster, empty folder (upstream 4,200)", "first answer", median(&mut cold), "ms")
            .at_most(100.0),
        Row::new(NAME, "cluster, existing folder", "first answer", median(&mut warm), "ms"),
    ])
}

/// What everything in one process weighs when nothing happens.
async fn idle(root: &Path, env: &Environment) -> anyhow::Result<Row> {
    let program = Program::start(&root.join("idle"), env).await?;
    let load = Load::open(&program, env).await?;
    load.get("/api/v1/nodes").await?;
    // Long enough for the nodes to register and for everything that a start does to be over.
    env.sleep(Duration::from_secs(5)).await;
    let resident = program.resident_bytes()? as f64 / f64::from(1 << 20);
    program.stop().await?;
    let case = "cluster, 3 simulated nodes, idle (upstream 725)";
    Ok(Row::new(NAME, case, "resident memory", resident, "MiB").at_most(30.0))
}

/// Pods per second, each of 1.1 KB, which no scheduler looks at (as upstream's figures were taken).
async fn creates(root: &Path, env: &Environment, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let program = Program::start(&root.join("creates"), env).await?;
    let mut rows = Vec::new();
    for (clients, upstream, count) in [(1, 426, 500), (16, 1041, 6_000), (64, 1043, 12_000)] {
        let (mut rates, mut p50, mut p99, mut cpu) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let loads = Load::open_many(&program, env, clients).await?;
            let before = program.cpu_seconds()?;
            let done = load::creates(loads, env, count, pod).await?;
            rates.push(done.rate);
            p50.push(done.p50_ms);
            p99.push(done.p99_ms);
            cpu.push((program.cpu_seconds()? - before) * 1000.0 / count as f64);
            delete_all(&program, env).await?;
        }
        let case = format!("create pod 1.1 KB, TLS, synced, {clients} clients (upstream {upstream}/s)");
        let rate = Row::new(NAME, &case, "pods", median(&mut rates), "1/s");
        // The aim is for what the server can take, not for what one client can wait for.
        rows.push(if clients == 64 { rate.at_least(5_000.0) } else { rate });
        rows.push(Row::new(NAME, &case, "latency p50", median(&mut p50), "ms"));
        rows.push(Row::new(NAME, &case, "latency p99", median(&mut p99), "ms"));
        rows.push(Row::new(NAME, &case, "server CPU each", median(&mut cpu), "ms"));
    }
    program.stop().await?;
    Ok(rows)
}

async fn delete_all(program: &Program, env: &Environment) -> anyhow::Result<()> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    Load::open(program, env).await?.delete(&path).await?;
    Ok(())
}

/// A pod as templates make them, with a unique name. All but the name is made once: the load must not cost more
/// than it has to, on the cores that it shares with the server.
fn pod(number: usize) -> (String, Vec<u8>) {
    static AROUND: LazyLock<[String; 2]> = LazyLock::new(|| {
        let pod = template().to_string();
        let (before, behind) = pod.split_once(NAME_OF_POD).unwrap_or((&pod, ""));
        [before.to_owned(), behind.to_owned()]
    });
    let [before, behind] = &*AROUND;
    (format!("/api/v1/namespaces/{NAMESPACE}/pods"), format!("{before}load-{number}{behind}").into_bytes())
}

fn template() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": NAME_OF_POD, "labels": {"app": "load", "tier": "bench"},
            "annotations": {"bireme.dev/filler": "x".repeat(400)}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "bireme.dev/busybox:1",
            "command": ["sleep", "3600"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 30, "restartPolicy": "Always"}
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_as_large_as_the_table_says() {
        let (_, body) = pod(12345);
        assert!((1000..1200).contains(&body.len()), "{} bytes", body.len());
        let pod: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(pod["metadata"]["name"], "load-12345");
    }
}
