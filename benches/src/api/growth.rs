//! Whether a request costs more when more is stored.

use std::path::Path;

use bireme_core::Environment;

use super::{Extent, NAME, Store, mebibytes};
use crate::load::{self, Load, Request};
use crate::pods;
use crate::row::Row;

/// Numbers of objects; a quick measurement leaves out the last ones.
const STORED: [usize; 4] = [1_000, 10_000, 100_000, 300_000];
const CLIENTS: usize = 16;
const REQUESTS: usize = 4_000;

/// Measures creating and getting beside more and more objects.
pub(super) async fn run(root: &Path, env: &Environment, extent: Extent) -> anyhow::Result<Vec<Row>> {
    let program = Store::Sled.start(&root.join("growth"), None, env).await?;
    let mut rows = Vec::new();
    let mut present = 0;
    for stored in &STORED[..STORED.len() - (extent.divisor - 1).min(2)] {
        pods::fill(&program, env, present, *stored).await?;
        present = *stored;
        let case = format!("sled, {CLIENTS} clients, beside {stored} pods");
        program.settle().await?;
        let before = program.cpu_seconds()?;
        let loads = Load::open_many(&program, env, CLIENTS).await?;
        load::rush(loads, env, REQUESTS, move |number| pods::create(present + number)).await?;
        program.settle().await?;
        let between = program.cpu_seconds()?;
        let loads = Load::open_many(&program, env, CLIENTS).await?;
        let step = (present / REQUESTS).max(1);
        let got = load::rush(loads, env, REQUESTS, move |number| {
            Request::get(&pods::path(number * step % present))
        });
        got.await?;
        let after = program.cpu_seconds()?;
        present += REQUESTS;
        let each = |cpu: f64| cpu * 1000.0 / REQUESTS as f64;
        rows.push(Row::new(NAME, &case, "server CPU of a create", each(between - before), "ms"));
        rows.push(Row::new(NAME, &case, "server CPU of a get", each(after - between), "ms"));
        rows.push(Row::new(NAME, &case, "resident memory", mebibytes(program.resident_bytes()?), "MiB"));
    }
    program.stop().await?;
    Ok(rows)
}
