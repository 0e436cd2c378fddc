//! A machine with pods for the tests: network namespaces, joined by bireme's own pod network.

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::network::{AttachRequest, PodNetwork as _};
use bireme_network::{Machine, MachineConfig, NodeConfig, RoutedNetwork};
use nix::sched::{CloneFlags, unshare};

/// The machine's own address.
pub const NODE: Ipv4Addr = Ipv4Addr::new(10, 245, 0, 1);
/// Where every pod listens.
pub const PORT: u16 = 8080;
const LIMIT: Duration = Duration::from_secs(5);

/// Runs `test` in an empty network namespace, with a pod network and with routes for services. Without root it says so
/// and does nothing.
pub fn on_a_machine<F: Future<Output = ()>>(test: impl FnOnce(RoutedNetwork) -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: network namespaces need root");
        return;
    }
    let machine = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { test(prepare().await).await });
    });
    if let Err(panic) = machine.join() {
        std::panic::resume_unwind(panic);
    }
}

async fn prepare() -> RoutedNetwork {
    let machine = Machine::open(MachineConfig::default(), &Environment::system()).unwrap();
    machine.prepare().await.unwrap();
    machine.ensure_address(NODE).await.unwrap();
    let node = NodeConfig { pod_range: "10.244.0.0/24".parse().unwrap(), source: Some(NODE) };
    RoutedNetwork::start(&machine, node).await.unwrap()
}

/// Runs a program with its arguments and returns what it prints.
pub fn run(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

type Job = Box<dyn FnOnce() + Send>;

/// A pod with an address that answers on TCP and UDP port [`PORT`]: with its own address, and with the client's.
pub struct Pod {
    pub address: IpAddr,
    jobs: mpsc::SyncSender<Job>,
}

impl Pod {
    pub async fn start(network: &RoutedNetwork, name: &str) -> Self {
        let (jobs, queue) = mpsc::sync_channel::<Job>(1);
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(nix::unistd::gettid()).unwrap();
            queue.iter().for_each(|job| job());
        });
        let netns = format!("/proc/{}/task/{}/ns/net", std::process::id(), receiver.recv().unwrap()).into();
        let (sandbox, pod) = (name.to_owned(), name.to_owned());
        let request = AttachRequest { sandbox, netns, pod, host_ports: Vec::new() };
        let address = network.attach(&request).await.unwrap();
        let pod = Self { address, jobs };
        pod.run(move || serve(address));
        pod
    }

    /// Runs `job` inside.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.jobs.send(Box::new(move || sender.send(job()).unwrap())).unwrap();
        receiver.recv().unwrap()
    }

    /// What [`ask`] gets from inside.
    pub fn ask(&self, address: impl Into<IpAddr>, port: u16) -> io::Result<Answer> {
        let address = address.into();
        self.run(move || ask(address, port))
    }
}

fn serve(address: IpAddr) {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).unwrap();
    let socket = UdpSocket::bind(("0.0.0.0", PORT)).unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let client = connection.peer_addr().unwrap().ip();
            connection.write_all(format!("{address} {client}").as_bytes()).unwrap();
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 16];
        while let Ok((_, client)) = socket.recv_from(&mut buffer) {
            socket.send_to(format!("{address} {}", client.ip()).as_bytes(), client).unwrap();
        }
    });
}

/// Who answered, and whom it took the client for.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub server: IpAddr,
    pub client: IpAddr,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (server, client) = text.split_once(' ').unwrap();
        Self { server: server.parse().unwrap(), client: client.parse().unwrap() }
    }
}

/// Asks over TCP.
pub fn ask(address: impl Into<IpAddr>, port: u16) -> io::Result<Answer> {
    let mut connection = TcpStream::connect_timeout(&SocketAddr::new(address.into(), port), LIMIT)?;
    connection.set_read_timeout(Some(LIMIT))?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(Answer::parse(&answer))
}

/// Asks over UDP.
pub fn ask_datagram(address: impl Into<IpAddr>, port: u16) -> io::Result<Answer> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.connect(SocketAddr::new(address.into(), port))?;
    socket.send(b"?")?;
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer)?;
    Ok(Answer::parse(std::str::from_utf8(&buffer[..length]).unwrap()))
}

/// Who answers to sixty-four questions: with up to four servers, one of which is passed over once in a hundred million.
pub fn servers(mut ask: impl FnMut() -> io::Result<Answer>) -> BTreeSet<IpAddr> {
    (0..64).map(|_| ask().unwrap().server).collect()
}
