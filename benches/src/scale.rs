//! Many nodes and pods in one process: the program as it ships, on its durable store, with simulated containers.
//!
//! Everything but the containers is real: each pod is created by a controller, placed by the scheduler, taken by its
//! node's agent, reported running through the API, replaced in a rolling update, and deleted with its owner. The
//! progress is read from the Deployments' own status over HTTPS.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bireme_core::Environment;
use serde_json::{Value, json};

use crate::load::{Load, Request};
use crate::program::{Program, SIMULATED, until};
use crate::row::Row;

const NAME: &str = "scale";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const PODS: &str = "/api/v1/namespaces/default/pods";
/// How often progress is looked at; figures are no more exact than this.
const GLANCE: Duration = Duration::from_millis(250);
/// Ranges with room for more than a thousand nodes.
const RANGES: [&str; 4] = ["--pod-range", "10.128.0.0/9", "--node-range", "10.64.0.0/16"];

/// How many of each there are.
struct Scale {
    nodes: u32,
    deployments: usize,
    replicas: usize,
}

impl Scale {
    fn pods(&self) -> usize {
        self.deployments * self.replicas
    }
}

/// Measures a thousand nodes with thirty thousand pods; a tenth of both when `quick`.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let scale = if quick {
        Scale { nodes: 100, deployments: 100, replicas: 30 }
    } else {
        Scale { nodes: 1_000, deployments: 100, replicas: 300 }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Here and not where temporary files lie, which is memory on many machines.
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    runtime.block_on(measure(&scale, root.path(), &Environment::system()))
}

async fn measure(scale: &Scale, root: &Path, env: &Environment) -> anyhow::Result<Vec<Row>> {
    let mut course = Course { rows: Vec::new(), case: String::new(), begin: env.instant(), cpu: 0.0, env };
    course.case = format!("{} nodes", scale.nodes);
    let program =
        Program::start_with(&root.join("scale"), scale.nodes, &[&SIMULATED[..], &RANGES].concat(), env)
            .await?;
    let load = Load::open(&program, env).await?;
    until(env, GLANCE, "the nodes to be ready", async || {
        Ok(ready_nodes(&load).await? == scale.nodes as usize)
    })
    .await?;
    course.passed("nodes ready", 0, &program)?;

    course.case =
        format!("{} nodes, {} pods of {} Deployments", scale.nodes, scale.pods(), scale.deployments);
    course.begin(&program)?;
    for number in 0..scale.deployments {
        load.send(Request::post(DEPLOYMENTS, deployment(number, scale.replicas))).await?;
    }
    until(env, GLANCE, "the pods to run", async || rolled_out(&load, scale).await).await?;
    course.passed("created and running", scale.pods(), &program)?;

    course.begin(&program)?;
    for number in 0..scale.deployments {
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {"bireme.dev/version": "2"}}}}});
        let path = format!("{DEPLOYMENTS}/{}", name(number));
        load.send(Request::merge(&path, patch.to_string().into())).await?;
    }
    until(env, GLANCE, "the pods to be replaced", async || rolled_out(&load, scale).await).await?;
    course.passed("replaced by a rolling update", scale.pods(), &program)?;

    course.begin(&program)?;
    load.send(Request::delete(DEPLOYMENTS)).await?;
    until(env, GLANCE, "the pods to go", async || no_pods(&load).await).await?;
    course.passed("deleted with their owners", scale.pods(), &program)?;
    let peak = program.peak_bytes()? as f64 / f64::from(1 << 20);
    course.rows.push(Row::new(NAME, course.case, "peak resident memory", peak, "MiB"));
    program.stop().await?;
    Ok(course.rows)
}

/// The rows so far, and the stretch that is being measured.
struct Course<'a> {
    rows: Vec<Row>,
    case: String,
    begin: bireme_core::environment::Instant,
    cpu: f64,
    env: &'a Environment,
}

impl Course<'_> {
    fn begin(&mut self, program: &Program) -> anyhow::Result<()> {
        self.begin = self.env.instant();
        self.cpu = program.cpu_seconds()?;
        Ok(())
    }

    /// The stretch is over, which `pods` have passed.
    fn passed(&mut self, what: &str, pods: usize, program: &Program) -> anyhow::Result<()> {
        let seconds = self.env.instant().since(self.begin).as_secs_f64();
        let cpu = program.cpu_seconds()? - self.cpu;
        let resident = program.resident_bytes()? as f64 / f64::from(1 << 20);
        let mut row = |metric: String, value, unit| {
            self.rows.push(Row::new(NAME, self.case.clone(), &metric, value, unit));
        };
        row(what.to_owned(), seconds, "s");
        if pods > 0 {
            row(format!("{what}: pods"), pods as f64 / seconds, "1/s");
            row(format!("{what}: CPU for each pod"), cpu * 1000.0 / pods as f64, "ms");
        }
        row(format!("{what}: resident memory"), resident, "MiB");
        Ok(())
    }
}

async fn items(load: &Load, path: &str) -> anyhow::Result<Vec<Value>> {
    let mut list: Value = serde_json::from_slice(&load.get(path).await?)?;
    serde_json::from_value(list["items"].take()).with_context(|| format!("{path} has no items"))
}

async fn ready_nodes(load: &Load) -> anyhow::Result<usize> {
    let ready = |node: &Value| {
        let conditions = node["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
    };
    Ok(items(load, "/api/v1/nodes").await?.iter().filter(|node| ready(node)).count())
}

/// Whether every Deployment has seen its last change and has just the replicas it wants, all new and available.
async fn rolled_out(load: &Load, scale: &Scale) -> anyhow::Result<bool> {
    let deployments = items(load, DEPLOYMENTS).await?;
    let done = |deployment: &Value| {
        let status = &deployment["status"];
        status["observedGeneration"] == deployment["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"]
                .iter()
                .all(|count| status[count] == scale.replicas)
    };
    Ok(deployments.len() == scale.deployments && deployments.iter().all(done))
}

async fn no_pods(load: &Load) -> anyhow::Result<bool> {
    Ok(items(load, &format!("{PODS}?limit=1")).await?.is_empty())
}

fn name(number: usize) -> String {
    format!("scale-{number}")
}

fn deployment(number: usize, replicas: usize) -> Vec<u8> {
    let (name, labels) = (name(number), json!({"app": name(number)}));
    let container = json!({"name": "main", "image": "bireme.dev/busybox:1", "command": ["sleep", "3600"],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}
    })
    .to_string()
    .into_bytes()
}
