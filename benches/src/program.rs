//! The program under test, as a process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bireme_core::Environment;

/// Where `cargo xtask bench` says that the program is.
const BINARY: &str = "BIREME_BINARY";
/// The kernel counts CPU time in these, on every architecture that Linux runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// After so long without what is waited for, something is wrong.
const PATIENCE: Duration = Duration::from_secs(600);

/// Nodes whose containers are only remembered.
pub(crate) const SIMULATED: [&str; 2] = ["--runtime", "sim"];

/// A cluster in a process of its own.
pub(crate) struct Program {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) credentials: PathBuf,
    env: Environment,
}

impl Program {
    /// Starts it with three simulated nodes; returns when it says that its API answers.
    pub(crate) async fn start(folder: &Path, env: &Environment) -> anyhow::Result<Program> {
        Program::start_with(folder, 3, &SIMULATED, env).await
    }

    /// Starts it with so many nodes and further arguments.
    pub(crate) async fn start_with(
        folder: &Path,
        nodes: u32,
        arguments: &[&str],
        env: &Environment,
    ) -> anyhow::Result<Program> {
        let binary =
            std::env::var_os(BINARY).with_context(|| format!("{BINARY} does not name the program"))?;
        let mut process = Command::new(binary)
            .args(["cluster", "--listen", "127.0.0.1:0"])
            .args(["--nodes", &nodes.to_string(), "--data"])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the program")?;
        let output = process.stdout.take().context("the program has no output")?;
        let (address, kubeconfig) = banner(output).await?;
        let credentials = kubeconfig.parent().context("the kubeconfig is in no folder")?.to_owned();
        Ok(Program { process, address, credentials, env: env.clone() })
    }

    /// What it has in memory.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// The most that it has had in memory.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM:")
    }

    /// Lets the peak begin anew.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").context("resetting the peak")
    }

    fn status_bytes(&self, field: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .with_context(|| format!("no {field}"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// The CPU time it has used.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The program's name is in parentheses and may contain anything.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
    }

    /// Waits until it has nothing to do, so that what is measured next is not what came before.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let mut before = self.cpu_seconds()?;
        for _ in 0..240 {
            self.env.sleep(Duration::from_millis(500)).await;
            let now = self.cpu_seconds()?;
            if now - before <= 0.02 {
                return Ok(());
            }
            before = now;
        }
        bail!("the program does not come to rest")
    }

    /// Ends it politely, and lets it put away what it has taken in.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("kill")?;
        for _ in 0..6000 {
            if let Some(status) = self.process.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the program ended with {status}");
            }
            self.env.sleep(Duration::from_millis(10)).await;
        }
        bail!("the program does not end")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait()
            && let Err(error) = self.process.kill().and_then(|()| self.process.wait())
        {
            eprintln!("the program was left running: {error}");
        }
    }
}

/// Looks again and again, until it is so; what is measured by it is no more exact than the `glance`.
pub(crate) async fn until(
    env: &Environment,
    glance: Duration,
    what: &str,
    mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begin = env.instant();
    while !is_so().await? {
        if env.instant().since(begin) > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        env.sleep(glance).await;
    }
    Ok(())
}

/// What the program says about itself. The rest of its output is read and dropped, so that it never waits.
async fn banner(output: ChildStdout) -> anyhow::Result<(SocketAddr, PathBuf)> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        if sender.send(read_banner(&mut lines)).is_ok() {
            lines.for_each(drop);
        }
    });
    receiver.await.context("nobody reads the program's output")?
}

fn read_banner(lines: &mut impl Iterator<Item = String>) -> anyhow::Result<(SocketAddr, PathBuf)> {
    let mut address = None;
    for line in lines {
        if let Some((_, rest)) = line.split_once("https://") {
            let end = rest.find(',').unwrap_or(rest.len());
            address = Some(rest[..end].parse().with_context(|| line.clone())?);
        }
        if let Some(kubeconfig) = line.strip_prefix("export KUBECONFIG=") {
            return Ok((address.context("no URL")?, kubeconfig.into()));
        }
    }
    bail!("the program ended before its API answered")
}
