//! Into a pod: exec, attach and port-forward, by a kubectl that speaks WebSocket and one that speaks only SPDY.

use std::time::Duration;

use bireme_core::Environment;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::cluster::Cluster;
use crate::objects::web;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_reaches_into_a_pod() {
    let Some(kubectl) = Cluster::start().await else { return };
    sessions(&kubectl).await;
    ports(&kubectl).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_kubectl_does_too() {
    let Some(kubectl) = Cluster::start_for_oldest().await else { return };
    sessions(&kubectl).await;
    ports(&kubectl).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_kubectl_applies_and_reads() {
    let Some(kubectl) = Cluster::start_for_oldest().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    kubectl.expect(&format!("apply -f {file}"), "deployment.apps/web created").await;
    let file = kubectl.file("web.yaml", &web("web:2"));
    kubectl.expect(&format!("apply -f {file}"), "deployment.apps/web configured").await;
    kubectl.expect("get deploy web -o wide", "web:2").await;
    kubectl.expect("describe deploy web", "web:2").await;
    kubectl.expect(&format!("delete -f {file}"), "deployment.apps \"web\" deleted").await;
}

async fn sessions(kubectl: &Cluster) {
    kubectl.running_pod("pod").await;
    assert_eq!(kubectl.run("exec pod -- 0").await.unwrap(), "out");
    assert_eq!(kubectl.exit_code("exec pod -- 7").await, 7);
    kubectl.refuse("exec pod -- nonsense", "no such command").await;
    // More than any buffer or window on the way holds.
    let input = "line\n".repeat(100_000);
    let echoed = kubectl.run_with("exec -i pod -- 0", &[], &input).await.unwrap();
    assert!(echoed == input, "{} bytes of {} came back", echoed.len(), input.len());
    assert_eq!(kubectl.run("attach pod").await.unwrap(), "out");
    assert_eq!(kubectl.run_with("attach -i pod", &[], "hello\n").await.unwrap(), "hello\n");
}

async fn ports(kubectl: &Cluster) {
    kubectl.running_pod("server").await;
    let mut forwarding = kubectl.spawn("port-forward --address=127.0.0.1 pod/server :7 :8");
    let mut lines = BufReader::new(forwarding.stdout.take().unwrap()).lines();
    let mut local_ports = Vec::new();
    for _ in 0..2 {
        let line = lines.next_line().await.unwrap().unwrap();
        let (from, _) = line.split_once(" -> ").unwrap();
        local_ports.push(from.rsplit_once(':').unwrap().1.parse::<u16>().unwrap());
    }
    let connect = async |port| TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut first = connect(local_ports[0]).await;
    let env = Environment::system();
    let sent = "line\n".repeat(100_000);
    for _ in 0..2 {
        // A second connection beside the first one, which goes on.
        let (mut from, mut to) = tokio::io::split(connect(local_ports[0]).await);
        let send = async {
            to.write_all(sent.as_bytes()).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let mut received = String::new();
        let receive = env.timeout(Duration::from_secs(20), from.read_to_string(&mut received));
        futures::join!(send, receive).1.unwrap().unwrap();
        assert!(received == sent, "{} bytes of {} came back", received.len(), sent.len());
    }
    first.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
    // Nobody is at the other port.
    let mut nothing = Vec::new();
    let read = connect(local_ports[1]).await.read_to_end(&mut nothing).await;
    assert!(read.is_err() || nothing.is_empty());
    forwarding.kill().await.unwrap();
}
