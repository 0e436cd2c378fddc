//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bireme::apiserver::Limits;
use bireme::core::network::Cidr;
use bireme::kubelet::Thresholds;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Kubernetes-compatible orchestrator.
#[derive(Debug, Parser)]
#[command(name = "bireme", version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What to log: a level, or targets with levels such as `info,bireme_kubelet=debug`.
    #[arg(long, global = true, env = "BIREME_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: the control plane and several nodes on this machine.
    Cluster(ClusterOptions),
    /// Run the control plane alone; nodes join as agents.
    Server(ServerOptions),
    /// Run a node that joins a server.
    Agent(AgentOptions),
    /// Print the kubeconfig that a node's agent joins with; run it where the server keeps its data.
    NodeKubeconfig(NodeKubeconfigOptions),
    /// Ask the scheduler why, and what if.
    #[command(subcommand)]
    Scheduler(SchedulerCommand),
    /// Look after a store that nobody has open.
    #[command(subcommand)]
    Store(StoreCommand),
}

/// What runs the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// The Docker Engine of this machine.
    Docker,
    /// A containerd of this machine.
    Containerd,
    /// Nothing: containers are only remembered.
    Sim,
}

/// What keeps the cluster's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StorageKind {
    /// Nothing: they are forgotten at the end.
    Memory,
    /// A store in the data folder.
    Sled,
    /// An etcd cluster, which several servers may share.
    Etcd,
}

/// Where the cluster's objects are kept. The options of etcd are named as those of kube-apiserver.
#[derive(Debug, Args)]
pub(crate) struct StorageOptions {
    /// What keeps the cluster's objects.
    #[arg(long, value_enum, default_value_t = StorageKind::Sled)]
    pub(crate) store: StorageKind,

    /// The client URLs of the etcd cluster's members.
    #[arg(long, value_name = "URL,...", value_delimiter = ',')]
    pub(crate) etcd_servers: Vec<String>,

    /// The certificates of the authorities that etcd's certificates are signed by, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) etcd_cafile: Option<PathBuf>,

    /// The certificate that etcd knows this server by, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["etcd_cafile", "etcd_keyfile"])]
    pub(crate) etcd_certfile: Option<PathBuf>,

    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "etcd_certfile")]
    pub(crate) etcd_keyfile: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// The folder of the cluster's state, certificates and kubeconfig.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    #[command(flatten)]
    pub(crate) storage: StorageOptions,

    /// Where the API listens; port 0 is any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    pub(crate) listen: Vec<SocketAddr>,

    /// The address of the API that pods are told.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) advertise: Option<SocketAddr>,

    /// Seconds without a sign of life after which a node counts as lost.
    #[arg(long, value_name = "SECONDS", default_value_t = 40)]
    pub(crate) node_grace: u64,

    /// Pods that have ended and are kept; the oldest above that are deleted. 0 keeps them all.
    #[arg(long, value_name = "COUNT", default_value_t = bireme::controllers::terminated::DEFAULT_THRESHOLD)]
    pub(crate) terminated_pod_gc_threshold: usize,

    /// Lets clients in by the bearer tokens of a file: lines of `token,user,uid` and optionally
    /// `,"group1,group2"`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_auth_file: Option<PathBuf>,

    /// How many requests that read may be in flight at once; more are told to come back.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().requests_in_flight)]
    pub(crate) max_requests_inflight: usize,

    /// How many requests that write may be in flight at once; more are told to come back.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().mutating_requests_in_flight)]
    pub(crate) max_mutating_requests_inflight: usize,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct MachineOptions {
    /// What runs the containers.
    #[arg(long, value_enum, default_value_t = Runtime::Docker)]
    pub(crate) runtime: Runtime,

    /// The socket of the Docker Engine.
    #[arg(long, value_name = "PATH", default_value = bireme::runtime_docker::DEFAULT_SOCKET)]
    pub(crate) docker_socket: PathBuf,

    /// The socket of containerd.
    #[arg(long, value_name = "PATH", default_value = "/run/containerd/containerd.sock")]
    pub(crate) containerd_socket: PathBuf,

    /// Tells this cluster's links and rules from others' on the machine.
    #[arg(long, default_value = "bireme")]
    pub(crate) name: String,

    /// The addresses of all pods; each node gets a /24 of it.
    #[arg(long, value_name = "CIDR", default_value = "10.244.0.0/16")]
    pub(crate) pod_range: Cidr,

    /// The addresses of Services.
    #[arg(long, value_name = "CIDR", default_value = "10.96.0.0/16")]
    pub(crate) service_range: Cidr,

    /// The addresses of this machine's nodes.
    #[arg(long, value_name = "CIDR", default_value = "10.245.0.0/24")]
    pub(crate) node_range: Cidr,

    /// An image to have from the start, from an uncompressed tar archive of its root file system.
    #[arg(long, value_name = "NAME=LAYER.tar")]
    pub(crate) import: Vec<String>,

    /// Seconds between a node's signs of life; the server's patience (`--node-grace`) should be a few of them.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) heartbeat: u64,

    /// How little a node may have left before it gets no more pods: memory.available, nodefs.available,
    /// nodefs.inodesFree, pid.available; what is not named is 100Mi, 1Gi, 10k, 1k.
    #[arg(long, value_name = "SIGNAL<VALUE,...", default_value = "")]
    pub(crate) eviction_hard: Thresholds,

    /// Leave containers and network in place at the end, to be found again by the next start.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,

    #[command(flatten)]
    pub(crate) machine: MachineOptions,

    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u32,
}

#[derive(Debug, Args)]
pub(crate) struct AgentOptions {
    /// The credentials of the node; see `bireme node-kubeconfig`.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: PathBuf,

    /// The node's name.
    #[arg(long)]
    pub(crate) node: String,

    /// The node's number on this machine, from which its address and its pods' range follow.
    #[arg(long, default_value_t = 0)]
    pub(crate) index: u32,

    /// The folder of its pods' files.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// The address at which the server reaches this node for logs and exec, in place of the one that follows
    /// from its number.
    #[arg(long, value_name = "IP")]
    pub(crate) node_ip: Option<IpAddr>,

    /// The port there; 0 is any free one.
    #[arg(long, default_value_t = 10250)]
    pub(crate) port: u16,

    #[command(flatten)]
    pub(crate) machine: MachineOptions,
}

#[derive(Debug, Args)]
pub(crate) struct NodeKubeconfigOptions {
    /// The node's name.
    pub(crate) node: String,

    /// The server's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// In what form something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchedulerCommand {
    /// Show for every node what each filter and score says of it for a pod.
    Why(WhyOptions),
    /// Place pods on a recorded cluster, without touching any.
    Simulate {
        /// What `kubectl get nodes,pods,namespaces --all-namespaces --output json` has printed.
        #[arg(long, value_name = "FILE")]
        snapshot: PathBuf,
        /// The pods to place, in YAML or JSON; those of the recording that wait unless given.
        #[arg(long, value_name = "FILE")]
        pods: Option<PathBuf>,
        /// A KubeSchedulerConfiguration whose first profile is used.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Another one, to see what it would do differently.
        #[arg(long, value_name = "FILE")]
        compare: Option<PathBuf>,
        /// The form of the output.
        #[arg(long, short, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WhyOptions {
    /// The pod's name.
    pub(crate) pod: String,

    /// Its namespace.
    #[arg(long, short, default_value = "default")]
    pub(crate) namespace: String,

    /// The cluster that it is in.
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// In place of a cluster, what `kubectl get nodes,pods,namespaces --all-namespaces --output json` has printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot: Option<PathBuf>,

    /// A KubeSchedulerConfiguration with the pod's scheduler's profile.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read everything and say whether it is whole.
    Verify {
        /// The folder of the cluster's state.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Write all keys that can be read into a file.
    Export {
        /// The folder of the cluster's state.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The file; must not exist.
        file: PathBuf,
        /// Save what is still whole of a store that is damaged.
        #[arg(long)]
        salvage: bool,
    },
    /// Make a store of an export.
    Import {
        /// The folder of the cluster's state; must not hold a store yet.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The file.
        file: PathBuf,
    },
}
