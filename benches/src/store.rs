//! Durable commits, beside what the disk itself gives.
//!
//! The yardstick is a loop that appends records of the same size to a file and calls `fdatasync` behind each
//! group of them: what no store that keeps its word can beat by much. It runs on the same disk, between the
//! rounds of the store, since a disk's speed changes from one second to the next; the ratios are taken round by
//! round. All figures are medians.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bireme_core::Environment;
use bireme_core::store::{Commit, Key, MemoryStore, Store};
use bireme_store_sled::{Options, SledStore};
use bytes::Bytes;

use crate::row::Row;

const VALUE: usize = 1024;

/// What a value's key and framing add in the journal, roughly; the raw loop writes as much.
const OVERHEAD: usize = 88;

const PRODUCERS: usize = 64;

/// Keys that each producer writes in turn.
const KEYS: usize = 100;

/// The share of the raw loop's rate that commits should reach.
const AIM: f64 = 0.5;

const NAME: &str = "store";

/// Measures the stores; `quick` is good for a rough idea.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, time) = if quick { (3, Duration::from_millis(300)) } else { (7, Duration::from_secs(1)) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Here and not where temporary files lie, which is memory on many machines.
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    let mut rows = runtime.block_on(commits(root.path(), rounds, time))?;
    rows.extend(runtime.block_on(openings(root.path(), rounds))?);
    #[cfg(feature = "etcd")]
    rows.extend(runtime.block_on(etcd_commits(root.path(), rounds, time))?);
    Ok(rows)
}

/// The same commits to an etcd with one member.
#[cfg(feature = "etcd")]
async fn etcd_commits(root: &Path, rounds: usize, time: Duration) -> anyhow::Result<Vec<Row>> {
    let env = Environment::system();
    let etcd = crate::etcd::Etcd::start(root)?;
    let options = bireme_store_etcd::Options::new([etcd.url().to_owned()]);
    let store = bireme_store_etcd::EtcdStore::open(&options, &env).await?;
    let store = Arc::new(store);
    let mut rows = Vec::new();
    for (producers, name) in [(1, "alone"), (PRODUCERS, "64 producers")] {
        let mut rates = Vec::new();
        for _ in 0..rounds {
            rates.push(commit_rate(store.clone(), producers, time, &env).await?);
        }
        let case = format!("etcd store, one member, 1 KiB, {name}");
        rows.push(Row::new(NAME, case, "durable commits", median(rates), "1/s"));
    }
    Ok(rows)
}

async fn commits(root: &Path, rounds: usize, time: Duration) -> anyhow::Result<Vec<Row>> {
    let env = Environment::system();
    let sled = Arc::new(SledStore::open(root.join("commits"), Options::default(), &env).await?);
    let memory = Arc::new(MemoryStore::new());
    let mut rows = Vec::new();
    for (producers, name) in [(1, "alone"), (PRODUCERS, "64 producers")] {
        let (mut raw, mut durable, mut ratio, mut volatile) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let yardstick = raw_rate(root, producers, time, &env)?;
            let rate = commit_rate(sled.clone(), producers, time, &env).await?;
            raw.push(yardstick);
            durable.push(rate);
            ratio.push(rate / yardstick);
            volatile.push(commit_rate(memory.clone(), producers, time, &env).await?);
        }
        let row = |case: &str, metric, figures, unit| {
            Row::new(NAME, format!("{case}, 1 KiB, {name}"), metric, median(figures), unit)
        };
        rows.push(row("raw fdatasync loop", "durable records", raw, "1/s"));
        rows.push(row("sled store", "durable commits", durable, "1/s"));
        rows.push(row("sled store", "of the raw loop", ratio, "ratio").at_least(AIM));
        rows.push(row("memory store", "commits", volatile, "1/s"));
    }
    sled.close().await?;
    Ok(rows)
}

/// Records that a loop makes durable in a second: as many as there are producers in one write and one sync.
fn raw_rate(root: &Path, group: usize, time: Duration, env: &Environment) -> anyhow::Result<f64> {
    let path = root.join("raw");
    let mut file = File::create(&path)?;
    let records = vec![b'x'; group * (VALUE + OVERHEAD)];
    let begin = env.instant();
    let mut syncs = 0;
    while env.instant().since(begin) < time {
        file.write_all(&records)?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = (syncs * group) as f64 / env.instant().since(begin).as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Commits in a second of some producers, each of which waits for one before the next.
async fn commit_rate<S: Store>(
    store: Arc<S>,
    producers: usize,
    time: Duration,
    env: &Environment,
) -> anyhow::Result<f64> {
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let begin = env.instant();
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (store, done, count) = (store.clone(), done.clone(), count.clone());
            env.spawn(async move {
                let value = Bytes::from(vec![b'x'; VALUE]);
                for round in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("/registry/pods/default/web-{producer}-{}", round % KEYS);
                    store.commit(Commit::new().put(Key::from(key), value.clone())).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    env.sleep(time).await;
    done.store(true, Ordering::Relaxed);
    let rate = count.load(Ordering::Relaxed) as f64 / env.instant().since(begin).as_secs_f64();
    for task in tasks {
        task.await??;
    }
    Ok(rate)
}

/// How long opening takes: a new folder, and one with some thousand keys.
async fn openings(root: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    const STORED: usize = 10_000;
    let env = Environment::system();
    let filled = root.join("filled");
    let store = SledStore::open(&filled, Options::default(), &env).await?;
    fill(&store, STORED).await?;
    store.close().await?;
    let (mut new, mut closed, mut crashed) = (vec![], vec![], vec![]);
    for round in 0..rounds {
        new.push(opening(&root.join(format!("new-{round}")), &env).await?);
        closed.push(opening(&filled, &env).await?);
        // Without this mark the store takes itself for one that crashed.
        std::fs::remove_file(filled.join("clean"))?;
        crashed.push(opening(&filled, &env).await?);
    }
    let row = |case: &str, figures| Row::new(NAME, case, "time to open", median(figures), "ms");
    Ok(vec![
        row("sled store, new folder", new),
        row("sled store, 10,000 keys of 1 KiB, closed properly", closed),
        row("sled store, 10,000 keys of 1 KiB, after a crash", crashed),
    ])
}

async fn fill(store: &SledStore, keys: usize) -> anyhow::Result<()> {
    let value = Bytes::from(vec![b'x'; VALUE]);
    let keys: Vec<_> = (0..keys).map(|key| Key::from(format!("/registry/pods/default/web-{key}"))).collect();
    for some in keys.chunks(100) {
        let put = |commit: Commit, key: &Key| commit.put(key.clone(), value.clone());
        store.commit(some.iter().fold(Commit::new(), put)).await?;
    }
    Ok(())
}

async fn opening(folder: &Path, env: &Environment) -> anyhow::Result<f64> {
    let begin = env.instant();
    let store = SledStore::open(folder, Options::default(), env).await?;
    let time = env.instant().since(begin);
    store.close().await?;
    Ok(time.as_secs_f64() * 1000.0)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
