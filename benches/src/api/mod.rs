//! The program as it ships: how soon it answers, what it weighs, and how fast it serves over HTTPS.
//!
//! The load comes from this process, on the same cores; every request passes TLS, authorization, admission and
//! validation, and with sled and etcd the answer to a write means that it is synced to disk. Beside the figures stand
//! upstream's on such a machine (Kubernetes 1.20 with etcd 3.4, as the project's notes record them).

mod growth;
mod lists;
mod requests;
mod start;
mod watches;

use std::path::Path;

use anyhow::Context as _;
use bireme_core::Environment;

use crate::etcd::Etcd;
use crate::program::{Program, SIMULATED};
use crate::row::Row;

const NAME: &str = "api";

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    /// How often each figure is taken.
    rounds: usize,
    /// Divides the numbers of objects.
    divisor: usize,
}

/// Measures the program; `quick` is good for a rough idea.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    in_a_folder(quick, async |root, env, extent| measure(root, env, extent).await)
}

/// Measures what a request costs beside more and more objects, up to 300,000.
pub fn growth(quick: bool) -> anyhow::Result<Vec<Row>> {
    in_a_folder(quick, async |root, env, extent| growth::run(root, env, extent).await)
}

fn in_a_folder(
    quick: bool,
    measure: impl AsyncFnOnce(&Path, &Environment, Extent) -> anyhow::Result<Vec<Row>>,
) -> anyhow::Result<Vec<Row>> {
    let extent = if quick { Extent { rounds: 1, divisor: 4 } } else { Extent { rounds: 5, divisor: 1 } };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Here and not where temporary files lie, which is memory on many machines.
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    runtime.block_on(measure(root.path(), &Environment::system(), extent))
}

async fn measure(root: &Path, env: &Environment, extent: Extent) -> anyhow::Result<Vec<Row>> {
    let mut rows = start::first_answer(root, env, extent).await?;
    rows.push(start::idle(root, env).await?);
    for store in [Store::Memory, Store::Sled] {
        let program = store.start(root, None, env).await?;
        rows.extend(requests::run(&program, store, env, extent).await?);
        program.stop().await?;
    }
    if Etcd::is_here() {
        let etcd = Etcd::start(root)?;
        match Store::Etcd.start(root, Some(&etcd), env).await {
            Ok(program) => {
                rows.extend(requests::run(&program, Store::Etcd, env, extent).await?);
                program.stop().await?;
            }
            Err(error) => {
                eprintln!("etcd is left out: {error:#} (is the program built with the feature `etcd`?)")
            }
        }
    } else {
        eprintln!("etcd is left out: it is not installed");
    }
    let program = Store::Sled.start(&root.join("lists"), None, env).await?;
    rows.extend(lists::run(&program, env, extent).await?);
    program.stop().await?;
    let program = Store::Sled.start(&root.join("watches"), None, env).await?;
    rows.extend(watches::run(&program, env, extent).await?);
    program.stop().await?;
    Ok(rows)
}

/// What the program keeps its objects in.
#[derive(Clone, Copy, PartialEq)]
enum Store {
    Memory,
    Sled,
    Etcd,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Store::Memory => "memory",
            Store::Sled => "sled",
            Store::Etcd => "etcd",
        }
    }

    /// The store, and what an answer to a write means with it.
    fn durability(self) -> &'static str {
        match self {
            Store::Memory => "memory, not durable",
            Store::Sled => "sled, synced",
            Store::Etcd => "etcd, synced",
        }
    }

    async fn start(self, root: &Path, etcd: Option<&Etcd>, env: &Environment) -> anyhow::Result<Program> {
        let mut arguments = [&SIMULATED[..], &["--store", self.name()]].concat();
        if let Some(etcd) = etcd {
            arguments.extend(["--etcd-servers", etcd.url()]);
        }
        std::fs::create_dir_all(root)?;
        Program::start_with(&root.join(self.name()), 3, &arguments, env).await
    }
}

/// The value in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
