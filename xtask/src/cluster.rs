//! `cargo xtask cluster`: a cluster with the example application, up until Ctrl-C.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::console::{note, step};
use crate::images::{self, Image};
use crate::options::{ClusterOptions, Runtime};
use crate::process::{self, Foreground};
use crate::workspace::Workspace;
use crate::{deadline, http, setup};

/// How the line begins with which the cluster says that its API answers, and how to reach it.
const KUBECONFIG_LINE: &str = "export KUBECONFIG=";
/// The Deployments of the example application.
const DEPLOYMENTS: [&str; 3] = ["deployment/shop-api", "deployment/shop-web", "deployment/shop-worker"];
/// The node port on which the application answers, as in `examples/shop/web.yaml`.
const NODE_PORT: u16 = 30080;
/// How long the application's pods may take to become available.
const ROLLOUT_LIMIT: &str = "--timeout=5m";
/// How long the application may take to answer once its pods are available.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Sets up, builds, starts, deploys, waits until the application answers, and stays.
pub fn command(workspace: &Workspace, options: &ClusterOptions) -> anyhow::Result<ExitCode> {
    let mut ready = match options.runtime {
        Runtime::Docker => setup::for_containers(workspace),
        Runtime::Containerd => setup::for_containerd(workspace),
        Runtime::Sim => setup::for_simulation(workspace),
    };
    ready.complete()?;
    let kubectl = ready.kubectl.clone().context("no kubectl")?;
    let bireme = build(workspace, options)?;
    let images = match options.runtime {
        Runtime::Docker | Runtime::Containerd => images::build(workspace)?,
        Runtime::Sim => Vec::new(),
    };
    let data = match &options.data {
        Some(folder) => std::path::absolute(folder).context("--data")?,
        None => workspace.state("cluster")?,
    };
    step(format_args!("starting {} nodes ({})", options.nodes, options.runtime.name()));
    let mut start = bireme_command(&bireme, options, &data, &images);
    if let Some(containerd) = &ready.containerd {
        start.arg("--containerd-socket").arg(containerd.socket());
    }
    let mut cluster = Cluster::start(start, kubectl)?;
    cluster.deploy(&workspace.root.join("examples/shop"))?;
    cluster.announce(options.runtime)?;
    let status = cluster.process.wait()?;
    if options.keep {
        ready.keep_engine_running();
    }
    Ok(ExitCode::from(process::exit_code(status)))
}

fn build(workspace: &Workspace, options: &ClusterOptions) -> anyhow::Result<PathBuf> {
    let (profile, folder) = if options.dev { ("dev", "debug") } else { ("release", "release") };
    step(format_args!("building bireme ({profile})"));
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", profile, "--package", "bireme-cli", "--bin", "bireme"]);
    if options.runtime == Runtime::Containerd {
        cargo.args(["--features", "containerd"]);
    }
    process::run(&mut cargo)?;
    Ok(workspace.target.join(folder).join("bireme"))
}

/// The one place that knows how the bireme program is called.
fn bireme_command(bireme: &Path, options: &ClusterOptions, data: &Path, images: &[Image]) -> Command {
    let mut command = Command::new(bireme);
    command
        .arg("cluster")
        .args(["--nodes", &options.nodes.to_string()])
        .args(["--runtime", options.runtime.name()])
        .arg("--data")
        .arg(data);
    for image in images {
        command.arg("--import").arg(format!("{}={}", image.name, image.layer.display()));
    }
    if options.keep {
        command.arg("--keep");
    }
    command
}

/// A running cluster and the kubectl that drives it.
struct Cluster {
    process: Foreground,
    kubectl: PathBuf,
    kubeconfig: String,
}

impl Cluster {
    /// Starts bireme and waits until it says how its API is reached.
    fn start(mut command: Command, kubectl: PathBuf) -> anyhow::Result<Cluster> {
        let mut process = Foreground::start(command.stdout(Stdio::piped()))?;
        let output = process.child().stdout.take().context("bireme has no standard output")?;
        match listen(output).recv() {
            Ok(kubeconfig) => Ok(Cluster { process, kubectl, kubeconfig }),
            Err(mpsc::RecvError) => {
                let status = process.wait()?;
                process::check_interrupted()?;
                bail!("bireme ended before its API answered ({status}); its own words are above")
            }
        }
    }

    fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Applies the manifests and waits until every pod they ask for is available.
    fn deploy(&self, manifests: &Path) -> anyhow::Result<()> {
        step("deploying the example application");
        process::run(self.kubectl().arg("apply").arg("-f").arg(manifests).stdout(std::io::stderr()))?;
        for deployment in DEPLOYMENTS {
            process::run(
                self.kubectl()
                    .args(["rollout", "status", deployment, ROLLOUT_LIMIT])
                    .stdout(std::io::stderr()),
            )?;
        }
        Ok(())
    }

    /// Prints what a person needs; the last line is `ready`.
    fn announce(&mut self, runtime: Runtime) -> anyhow::Result<()> {
        let url = match runtime {
            Runtime::Docker | Runtime::Containerd => Some(self.wait_for_answer()?),
            Runtime::Sim => None,
        };
        if process::find("kubectl").is_none() {
            note(format_args!("kubectl is {}", self.kubectl.display()));
        }
        println!("{KUBECONFIG_LINE}{}", self.kubeconfig);
        if let Some(url) = url {
            println!("{url}");
        }
        println!("ready");
        Ok(())
    }

    /// The application's URL, once it answers there.
    fn wait_for_answer(&mut self) -> anyhow::Result<String> {
        let path = r#"jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}"#;
        let node = process::output(self.kubectl().args(["get", "nodes", "--output", path]))?;
        let mut last = None;
        let answered = deadline::wait_for(ANSWER_LIMIT, || {
            process::check_interrupted()?;
            if let Some(status) = self.process.ended()? {
                bail!("bireme ended ({status}) before the application answered");
            }
            let answer = http::get(&node, NODE_PORT, "/");
            let good = matches!(&answer, Ok(answer) if answer.status == 200);
            last = Some(answer);
            Ok(good.then_some(()))
        })?;
        let url = format!("http://{node}:{NODE_PORT}/");
        match (answered, last) {
            (Some(()), _) => Ok(url),
            (None, Some(Err(error))) => Err(error.context(format!("{url} does not answer"))),
            (None, Some(Ok(answer))) => bail!("{url} answers {}: {}", answer.status, answer.body.trim()),
            (None, None) => bail!("{url} was not asked"),
        }
    }
}

/// Passes on what bireme prints, and sends the path of its kubeconfig when it comes. The channel closes when
/// bireme ends without having said it.
fn listen(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            eprintln!("{line}");
            // Only the first such line counts, and nobody waits for it any more if starting has failed.
            if let Some(path) = line.trim().strip_prefix(KUBECONFIG_LINE)
                && let Some(Err(gone)) = sender.take().map(|sender| sender.send(path.to_owned()))
            {
                note(format_args!("nobody waits for {}", gone.0));
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_kubeconfig_is_taken_from_what_bireme_prints() {
        let script = "echo starting; echo '  export KUBECONFIG=/data/kubeconfig'; exec sleep 600";
        let cluster = Cluster::start(shell(script), "kubectl".into()).unwrap();
        assert_eq!(cluster.kubeconfig, "/data/kubeconfig");
    }

    #[test]
    fn a_cluster_that_ends_at_once_is_an_error_with_its_exit_code() {
        let error = Cluster::start(shell("exit 7"), "kubectl".into()).err().unwrap();
        assert!(error.to_string().contains('7'), "{error}");
    }

    #[test]
    fn every_option_reaches_bireme() {
        let options = ClusterOptions { keep: true, ..ClusterOptions::default() };
        let images = [Image { name: "a:1", layer: "/a.tar".into() }];
        let command = bireme_command(Path::new("bireme"), &options, Path::new("/data"), &images);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(
            words.join(" "),
            "cluster --nodes 3 --runtime docker --data /data --import a:1=/a.tar --keep"
        );
    }
}
