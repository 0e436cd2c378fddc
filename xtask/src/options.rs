//! The command line.

use std::path::PathBuf;

use anyhow::{Context, bail};
use lexopt::prelude::{Long, Short, Value, ValueExt};

/// What `cargo xtask help` prints.
pub const HELP: &str = "\
cargo xtask <command>

  cluster   start a cluster with the example application, and stay until Ctrl-C
              --nodes N               how many nodes (3)
              --runtime docker|sim    real containers, or simulated ones (docker)
              --data DIR              where the cluster keeps its state (.bireme/cluster)
              --keep                  leave containers and state in place at the end
              --dev                   build without optimisation
  test      run all tests; [FILTER] picks those whose names contain it
  verify    check formatting, lints, documentation, dependencies, sizes and words; changes nothing;
            [FILTER] picks those checks whose names contain it
              --versions              also check the oldest and the newest supported Kubernetes API
  bench     measure: store, api, growth, direct, services, scheduler or scale
              --quick                 a shorter run
              --json FILE             also write the rows as JSON
  setup     install what the commands above need, and say what is there
              --all                   also what only the optional adapters need";

/// One command with its options.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Prints [`HELP`].
    Help,
    /// `cargo xtask setup`
    Setup(SetupOptions),
    /// `cargo xtask cluster`
    Cluster(ClusterOptions),
    /// `cargo xtask test`
    Test(TestOptions),
    /// `cargo xtask verify`
    Verify(VerifyOptions),
    /// `cargo xtask bench`
    Bench(BenchOptions),
}

/// Options of `setup`.
#[derive(Debug, Default, PartialEq)]
pub struct SetupOptions {
    /// Install also what only the optional adapters need.
    pub all: bool,
}

/// The engine that the cluster's nodes run containers with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Runtime {
    /// Docker Engine.
    Docker,
    /// containerd.
    Containerd,
    /// The simulated runtime of `bireme-core`.
    Sim,
}

impl Runtime {
    /// As it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Docker => "docker",
            Runtime::Containerd => "containerd",
            Runtime::Sim => "sim",
        }
    }
}

/// Options of `cluster`.
#[derive(Debug, PartialEq)]
pub struct ClusterOptions {
    /// How many nodes.
    pub nodes: u32,
    /// What runs their containers.
    pub runtime: Runtime,
    /// Where the cluster keeps its state; `.bireme/cluster` when not given.
    pub data: Option<PathBuf>,
    /// Leave containers and state in place at the end.
    pub keep: bool,
    /// Build without optimisation.
    pub dev: bool,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions { nodes: 3, runtime: Runtime::Docker, data: None, keep: false, dev: false }
    }
}

/// Options of `test`.
#[derive(Debug, Default, PartialEq)]
pub struct TestOptions {
    /// Only tests whose names contain this.
    pub filter: Option<String>,
}

/// Options of `verify`.
#[derive(Debug, Default, PartialEq)]
pub struct VerifyOptions {
    /// Only checks whose names contain this.
    pub filter: Option<String>,
    /// Check the libraries against the earliest and the latest supported version of the API too.
    pub versions: bool,
}

/// Options of `bench`.
#[derive(Debug, Default, PartialEq)]
pub struct BenchOptions {
    /// What to measure.
    pub name: String,
    /// A shorter run.
    pub quick: bool,
    /// Where to write the rows as JSON.
    pub json: Option<PathBuf>,
    /// Where to draw how the cost grows.
    pub plot: Option<PathBuf>,
}

/// Reads a command line.
pub fn parse(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let command = match words.next()? {
        None | Some(Long("help") | Short('h')) => return Ok(Command::Help),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "help" => Ok(Command::Help),
        "setup" => setup(words),
        "cluster" => cluster(words),
        "test" => test(words),
        "verify" => verify(words),
        "bench" => bench(words),
        other => bail!("there is no command `{other}`; `cargo xtask help` lists them"),
    }
}

fn setup(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let mut options = SetupOptions::default();
    while let Some(word) = words.next()? {
        match word {
            Long("all") => options.all = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Setup(options))
}

fn cluster(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let mut options = ClusterOptions::default();
    while let Some(word) = words.next()? {
        match word {
            Long("nodes") => options.nodes = nodes(&words.value()?.string()?)?,
            Long("runtime") => options.runtime = runtime(&words.value()?.string()?)?,
            Long("data") => options.data = Some(words.value()?.into()),
            Long("keep") => options.keep = true,
            Long("dev") => options.dev = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Cluster(options))
}

fn nodes(text: &str) -> anyhow::Result<u32> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => bail!("--nodes takes a number from 1 up, not `{text}`"),
    }
}

fn runtime(text: &str) -> anyhow::Result<Runtime> {
    match text {
        "docker" => Ok(Runtime::Docker),
        "containerd" => Ok(Runtime::Containerd),
        "sim" => Ok(Runtime::Sim),
        other => bail!("--runtime takes `docker`, `containerd` or `sim`, not `{other}`"),
    }
}

fn test(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let mut options = TestOptions::default();
    while let Some(word) = words.next()? {
        match word {
            Value(filter) if options.filter.is_none() => options.filter = Some(filter.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Test(options))
}

fn verify(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let mut options = VerifyOptions::default();
    while let Some(word) = words.next()? {
        match word {
            Long("versions") => options.versions = true,
            Value(filter) if options.filter.is_none() => options.filter = Some(filter.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Verify(options))
}

fn bench(mut words: lexopt::Parser) -> anyhow::Result<Command> {
    let mut name = None;
    let mut options = BenchOptions::default();
    while let Some(word) = words.next()? {
        match word {
            Long("quick") => options.quick = true,
            Long("json") => options.json = Some(words.value()?.into()),
            Long("plot") => options.plot = Some(words.value()?.into()),
            Value(word) if name.is_none() => name = Some(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    options.name = name.context("name what to measure: store, api, direct, services, scheduler or scale")?;
    Ok(Command::Bench(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> anyhow::Result<Command> {
        parse(lexopt::Parser::from_args(words.split_whitespace()))
    }

    #[test]
    fn a_cluster_has_three_docker_nodes_unless_told_otherwise() {
        assert_eq!(parsed("cluster").unwrap(), Command::Cluster(ClusterOptions::default()));
        let options = ClusterOptions {
            nodes: 5,
            runtime: Runtime::Sim,
            data: Some("/d".into()),
            keep: true,
            ..ClusterOptions::default()
        };
        assert_eq!(
            parsed("cluster --nodes 5 --runtime=sim --data /d --keep").unwrap(),
            Command::Cluster(options)
        );
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (line, word) in [
            ("clutser", "clutser"),
            ("cluster --nodes none", "none"),
            ("cluster --nodes 0", "0"),
            ("cluster --runtime podman", "podman"),
            ("cluster --speed 3", "speed"),
            ("test one two", "two"),
            ("bench", "scale"),
        ] {
            let error = parsed(line).unwrap_err().to_string();
            assert!(error.contains(word), "`{line}` gave: {error}");
        }
    }

    #[test]
    fn a_bench_has_a_name_and_may_write_json_and_draw() {
        let options = BenchOptions {
            name: "api".into(),
            quick: true,
            json: Some("r.json".into()),
            plot: Some("p.svg".into()),
        };
        assert_eq!(parsed("bench --json r.json api --quick --plot p.svg").unwrap(), Command::Bench(options));
    }
}
