//! One object a request: create, get, update, patch.

use std::sync::Arc;

use bireme_core::Environment;
use serde_json::{Value, json};

use super::{Extent, NAME, Store, median};
use crate::load::{self, Load, Request};
use crate::pods;
use crate::program::Program;
use crate::row::Row;

/// What is measured of one verb with so many clients.
struct Case {
    verb: &'static str,
    clients: usize,
    /// Requests in a round.
    count: usize,
    /// What upstream does in a second, where that is known.
    upstream: Option<u32>,
    /// What the program should do in a second, and the CPU time it may take for each, in ms.
    aim: (Option<f64>, Option<f64>),
}

/// Measures all verbs on one store.
pub(super) async fn run(
    program: &Program,
    store: Store,
    env: &Environment,
    extent: Extent,
) -> anyhow::Result<Vec<Row>> {
    let aimed = store == Store::Sled;
    let upstream = |rate| (store == Store::Sled).then_some(rate);
    let create = (aimed.then_some(10_000.0), aimed.then_some(0.1));
    let get = (aimed.then_some(30_000.0), None);
    let cases = [
        Case { verb: "create", clients: 1, count: 500, upstream: upstream(426), aim: (None, None) },
        Case { verb: "create", clients: 16, count: 6_000, upstream: upstream(1_041), aim: (None, None) },
        Case { verb: "create", clients: 64, count: 12_000, upstream: upstream(1_043), aim: create },
        Case { verb: "get", clients: 1, count: 4_000, upstream: upstream(1_054), aim: (None, None) },
        Case { verb: "get", clients: 16, count: 20_000, upstream: upstream(2_455), aim: (None, None) },
        Case { verb: "get", clients: 64, count: 20_000, upstream: upstream(3_868), aim: get },
        Case { verb: "update", clients: 16, count: 6_000, upstream: None, aim: (None, None) },
        Case { verb: "patch", clients: 16, count: 6_000, upstream: None, aim: (None, None) },
    ];
    let mut rows = Vec::new();
    for case in cases {
        rows.extend(one(program, store, env, extent, &case).await?);
    }
    Ok(rows)
}

async fn one(
    program: &Program,
    store: Store,
    env: &Environment,
    extent: Extent,
    case: &Case,
) -> anyhow::Result<Vec<Row>> {
    let count = case.count / extent.divisor;
    if case.verb != "create" {
        pods::fill(program, env, 0, count).await?;
    }
    let (mut rates, mut p50, mut p99, mut cpu) = (vec![], vec![], vec![], vec![]);
    for round in 0..extent.rounds {
        let loads = Load::open_many(program, env, case.clients).await?;
        let requests = requests(case.verb, &loads[0], round, count).await?;
        let before = program.cpu_seconds()?;
        let done = load::rush(loads, env, count, move |number| requests(number)).await?;
        cpu.push((program.cpu_seconds()? - before) * 1000.0 / count as f64);
        rates.push(done.rate);
        p50.push(done.p50_ms);
        p99.push(done.p99_ms);
        if case.verb == "create" {
            pods::clear(program, env).await?;
        }
    }
    if case.verb != "create" {
        pods::clear(program, env).await?;
    }
    let upstream = case.upstream.map(|rate| format!(" (upstream {rate}/s)")).unwrap_or_default();
    let (verb, clients) = (case.verb, case.clients);
    let name =
        format!("{verb} pod 1.1 KB, TLS, admission, {}, {clients} clients{upstream}", store.durability());
    let (rate, each) = case.aim;
    let row = |metric, values: &mut [f64], unit| Row::new(NAME, &name, metric, median(values), unit);
    let (rates, cpu) = (row("requests", &mut rates, "1/s"), row("server CPU each", &mut cpu, "ms"));
    Ok(vec![
        rate.map_or(rates.clone(), |aim| rates.at_least(aim)),
        row("latency p50", &mut p50, "ms"),
        row("latency p99", &mut p99, "ms"),
        each.map_or(cpu.clone(), |aim| cpu.at_most(aim)),
    ])
}

type Requests = Arc<dyn Fn(usize) -> Request + Send + Sync>;

/// What is sent, by number.
async fn requests(verb: &str, load: &Load, round: usize, count: usize) -> anyhow::Result<Requests> {
    Ok(match verb {
        "create" => Arc::new(pods::create),
        "get" => Arc::new(|number| Request::get(&pods::path(number))),
        "update" => {
            let mut changed = Vec::with_capacity(count);
            for number in 0..count {
                let mut pod: Value = serde_json::from_slice(&load.get(&pods::path(number)).await?)?;
                pod["metadata"]["annotations"]["bireme.dev/round"] = json!(round.to_string());
                changed.push(pod.to_string());
            }
            Arc::new(move |number| Request::put(&pods::path(number), changed[number].clone().into()))
        }
        _ => Arc::new(move |number| {
            let patch = json!({"metadata": {"annotations": {"bireme.dev/round": round.to_string()}}});
            Request::merge(&pods::path(number), patch.to_string().into())
        }),
    })
}
