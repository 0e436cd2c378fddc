//! Runs one measurement: `bireme-benches <name> [--quick] [--json FILE] [--plot FILE]`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bireme_benches::row::Row;
use bireme_benches::{api, direct, life, plot, scale, scheduler, services, store, table};
use lexopt::prelude::{Long, Value, ValueExt};

/// A measurement; its argument asks for a shorter run.
type Measurement = fn(bool) -> anyhow::Result<Vec<Row>>;

/// What can be measured, by name.
const MEASUREMENTS: &[(&str, Measurement)] = &[
    ("api", api::run),
    ("direct", direct::run),
    ("growth", api::growth),
    ("pods", life::run),
    ("scale", scale::run),
    ("scheduler", scheduler::run),
    ("services", services::run),
    ("store", store::run),
];

struct Options {
    name: String,
    quick: bool,
    json: Option<PathBuf>,
    /// Where the picture goes of how cost grows.
    plot: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let options = parse(lexopt::Parser::from_env())?;
    let measure = find(&options.name)?;
    let rows = measure(options.quick)?;
    print!("{}", table::render(&rows));
    if let Some(path) = options.json {
        let json = serde_json::to_string_pretty(&rows)? + "\n";
        fs::write(&path, json).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = options.plot {
        let picture = plot::render(&rows).context("this measurement does not say how cost grows")?;
        fs::write(&path, picture).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn find(name: &str) -> anyhow::Result<Measurement> {
    if let Some((_, measure)) = MEASUREMENTS.iter().find(|(known, _)| *known == name) {
        return Ok(*measure);
    }
    let known: Vec<&str> = MEASUREMENTS.iter().map(|(known, _)| *known).collect();
    bail!("nothing measures `{name}` yet; there are: {}", known.join(", "))
}

fn parse(mut words: lexopt::Parser) -> anyhow::Result<Options> {
    let mut name = None;
    let (mut quick, mut json, mut plot) = (false, None, None);
    while let Some(word) = words.next()? {
        match word {
            Long("quick") => quick = true,
            Long("json") => json = Some(words.value()?.into()),
            Long("plot") => plot = Some(words.value()?.into()),
            Value(word) if name.is_none() => name = Some(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Options { name: name.context("name what to measure")?, quick, json, plot })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_measured_is_named() {
        assert!(find("tides").unwrap_err().to_string().contains("`tides`"));
    }
}
