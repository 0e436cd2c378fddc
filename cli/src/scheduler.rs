//! `bireme scheduler`: why pods go where they go, and where they would go.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bireme::client::RemoteClient;
use bireme::core::object::ObjectKey;
use bireme::core::scheduler::{PodInfo, Scheduler, Snapshot};
use bireme::scheduler::{
    Comparison, DefaultScheduler, Profile, Recording, configuration, pods_from_list, simulate,
};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::arguments::{Output, SchedulerCommand, WhyOptions};

/// Of equally good nodes any seed's choice is as good; here it is always the same.
const SEED: u64 = 0;

pub(crate) async fn run(command: SchedulerCommand) -> anyhow::Result<()> {
    match command {
        SchedulerCommand::Why(options) => why(options).await,
        SchedulerCommand::Simulate { snapshot, pods, config, compare, output } => {
            let recording = recording(&snapshot)?;
            let pods = match pods {
                Some(file) => pods_from_list(&read(&file)?).with_context(|| file.display().to_string())?,
                None => recording.pending,
            };
            let simulation = |config: Option<&PathBuf>| -> anyhow::Result<_> {
                let mut scheduler =
                    DefaultScheduler::with(profile(config.map(PathBuf::as_path), None)?, SEED);
                Ok(simulate(&mut scheduler, &mut recording.snapshot.clone(), &pods))
            };
            let first = simulation(config.as_ref())?;
            match &compare {
                None => print(&first, output),
                Some(_) => print(&Comparison { first, second: simulation(compare.as_ref())? }, output),
            }
        }
    }
}

async fn why(options: WhyOptions) -> anyhow::Result<()> {
    let recording = match (&options.snapshot, &options.kubeconfig) {
        (Some(file), _) => recording(file)?,
        (None, Some(file)) => {
            let client = RemoteClient::from_kubeconfig(file, "bireme-scheduler").await?;
            Recording::of_cluster(&client).await?
        }
        (None, None) => bail!("a cluster (--kubeconfig) or a recording of one (--snapshot) is needed"),
    };
    let Recording { mut snapshot, pending } = recording;
    let key = ObjectKey::namespaced(&options.namespace, &options.pod);
    let Some(pod) = find(&mut snapshot, &pending, &key) else { bail!("there is no pod {key}") };
    let scheduler_name = pod.spec().scheduler_name.as_deref();
    let mut scheduler = DefaultScheduler::with(profile(options.config.as_deref(), scheduler_name)?, SEED);
    print(&scheduler.explain(&snapshot, &pod), options.output)
}

/// The pod as if it had no node yet: one that is on a node is taken from it.
fn find(snapshot: &mut Snapshot, pending: &[PodInfo], key: &ObjectKey) -> Option<PodInfo> {
    let waiting = pending.iter().find(|pod| pod.key() == key).cloned();
    let placed = snapshot.pods().map(|(_, pod)| pod).find(|pod| pod.key() == key).cloned();
    let pod = waiting.or(placed)?;
    snapshot.forget(pod.uid());
    // Its node's name is what was decided, not what was asked for.
    let mut unplaced = (**pod.pod()).clone();
    if let Some(spec) = &mut unplaced.spec {
        spec.node_name = None;
    }
    Some(PodInfo::new(unplaced.into()))
}

/// The profile of this name in a configuration, or its first; upstream's default without a configuration.
fn profile(file: Option<&Path>, name: Option<&str>) -> anyhow::Result<Profile> {
    let Some(file) = file else { return Ok(Profile::default()) };
    let mut profiles = configuration::profiles(read(file)?).with_context(|| file.display().to_string())?;
    let wanted = name.and_then(|name| profiles.iter().position(|(known, _)| known == name));
    Ok(profiles.swap_remove(wanted.unwrap_or_default()).1)
}

fn recording(file: &Path) -> anyhow::Result<Recording> {
    Recording::from_list(&read(file)?).with_context(|| file.display().to_string())
}

/// A file in JSON or YAML; of several documents in YAML, a list.
fn read(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let documents = serde_norway::Deserializer::from_str(&text).map(Value::deserialize);
    let documents: Result<Vec<Value>, _> = documents.collect();
    let mut documents = documents.with_context(|| format!("cannot understand {}", file.display()))?;
    documents.retain(|document| !document.is_null());
    Ok(if documents.len() == 1 { documents.remove(0) } else { Value::Array(documents) })
}

fn print(what: &(impl Display + Serialize), output: Output) -> anyhow::Result<()> {
    match output {
        Output::Table => print!("{what}"),
        Output::Json => println!("{}", serde_json::to_string_pretty(what)?),
    }
    Ok(())
}
