//! Large lists, alone and many at once.

use bireme_core::Environment;

use super::{Extent, NAME, mebibytes, median};
use crate::load::{self, Load, Request};
use crate::pods;
use crate::pods::PODS;
use crate::program::Program;
use crate::row::Row;

const OBJECTS: usize = 5_000;
const AT_ONCE: usize = 16;

/// Measures lists of all pods; the number of pods is always the whole one.
pub(super) async fn run(program: &Program, env: &Environment, extent: Extent) -> anyhow::Result<Vec<Row>> {
    pods::fill(program, env, 0, OBJECTS).await?;
    let load = Load::open(program, env).await?;
    let bytes = load.get(PODS).await?.len();
    let mut alone = Vec::new();
    for _ in 0..2 + extent.rounds {
        let begin = env.instant();
        load.get(PODS).await?;
        alone.push(env.instant().since(begin).as_secs_f64() * 1000.0);
    }
    let (mut together, mut more) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds {
        let loads = Load::open_many(program, env, AT_ONCE).await?;
        program.forget_peak()?;
        let before = program.resident_bytes()?;
        let begin = env.instant();
        load::rush(loads, env, AT_ONCE, |_| Request::get(PODS)).await?;
        together.push(env.instant().since(begin).as_secs_f64() * 1000.0);
        more.push(mebibytes(program.peak_bytes()?.saturating_sub(before)));
    }
    let case = format!("list {OBJECTS} pods, {:.1} MB", bytes as f64 / 1e6);
    let (one, many) =
        (format!("{case}, alone (upstream 165)"), format!("{case}, {AT_ONCE} at once (upstream 3,250)"));
    Ok(vec![
        Row::new(NAME, one, "time", median(&mut alone), "ms").at_most(40.0),
        Row::new(NAME, &many, "time for all", median(&mut together), "ms"),
        Row::new(NAME, &many, "more memory", median(&mut more), "MiB").at_most(50.0),
    ])
}
