//! How fast pods are placed: by the algorithm alone, through the API in process, and how that grows with the cluster.
//!
//! The clusters and pods are those of kube-scheduler's performance tests, whose thresholds the README of `benches/`
//! sets beside these figures.

mod alone;
mod cluster;
mod through;

use bireme_core::Environment;
use cluster::Shape;

use crate::row::Row;

const NAME: &str = "scheduler";

/// Measures all; `quick` leaves the largest clusters out.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let env = Environment::system();
    let mut rows = vec![
        alone::stream(&env, Shape::Plain, 5_000, 10_000, 300_000.0)?,
        alone::stream(&env, Shape::Apart, 5_000, 4_000, 10_000.0)?,
        alone::stream(&env, Shape::Spread, 5_000, 10_000, 30_000.0)?,
        alone::backlog(&env, 5_000, 10_000, 10_000)?,
        alone::preemption(&env, 5_000, 5_000.0)?,
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (nodes, pods) = if quick { (500, 1_000) } else { (5_000, 10_000) };
    rows.extend(runtime.block_on(through::run(&env, nodes, pods))?);
    let sizes: &[usize] =
        if quick { &[100, 1_000, 10_000] } else { &[100, 1_000, 10_000, 100_000, 1_000_000] };
    for nodes in sizes {
        rows.extend(alone::growth(&env, *nodes, (*nodes).max(1_000))?);
    }
    Ok(rows)
}
