//! The cluster that most tests share, a namespace each, and clusters of a test's own.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::docker::Container;
use super::guardian::Guardian;
use super::kubectl::Kubectl;
use super::machine::{Machine, for_containers};
use super::process::Bireme;
use super::ranges::Ranges;
use super::time;

/// What bireme prints before the path of its kubeconfig.
pub const KUBECONFIG_LINE: &str = "export KUBECONFIG=";

/// A running cluster with its own folder.
pub struct Cluster {
    bireme: Option<Bireme>,
    options: String,
    folder: TempDir,
    address: String,
    kubectl: Kubectl,
}

impl Cluster {
    /// Starts `bireme cluster <options>` with a new data folder.
    pub fn start(program: &std::path::Path, options: &str) -> Cluster {
        let folder = tempfile::Builder::new().prefix("bireme-e2e-").tempdir().expect("a folder can be made");
        let (bireme, kubeconfig) = listening(options, "127.0.0.1:0", &folder);
        let kubectl = Kubectl::new(program, &PathBuf::from(kubeconfig), &folder.path().join("cache"));
        let server = kubectl.run("config view --output=jsonpath='{.clusters[0].cluster.server}'");
        let address = server.strip_prefix("https://").expect("the API is served over HTTPS").to_owned();
        Cluster { bireme: Some(bireme), options: options.to_owned(), folder, address, kubectl }
    }

    /// A kubectl with the administrator's kubeconfig.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Where the API listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The cluster's own folder under `--data`.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path in the test's folder, beside the data.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The label that all containers of the cluster have.
    pub fn label(&self) -> String {
        let id = std::fs::read_to_string(self.data().join("cluster-id")).expect("the cluster has an id");
        format!("bireme.dev/cluster={}", id.trim())
    }

    /// All containers of the cluster.
    pub fn containers(&self, machine: &Machine) -> Vec<Container> {
        machine.docker.containers(&self.label())
    }

    /// Kills the process without a warning.
    pub fn kill(&mut self) {
        self.bireme.as_mut().expect("the cluster runs").kill();
    }

    /// Ends the process politely; whether it ended well.
    pub fn end(&mut self) -> bool {
        self.bireme.take().is_some_and(|mut bireme| bireme.end().success())
    }

    /// Starts it again on the same data and the same address.
    pub fn start_again(&mut self) {
        drop(self.bireme.take());
        self.bireme = Some(listening(&self.options, &self.address, &self.folder).0);
    }

    /// Starts it again with other options.
    pub fn start_again_with(&mut self, options: &str) {
        options.clone_into(&mut self.options);
        self.start_again();
    }

    fn is_running(&mut self) -> bool {
        self.bireme.as_mut().is_some_and(Bireme::is_running)
    }
}

fn listening(options: &str, address: &str, folder: &TempDir) -> (Bireme, String) {
    let data = folder.path().join("data");
    let line = format!("cluster --data={} --listen={address} {options}", data.display());
    Bireme::start(&line, &folder.path().join("log"), KUBECONFIG_LINE)
}

/// The shared cluster; whoever holds the lock has it alone.
static SHARED: Mutex<Option<Cluster>> = Mutex::new(None);
/// Ends the shared cluster, which no destructor does.
static GUARDIAN: OnceLock<Mutex<Guardian>> = OnceLock::new();

/// A namespace of the shared cluster, and the cluster alone for as long as the test runs. Dropping it deletes
/// the namespace.
pub struct Namespace {
    cluster: MutexGuard<'static, Option<Cluster>>,
    kubectl: Kubectl,
    pub machine: &'static Machine,
    pub name: String,
}

/// A namespace of the shared cluster, which is started if it does not run. `None` on a machine that cannot
/// run containers.
pub fn namespace(name: &str) -> Option<Namespace> {
    let machine = for_containers()?;
    let mut cluster = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if cluster.as_mut().is_none_or(|cluster| !cluster.is_running()) {
        *cluster = None;
        *cluster = Some(start(machine));
    }
    let kubectl = cluster.as_ref().expect("it was started").kubectl.in_namespace(name);
    let namespace = Namespace { cluster, kubectl, machine, name: name.to_owned() };
    namespace.run(&format!("create namespace {name}"));
    Some(namespace)
}

fn start(machine: &Machine) -> Cluster {
    let images: Vec<_> = machine.images.iter().map(|image| format!("--import={image}")).collect();
    let options = format!("--nodes=3 --runtime=docker {} {}", Ranges::SHARED, images.join(" "));
    let cluster = Cluster::start(&machine.kubectl, &options);
    watch(&cluster);
    cluster.kubectl.run("wait --for=condition=Ready node --all --timeout=30s");
    let holding = "jsonpath='{.items[*].status.conditions[?(@.status==\"True\")].type}'";
    let conditions = cluster.kubectl.run(&format!("get nodes --output={holding}"));
    assert_eq!(conditions, "Ready Ready Ready", "this machine is short of something that pods need");
    cluster
}

fn watch(cluster: &Cluster) {
    let guardian = GUARDIAN.get_or_init(|| Mutex::new(Guardian::start()));
    let id = cluster.bireme.as_ref().expect("it was started").id();
    guardian.lock().unwrap_or_else(PoisonError::into_inner).watch(id, cluster.folder.path());
}

impl Namespace {
    pub fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("a namespace is made in a running cluster")
    }

    /// Kills bireme without a warning.
    pub fn kill_bireme(&mut self) {
        self.cluster.as_mut().expect("a namespace is made in a running cluster").kill();
    }

    /// Starts bireme again on the same data and the same address.
    pub fn start_bireme_again(&mut self) {
        self.cluster.as_mut().expect("a namespace is made in a running cluster").start_again();
        watch(self.cluster());
    }

    /// Waits until the pods that earlier tests have deleted are gone.
    pub fn wait_until_alone(&self) {
        time::eventually(Duration::from_secs(60), "the pods of earlier tests are gone", || {
            let others = format!("--field-selector=metadata.namespace!={}", self.name);
            self.run(&format!("get pods --all-namespaces --output=name {others}")).is_empty().then_some(())
        });
    }

    /// The id that the engine knows a pod's container by.
    pub fn container_id(&self, pod: &str) -> String {
        let id = self.field(&format!("pod/{pod}"), ".status.containerStatuses[0].containerID");
        id.strip_prefix("docker://").expect("the container is the engine's").to_owned()
    }
}

impl Deref for Namespace {
    type Target = Kubectl;

    fn deref(&self) -> &Kubectl {
        &self.kubectl
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if thread::panicking() {
            self.kubectl.show();
            if let Some(bireme) = self.cluster.as_ref().and_then(|cluster| cluster.bireme.as_ref()) {
                eprintln!("{}", bireme.last_words());
            }
        }
        // A test that fails says so by itself, and the next one has another namespace.
        drop(self.kubectl.output(&format!("delete namespace {} --wait=false --ignore-not-found", self.name)));
    }
}
