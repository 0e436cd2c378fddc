//! A server, a kubeconfig, and `kubectl` as a function.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bireme_apiserver::pki::{Pki, kubeconfig, write_private};
use bireme_apiserver::{ApiServer, Config};
use bireme_core::Environment;
use bireme_core::client::{Client as _, Identity, Part, WriteOptions};
use bireme_core::node_access::LocalNodes;
use bireme_core::object::Object;
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::echo::EchoNode;

/// Names the kubectl to test with, where it is not the one on the path.
const VARIABLE: &str = "BIREME_TEST_KUBECTL";

/// Names the oldest kubectl that compatibility is tested with.
const OLDEST_VARIABLE: &str = "BIREME_TEST_OLDEST_KUBECTL";

/// The only node.
const NODE: &str = "n1";

/// No single command takes longer.
const LIMIT: Duration = Duration::from_secs(30);

pub struct Cluster {
    kubectl: PathBuf,
    folder: TempDir,
    stop: CancellationToken,
    kubelet: DirectClient,
}

/// What a command wrote, if it ended well.
pub type Ended = Result<String, String>;

impl Cluster {
    /// A fresh cluster; none where there is no `kubectl` to speak to it.
    pub async fn start() -> Option<Cluster> {
        let Some(kubectl) = find_kubectl() else {
            eprintln!("skipped: there is no kubectl on this machine (set {VARIABLE} to where it is)");
            return None;
        };
        Some(Cluster::of(kubectl).await)
    }

    /// A fresh cluster for the oldest kubectl; none where it has not been fetched.
    pub async fn start_for_oldest() -> Option<Cluster> {
        let Some(kubectl) = std::env::var_os(OLDEST_VARIABLE) else {
            eprintln!("skipped: {OLDEST_VARIABLE} names no kubectl (`cargo xtask test` does)");
            return None;
        };
        Some(Cluster::of(kubectl.into()).await)
    }

    async fn of(kubectl: PathBuf) -> Cluster {
        let (env, folder) = (Environment::system(), tempfile::tempdir().unwrap());
        let store = Arc::new(MemoryStore::new());
        let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let pki = Pki::in_memory(&env, &[]).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let config = kubeconfig("bireme", &url, pki.authority_pem(), pki.admin());
        write_private(&folder.path().join("kubeconfig"), &config).unwrap();
        let nodes = LocalNodes::default();
        nodes.insert(NODE, Arc::new(EchoNode));
        let config = Config { nodes: Arc::new(nodes), ..Config::default() };
        let kubelet = DirectClient::new(registry.clone(), Identity::admin("kubelet"));
        let server = ApiServer::new(registry, config, env.clone());
        let (tls, stop) = (Arc::new(pki.server_config().unwrap()), CancellationToken::new());
        let until = stop.clone();
        drop(env.spawn(async move { server.serve(listener, tls, until).await }));
        Cluster { kubectl, folder, stop, kubelet }
    }

    /// A pod that runs on a node where what is sent comes back.
    pub async fn running_pod(&self, name: &str) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "i", "stdin": true, "ports": [{"containerPort": 7}]}]},
            "status": {"phase": "Running"},
        });
        let pod = Object::from_typed(serde_json::from_value::<Pod>(pod).unwrap()).unwrap();
        self.kubelet.create(&pod, &WriteOptions::default()).await.unwrap();
        self.kubelet.update(&pod, Part::Status, &WriteOptions::default()).await.unwrap();
    }

    /// The path of a file with this content.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, line: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(words(line)).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Nothing of the machine's own settings, and the cache in the test's folder.
        command.env("HOME", self.folder.path()).env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command.envs(variables.iter().copied()).kill_on_drop(true);
        command
    }

    /// Runs a command line, with single quotes around arguments that have spaces.
    pub async fn run(&self, line: &str) -> Ended {
        self.run_with(line, &[], "").await
    }

    /// Runs a command line that must end well; returns what it wrote, and what it told beside that.
    pub async fn run_telling(&self, line: &str) -> (String, String) {
        let output = self.output(line, &[], "").await;
        let (written, told) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "kubectl {line}: {told}");
        (written, told)
    }

    /// As [`run`](Self::run), with variables of its environment and input.
    pub async fn run_with(&self, line: &str, variables: &[(&str, &str)], input: &str) -> Ended {
        let output = self.output(line, variables, input).await;
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stdout) + &text(&output.stderr))
        }
    }

    async fn output(&self, line: &str, variables: &[(&str, &str)], input: &str) -> Output {
        let mut command = self.command(line, variables);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feed = async {
            stdin.write_all(input.as_bytes()).await.unwrap();
            drop(stdin);
        };
        let env = Environment::system();
        let ended = env.timeout(LIMIT, child.wait_with_output());
        futures::join!(feed, ended).1.expect("kubectl ends in time").unwrap()
    }

    /// Runs a command line that must end well, and write something with this in it.
    pub async fn expect(&self, line: &str, wanted: &str) -> String {
        let written = self.run(line).await.unwrap_or_else(|error| panic!("kubectl {line}: {error}"));
        assert!(written.contains(wanted), "kubectl {line}: {wanted:?} is not in {written:?}");
        written
    }

    /// Runs a command line that must fail with this in its message.
    pub async fn refuse(&self, line: &str, wanted: &str) {
        let error = self.run(line).await.expect_err(line);
        assert!(error.contains(wanted), "kubectl {line}: {wanted:?} is not in {error:?}");
    }

    /// The code that a command line ends with.
    pub async fn exit_code(&self, line: &str) -> i32 {
        self.command(line, &[]).output().await.unwrap().status.code().unwrap()
    }

    /// Starts a command whose output is read while it runs.
    pub fn spawn(&self, line: &str) -> Child {
        self.command(line, &[]).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn find_kubectl() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
    named.into_iter().chain(on_path).find(|path| path.is_file())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
