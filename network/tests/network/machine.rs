//! Machines and pods for the tests: network namespaces, each with a thread of its own inside.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::network::{AttachRequest, PodNetwork};
use bireme_network::{Machine, MachineConfig, NodeConfig, RoutedNetwork};
use nix::sched::{CloneFlags, unshare};

/// Runs `test` in an empty network namespace, as on a machine of its own. The test's tasks all run on one thread
/// there, so that its programs and threads start there too. Without root it says so and does nothing.
pub fn on_a_machine<F: Future<Output = ()>>(test: impl FnOnce(Machine) -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: network namespaces need root");
        return;
    }
    let machine = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { test(open()).await });
    });
    if let Err(panic) = machine.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The machine as a newly started process finds it.
pub fn open() -> Machine {
    Machine::open(MachineConfig::default(), &Environment::system()).unwrap()
}

/// The network of a node with pods in `range`, whose own address is `address`.
pub async fn node(machine: &Machine, range: &str, address: [u8; 4]) -> RoutedNetwork {
    machine.ensure_address(address.into()).await.unwrap();
    let node = NodeConfig { pod_range: range.parse().unwrap(), source: Some(address.into()) };
    RoutedNetwork::start(machine, node).await.unwrap()
}

/// Runs a program with its arguments and returns what it prints.
pub fn run(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

type Job = Box<dyn FnOnce() + Send>;

/// An empty network namespace, gone when dropped unless something else holds it.
pub struct Pod {
    pub netns: PathBuf,
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Pod {
    pub fn new() -> Self {
        let (jobs, queue) = mpsc::sync_channel::<Job>(1);
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(nix::unistd::gettid()).unwrap();
            queue.iter().for_each(|job| job());
        });
        let netns = format!("/proc/{}/task/{}/ns/net", std::process::id(), receiver.recv().unwrap()).into();
        Self { netns, jobs: Some(jobs), thread: Some(thread) }
    }

    /// Runs `job` inside.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::sync_channel(1);
        let job: Job = Box::new(move || sender.send(job()).unwrap());
        self.jobs.as_ref().unwrap().send(job).unwrap();
        receiver.recv().unwrap()
    }

    pub fn request(&self, sandbox: &str) -> AttachRequest {
        AttachRequest {
            sandbox: sandbox.to_owned(),
            netns: self.netns.clone(),
            pod: "default/web".to_owned(),
            host_ports: Vec::new(),
        }
    }

    pub async fn attach(&self, network: &impl PodNetwork, sandbox: &str) -> IpAddr {
        network.attach(&self.request(sandbox)).await.unwrap()
    }

    /// Answers every connection with the address that it comes from, as seen here.
    pub fn serve(&self) -> u16 {
        let listener = self.run(|| TcpListener::bind("0.0.0.0:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let from = connection.peer_addr().unwrap().ip().to_string();
                connection.write_all(from.as_bytes()).unwrap();
            }
        });
        port
    }

    /// What [`ask`] gets from inside.
    pub fn ask(&self, address: IpAddr, port: u16) -> std::io::Result<IpAddr> {
        self.run(move || ask(address, port))
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic in a job has failed the test where the job was asked for.
            drop(thread.join());
        }
    }
}

/// Asks the server there where this connection comes from.
pub fn ask(address: IpAddr, port: u16) -> std::io::Result<IpAddr> {
    let limit = Duration::from_secs(5);
    let mut connection = TcpStream::connect_timeout(&SocketAddr::new(address, port), limit)?;
    connection.set_read_timeout(Some(limit))?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.parse().unwrap())
}

/// Looks until `found`; for what the kernel does some time later and tells nobody.
pub async fn wait_until(what: &str, mut found: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if found() {
            return;
        }
        Environment::system().sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not come about within ten seconds");
}
