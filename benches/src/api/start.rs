//! How soon the program answers, and what it weighs when nothing happens.

use std::path::Path;
use std::time::Duration;

use bireme_core::Environment;

use super::{Extent, NAME, mebibytes, median};
use crate::load::Load;
use crate::program::Program;
use crate::row::Row;

/// From the start of the process to the first answer with an administrator's certificate.
pub(super) async fn first_answer(root: &Path, env: &Environment, extent: Extent) -> anyhow::Result<Vec<Row>> {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 0..1 + 2 * extent.rounds {
        let folder = root.join(format!("start-{round}"));
        for times in [&mut cold, &mut warm] {
            let begin = env.instant();
            let program = Program::start(&folder, env).await?;
            let load = Load::open(&program, env).await?;
            load.get("/api/v1/namespaces/default").await?;
            times.push(env.instant().since(begin).as_secs_f64() * 1000.0);
            program.stop().await?;
        }
    }
    Ok(vec![
        Row::new(NAME, "cluster, empty folder (upstream 4,200)", "first answer", median(&mut cold), "ms")
            .at_most(50.0),
        Row::new(NAME, "cluster, existing folder", "first answer", median(&mut warm), "ms"),
    ])
}

/// What everything in one process weighs when nothing happens.
pub(super) async fn idle(root: &Path, env: &Environment) -> anyhow::Result<Row> {
    let program = Program::start(&root.join("idle"), env).await?;
    let load = Load::open(&program, env).await?;
    load.get("/api/v1/nodes").await?;
    // Long enough for the nodes to register and for everything that a start does to be over.
    env.sleep(Duration::from_secs(5)).await;
    let resident = mebibytes(program.resident_bytes()?);
    program.stop().await?;
    let case = "cluster, 3 simulated nodes, idle (upstream 725)";
    Ok(Row::new(NAME, case, "resident memory", resident, "MiB").at_most(30.0))
}
