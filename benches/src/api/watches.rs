//! Many watchers of the same objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use bireme_core::Environment;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Extent, NAME, mebibytes};
use crate::load::{self, Load};
use crate::pods;
use crate::pods::PODS;
use crate::program::Program;
use crate::row::Row;

const WATCHERS: usize = 1_000;
const CREATES: usize = 1_000;
const WRITERS: usize = 16;

/// What the watchers have read so far.
#[derive(Default)]
struct Tally {
    events: AtomicUsize,
    wanted: usize,
    all: Notify,
}

/// Measures how fast a thousand watchers, each on a connection of its own, are told of new pods.
pub(super) async fn run(program: &Program, env: &Environment, extent: Extent) -> anyhow::Result<Vec<Row>> {
    let creates = CREATES / extent.divisor;
    let list: Value = serde_json::from_slice(&Load::open(program, env).await?.get(PODS).await?)?;
    let revision = list["metadata"]["resourceVersion"].as_str().context("a list has no resource version")?;
    let path = format!("{PODS}?watch=true&resourceVersion={revision}");
    let before = program.resident_bytes()?;
    let tally = Arc::new(Tally { wanted: WATCHERS * creates, ..Tally::default() });
    let mut watches = Vec::with_capacity(WATCHERS);
    for load in Load::open_many(program, env, WATCHERS).await? {
        let mut body = load.watch(&path).await?;
        let tally = tally.clone();
        watches.push(env.spawn(async move {
            // The connection lives as long as somebody can send on it.
            let _load = load;
            while let Some(bytes) = load::next_bytes(&mut body).await? {
                // An event ends with a line feed, and has none inside.
                let events = bytes.iter().filter(|byte| **byte == b'\n').count();
                if tally.events.fetch_add(events, Ordering::Relaxed) + events >= tally.wanted {
                    tally.all.notify_one();
                }
            }
            anyhow::Ok(())
        }));
    }
    let connected = program.resident_bytes()?;
    let cpu = program.cpu_seconds()?;
    let loads = Load::open_many(program, env, WRITERS).await?;
    let begin = env.instant();
    load::rush(loads, env, creates, pods::create).await?;
    tally.all.notified().await;
    let seconds = env.instant().since(begin).as_secs_f64();
    let deliveries = tally.wanted as f64;
    let cpu = (program.cpu_seconds()? - cpu) * 1e6 / deliveries;
    watches.iter().for_each(|watch| watch.abort());
    let each = mebibytes(connected.saturating_sub(before)) * 1024.0 / WATCHERS as f64;
    let case = format!("{WATCHERS} watchers on HTTPS, {creates} pods created (upstream 52,600/s to 100)");
    Ok(vec![
        Row::new(NAME, &case, "deliveries", deliveries / seconds, "1/s").at_least(300_000.0),
        Row::new(NAME, &case, "server CPU each", cpu, "us"),
        Row::new(NAME, &case, "memory of a watcher", each, "KiB"),
    ])
}
