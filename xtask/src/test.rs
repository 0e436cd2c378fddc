//! `cargo xtask test`: everything that tests, in stages, with a summary line for each and one for all.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::console::{note, step};
use crate::deadline::Stopwatch;
use crate::process::{self, Foreground};
use crate::setup::containerd::Containerd;
use crate::setup::{self, Peers, Ready};
use crate::sweep::{self, RUN_MARK, Traces};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{images, options::TestOptions};

/// Test targets whose names begin so drive whole clusters with kubectl and run one test at a time.
const END_TO_END: &str = "e2e";
/// Test targets whose names begin so run on the etcd that is on the PATH.
const ON_ETCD: &str = "etcd";
/// The package whose tests run on a containerd.
const ON_CONTAINERD: &str = "runtime-containerd";
/// Names the containerd that tests use.
const CONTAINERD: &str = "BIREME_TEST_CONTAINERD";

/// How long each fuzz target runs, in seconds.
const FUZZ_SECONDS: &str = "BIREME_FUZZ_SECONDS";

/// A test program that cargo built.
struct Program {
    /// The package's folder, where cargo would run it.
    folder: PathBuf,
    /// The name of the target, such as the file's under `tests/`.
    target: String,
    executable: PathBuf,
}

/// What all test programs of a run share.
#[derive(Clone)]
struct Run<'a> {
    workspace: &'a Workspace,
    filter: Option<&'a str>,
    /// Which members are tested, as arguments of cargo's.
    members: Vec<&'static str>,
    environment: Vec<(&'static str, std::ffi::OsString)>,
}

/// A minute, unless the caller says otherwise.
fn fuzz_seconds() -> std::ffi::OsString {
    std::env::var_os(FUZZ_SECONDS).unwrap_or_else(|| "60".into())
}

/// Sets up, builds, runs all stages and sweeps up after them.
pub fn command(workspace: &Workspace, options: &TestOptions) -> anyhow::Result<ExitCode> {
    let ready = setup::for_containers(workspace);
    for sentence in ready.missing.iter().chain(&setup::for_optional_adapters()) {
        note(format_args!("missing: {sentence}"));
    }
    let peers = setup::peers(workspace);
    for sentence in &peers.missing {
        note(format_args!("missing: {sentence}"));
    }
    step("building all tests");
    let members = setup::buildable();
    let programs = build(workspace, &members)?;
    let mark = std::process::id().to_string();
    let before = Traces::look(ready.docker.as_ref());
    let mut environment = vec![(RUN_MARK, mark.clone().into()), (FUZZ_SECONDS, fuzz_seconds())];
    let programs_of_peers = [
        ("BIREME_TEST_KUBECTL", &ready.kubectl),
        ("BIREME_TEST_OLDEST_KUBECTL", &peers.oldest_kubectl),
        ("BIREME_TEST_PYTHON", &peers.python),
    ];
    let found = programs_of_peers.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?.into())));
    environment.extend(found);
    let run = Run { workspace, filter: options.filter.as_deref(), members, environment };
    let total = stages(run, &ready, peers, programs);
    for trace in sweep::sweep(&before, &mark, ready.docker.as_ref()) {
        step(format_args!("the tests left something behind, now removed: {trace}"));
    }
    let total = total?;
    for name in &total.failures {
        step(format_args!("failed: {name}"));
    }
    println!("{total}");
    let nothing_ran = options.filter.is_some() && total.passed + total.failed == 0;
    if nothing_ran {
        note("no test has the filter in its name");
    }
    Ok(if total.failed == 0 && !nothing_ran { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stages(mut run: Run<'_>, ready: &Ready, peers: Peers, programs: Vec<Program>) -> anyhow::Result<Tally> {
    let is_named = |name: &'static str| move |program: &Program| program.target.starts_with(name);
    let (end_to_end, rest): (Vec<_>, Vec<_>) = programs.into_iter().partition(is_named(END_TO_END));
    let (on_etcd, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_named(ON_ETCD));
    let (on_containerd, rest): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|program| program.folder.ends_with(ON_CONTAINERD));
    let mut total = run.stage("unit and conformance", &rest, &[])?;
    total += run.on_containerd(&on_containerd, peers.newer_containerd)?;
    total += run.stage("etcd", &on_etcd, &[])?;
    if let Some(folders) = peers.newer_etcd {
        total += run.with_path(folders)?.stage("newer etcd", &on_etcd, &[])?;
    }
    total += run.documentation()?;
    if !ready.missing.is_empty() {
        step("end to end: not run, see what is missing above");
    } else if !end_to_end.is_empty() {
        images::build(run.workspace)?;
        run.environment.push(("BIREME_TEST_IMAGES", run.workspace.state("images")?.into()));
        let _containerd = run.start_containerd("containerd", None)?;
        total += run.stage("end to end", &end_to_end, &["--test-threads=1"])?;
    }
    Ok(total)
}

/// Builds every test program of the members once.
fn build(workspace: &Workspace, members: &[&str]) -> anyhow::Result<Vec<Program>> {
    let mut cargo = workspace.cargo();
    cargo.arg("test").args(members).args(["--no-run", "--message-format=json-render-diagnostics"]);
    let mut building = Foreground::start(cargo.stdout(Stdio::piped()))?;
    let messages = building.child().stdout.take().context("cargo has no standard output")?;
    let mut programs = Vec::new();
    for line in BufReader::new(messages).lines() {
        programs.extend(program(&serde_json::from_str(&line?).context("a message of cargo's")?));
    }
    let status = building.wait()?;
    process::check_interrupted()?;
    anyhow::ensure!(status.success(), "the tests do not build; the compiler's words are above");
    Ok(programs)
}

/// The test program that a message of cargo's announces.
fn program(message: &Value) -> Option<Program> {
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let manifest = Path::new(message["manifest_path"].as_str().filter(|_| is_test)?);
    Some(Program {
        folder: manifest.parent()?.to_path_buf(),
        target: message["target"]["name"].as_str()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
    })
}

impl Run<'_> {
    /// The same, with other programs before those that are on the PATH.
    fn with_path(&self, folders: [PathBuf; 2]) -> anyhow::Result<Self> {
        let present = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&present)))?;
        let mut run = self.clone();
        run.environment.push(("PATH", path));
        Ok(run)
    }

    /// Starts a containerd for what follows, where one can run; the tests say that it is missing where not.
    fn start_containerd(
        &mut self,
        name: &str,
        programs: Option<&Path>,
    ) -> anyhow::Result<Option<Containerd>> {
        if !setup::is_root() || !setup::containerd::is_installed() {
            return Ok(None);
        }
        let daemon = Containerd::start(self.workspace, name, programs)?;
        self.environment.push((CONTAINERD, daemon.socket().into()));
        Ok(Some(daemon))
    }

    /// The runtime on containerd: with the machine's own programs, and with newer ones where they are there.
    fn on_containerd(&self, programs: &[Program], newer: Option<PathBuf>) -> anyhow::Result<Tally> {
        let mut total = Tally::default();
        if programs.is_empty() {
            return Ok(total);
        }
        let versions = [("containerd", Some(None)), ("newer containerd", newer.map(Some))];
        for (name, folder) in versions.into_iter().filter_map(|(name, folder)| Some((name, folder?))) {
            let mut run = self.clone();
            let daemon = run.start_containerd(&name.replace(' ', "-"), folder.as_deref())?;
            total += run.stage(name, programs, &[])?;
            drop(daemon);
        }
        Ok(total)
    }

    fn stage(&self, name: &str, programs: &[Program], arguments: &[&str]) -> anyhow::Result<Tally> {
        step(format_args!("tests: {name}"));
        let watch = Stopwatch::start();
        let mut total = Tally::default();
        for program in programs {
            let mut command = Command::new(&program.executable);
            command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder).args(arguments);
            let folder = program.folder.strip_prefix(&self.workspace.root).unwrap_or(&program.folder);
            println!("\n{}: {}", folder.display(), program.target);
            total += self.count(&mut command)?;
        }
        step(format_args!("{name}: {total}, {:.1} s", watch.elapsed().as_secs_f64()));
        Ok(total)
    }

    /// The examples in the documentation, which only cargo can run.
    fn documentation(&self) -> anyhow::Result<Tally> {
        step("tests: documentation");
        let watch = Stopwatch::start();
        let mut cargo = self.workspace.cargo();
        cargo.arg("test").args(&self.members).args(["--doc", "--quiet", "--no-fail-fast", "--"]);
        let total = self.count(&mut cargo)?;
        step(format_args!("documentation: {total}, {:.1} s", watch.elapsed().as_secs_f64()));
        Ok(total)
    }

    /// Runs a program that tests, shows what it prints, and counts.
    fn count(&self, command: &mut Command) -> anyhow::Result<Tally> {
        command.args(self.filter).envs(self.environment.iter().cloned()).stdout(Stdio::piped());
        let mut running = Foreground::start(command)?;
        let output = running.child().stdout.take().context("a test program has no standard output")?;
        let mut tally = Tally::default();
        for line in BufReader::new(output).lines() {
            let line = line.context("a test program's output")?;
            tally.read(&line);
            println!("{line}");
        }
        let status = running.wait()?;
        process::check_interrupted()?;
        if !status.success() && tally.failed == 0 {
            println!("the program failed without the result of a test: {status}");
            tally.failed = 1;
            tally.failures.push(process::line(command));
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(workspace: &Workspace) -> Run<'_> {
        Run { workspace, filter: None, members: Vec::new(), environment: vec![(RUN_MARK, "m".into())] }
    }

    fn workspace() -> Workspace {
        Workspace { root: "/".into(), target: "/target".into() }
    }

    #[test]
    fn only_test_programs_are_taken_from_cargos_messages() {
        let message = |reason: &str, test: bool| {
            serde_json::json!({
                "reason": reason, "manifest_path": "/w/core/Cargo.toml", "executable": "/t/core-1",
                "target": {"name": "store"}, "profile": {"test": test},
            })
        };
        let found = program(&message("compiler-artifact", true)).unwrap();
        assert_eq!((found.folder.as_path(), found.target.as_str()), (Path::new("/w/core"), "store"));
        assert!(program(&message("compiler-artifact", false)).is_none());
        assert!(program(&serde_json::json!({"reason": "build-finished", "success": true})).is_none());
    }

    #[test]
    fn a_test_program_that_crashes_counts_as_a_failure() {
        let workspace = workspace();
        let tally = run(&workspace).count(Command::new("sh").args(["-c", "kill -9 $$"])).unwrap();
        assert_eq!((tally.failed, tally.failures), (1, vec!["sh -c kill -9 $$".to_owned()]));
    }

    #[test]
    fn the_results_of_a_program_are_counted_under_the_runs_mark() {
        let workspace = workspace();
        let script =
            "echo \"test result: FAILED. ${#BIREME_TEST_RUN} passed; 2 failed; 0 ignored\"; exit 101";
        let tally = run(&workspace).count(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!((tally.passed, tally.failed), (1, 2));
    }
}
