//! A node of another process: its API on a socket, and the API server's way to it.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bireme_apiserver::node::{NodeServer, RemoteNodes};
use bireme_apiserver::pki::{Credential, NodeCredential, Pki, kubeconfig};
use bireme_core::Environment;
use bireme_core::client::{Client, Identity, Part, WriteOptions};
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ByteStream, ContainerRef, LocalNodes, NodeAccess, Nodes, PodRef};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::runtime::{ExecSession, ExecSpec, LogOptions, LogStream, Output, Stdio, TerminalSize};
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::echo::EchoNode;
use crate::tls;

/// A node that serves its API, and an API server's view of it.
struct Remote {
    pki: Pki,
    nodes: RemoteNodes,
    client: Arc<dyn Client>,
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Remote {
    /// The node `n1`, with the certificate of the node `certified`.
    async fn new(access: impl NodeAccess, certified: &str) -> Remote {
        let (env, pki) = (Environment::system(), Pki::in_memory(&Environment::system(), &[]).unwrap());
        let registry = Registry::open(Arc::new(MemoryStore::new()), env.clone(), RegistryOptions::default());
        let registry = registry.await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let client: Arc<dyn Client> =
            Arc::new(DirectClient::new(registry, Identity::component("kube-apiserver")));
        let tls = Arc::new(pki.node_client_config().unwrap());
        let nodes = RemoteNodes::new(LocalNodes::default(), client.clone(), tls, env.clone());

        let joined =
            kubeconfig("x", "https://127.0.0.1:1", pki.authority_pem(), &pki.node(certified).unwrap());
        let tls = NodeCredential::from_kubeconfig(&joined).unwrap().server_config().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let (server, until) = (NodeServer::new(Arc::new(access), env.clone()), stop.clone());
        let ended = env.spawn(async move { server.serve(listener, Arc::new(tls), until).await });
        let remote = Remote { pki, nodes, client, address, stop, ended };
        remote.register("n1", Some(address)).await;
        remote
    }

    /// A Node that says that its API is there.
    async fn register(&self, name: &str, address: Option<SocketAddr>) {
        let mut node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        let object = |node: &serde_json::Value| {
            let node: Node = serde_json::from_value(node.clone()).unwrap();
            Object::from_typed(node).unwrap()
        };
        self.client.create(&object(&node), &WriteOptions::default()).await.unwrap();
        let Some(address) = address else { return };
        node["status"] = json!({
            "addresses": [{"type": "InternalIP", "address": address.ip().to_string()}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": address.port()}},
        });
        self.client.update(&object(&node), Part::Status, &WriteOptions::default()).await.unwrap();
    }

    async fn node(&self) -> Arc<dyn NodeAccess> {
        self.nodes.access("n1").await.unwrap()
    }

    /// Why the log of a container of a node cannot be read.
    async fn refused(&self, node: &str) -> (Reason, String) {
        let error = match self.nodes.access(node).await {
            Ok(access) => access.logs(&main(), false, &LogOptions::default()).await.err().unwrap(),
            Err(error) => error,
        };
        (error.reason(), error.message().to_owned())
    }

    /// The code of the answer to somebody who asks the node without the API server; none when it breaks off.
    async fn asked_by(&self, credential: Option<&Credential>) -> Option<u16> {
        let stream = tls::connect(&self.pki, self.address, "n1", credential, &["http/1.1"]).await;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        drop(Environment::system().spawn(connection));
        let request = Request::get("/containerLogs/default/web/main?uid=u").body(Empty::<Bytes>::new());
        Some(sender.send_request(request.unwrap()).await.ok()?.status().as_u16())
    }
}

fn main() -> ContainerRef {
    let pod = PodRef { key: ObjectKey::namespaced("default", "web"), uid: "u".to_owned() };
    ContainerRef { pod, container: "main".to_owned() }
}

async fn text(log: LogStream) -> Vec<String> {
    let line = |output| match output {
        Output::Stdout(bytes) | Output::Stderr(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
    };
    log.map_ok(|chunk| format!("{} {}", chunk.time, line(chunk.output))).try_collect().await.unwrap()
}

#[tokio::test]
async fn a_log_is_what_the_node_has() {
    let remote = Remote::new(EchoNode, "n1").await;
    let node = remote.node().await;
    let all = node.logs(&main(), false, &LogOptions::default()).await.unwrap();
    let expected = [
        "1970-01-01T00:00:01Z one\n",
        "1970-01-01T00:00:02Z tw",
        "1970-01-01T00:00:02Z o\n",
        "1970-01-01T00:00:03Z three\n",
    ];
    assert_eq!(text(all).await, expected);
    let last = LogOptions { tail: Some(1), ..LogOptions::default() };
    assert_eq!(text(node.logs(&main(), false, &last).await.unwrap()).await, expected[3..]);
    let error = node.logs(&main(), true, &LogOptions::default()).await.err().unwrap();
    let expected = "previous terminated container \"main\" not found";
    assert_eq!((error.reason(), error.message()), (Reason::BadRequest, expected));
}

/// A node whose log never ends, and that notes when it is not read any more.
struct EndlessNode(CancellationToken);

#[async_trait]
impl NodeAccess for EndlessNode {
    async fn logs(&self, at: &ContainerRef, _: bool, options: &LogOptions) -> Result<LogStream, ApiError> {
        let reader = self.0.clone().drop_guard();
        let log = EchoNode.logs(at, false, options).await?;
        Ok(log
            .chain(stream::poll_fn(move |_| {
                let _held = &reader;
                std::task::Poll::Pending
            }))
            .boxed())
    }

    async fn exec(&self, _: &ContainerRef, _: &ExecSpec) -> Result<ExecSession, ApiError> {
        Err(ApiError::bad_request("nothing runs here"))
    }

    async fn attach(&self, _: &ContainerRef, _: Stdio) -> Result<ExecSession, ApiError> {
        Err(ApiError::bad_request("nothing runs here"))
    }

    async fn port_forward(&self, _: &PodRef, _: u16) -> Result<Box<dyn ByteStream>, ApiError> {
        Err(ApiError::bad_request("nothing runs here"))
    }
}

#[tokio::test]
async fn a_log_that_is_followed_comes_at_once_and_is_let_go_of_with_its_reader() {
    let unread = CancellationToken::new();
    let remote = Remote::new(EndlessNode(unread.clone()), "n1").await;
    let follow = LogOptions { follow: true, ..LogOptions::default() };
    let mut log = remote.node().await.logs(&main(), false, &follow).await.unwrap();
    for _ in 0..4 {
        log.next().await.unwrap().unwrap();
    }
    assert!(!unread.is_cancelled());
    drop(log);
    unread.cancelled().await;
}

#[tokio::test]
async fn a_node_that_stops_ends_its_logs() {
    let remote = Remote::new(EchoNode, "n1").await;
    let follow = LogOptions { follow: true, ..LogOptions::default() };
    let log = remote.node().await.logs(&main(), false, &follow).await.unwrap();
    remote.stop.cancel();
    remote.ended.await.unwrap();
    assert!(text(log).await.len() <= 4);
}

#[tokio::test]
async fn a_command_is_sent_its_input_and_ends_with_its_code() {
    let remote = Remote::new(EchoNode, "n1").await;
    let node = remote.node().await;
    let stdio = Stdio { stdin: true, stdout: true, stderr: true, tty: false };
    let spec = ExecSpec { command: vec!["42".to_owned()], stdio };
    let mut session = node.exec(&main(), &spec).await.unwrap();
    let stdin = session.stdin.take().unwrap();
    stdin.send(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stdout("hello".into()));
    // The end of the input ends this process.
    drop(stdin);
    assert!(session.output.next().await.is_none());
    assert_eq!(session.exit.await.unwrap(), 42);
}

#[tokio::test]
async fn a_command_without_input_writes_on_both_of_its_streams() {
    let remote = Remote::new(EchoNode, "n1").await;
    let node = remote.node().await;
    let stdio = Stdio { stdin: false, stdout: true, stderr: true, tty: false };
    let spec = ExecSpec { command: vec!["0".to_owned(), "a & b".to_owned()], stdio };
    let session = node.exec(&main(), &spec).await.unwrap();
    assert!(session.stdin.is_none() && session.resize.is_none());
    let output: Vec<Output> = session.output.try_collect().await.unwrap();
    assert_eq!(output, [Output::Stdout("out".into()), Output::Stderr("err".into())]);
    assert_eq!(session.exit.await.unwrap(), 0);

    let spec = ExecSpec { command: vec!["nonsense".to_owned()], stdio };
    let error = node.exec(&main(), &spec).await.err().unwrap();
    assert_eq!((error.reason(), error.message()), (Reason::BadRequest, "no such command"));
}

#[tokio::test]
async fn a_terminal_hears_of_its_size_over_there() {
    let remote = Remote::new(EchoNode, "n1").await;
    let stdio = Stdio { stdin: true, stdout: true, stderr: false, tty: true };
    let mut session = remote.node().await.attach(&main(), stdio).await.unwrap();
    let resize = session.resize.take().unwrap();
    resize.send(TerminalSize { width: 80, height: 24 }).await.unwrap();
    assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stderr("80x24".into()));
}

#[tokio::test]
async fn a_port_carries_bytes_both_ways_until_their_end() {
    let remote = Remote::new(EchoNode, "n1").await;
    let node = remote.node().await;
    let mut connection = node.port_forward(&main().pod, 7).await.unwrap();
    connection.write_all(b"hello").await.unwrap();
    connection.shutdown().await.unwrap();
    let mut received = String::new();
    connection.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "hello");
    let error = node.port_forward(&main().pod, 8).await.err().unwrap();
    assert_eq!(error.message(), "nobody listens there");
}

#[tokio::test]
async fn nobody_but_the_api_server_gets_into_a_node() {
    let remote = Remote::new(EchoNode, "n1").await;
    assert_eq!(remote.asked_by(None).await, Some(401));
    assert_eq!(remote.asked_by(Some(&remote.pki.node("n2").unwrap())).await, Some(403));
    let foreign = Pki::in_memory(&Environment::system(), &[]).unwrap();
    assert_eq!(remote.asked_by(Some(foreign.admin())).await, None);
    assert_eq!(remote.asked_by(Some(remote.pki.admin())).await, Some(200));
}

#[tokio::test]
async fn another_node_at_the_address_is_not_believed() {
    let remote = Remote::new(EchoNode, "n2").await;
    let (reason, message) = remote.refused("n1").await;
    assert_eq!(reason, Reason::ServiceUnavailable);
    let expected = format!("node \"n1\" cannot be reached at {}", remote.address);
    assert!(message.starts_with(&expected) && message.contains("certificate"), "{message}");
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_named() {
    let remote = Remote::new(EchoNode, "n1").await;
    let unavailable = |message: &str| (Reason::ServiceUnavailable, message.to_owned());
    assert_eq!(remote.refused("n9").await, unavailable("node \"n9\" does not exist"));
    remote.register("silent", None).await;
    let expected = "node \"silent\" does not say at which address it can be reached";
    assert_eq!(remote.refused("silent").await, unavailable(expected));
    // Nobody else gets the port, and nobody listens on it.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = bound.local_addr().unwrap();
    remote.register("gone", Some(gone)).await;
    let (reason, message) = remote.refused("gone").await;
    assert_eq!(reason, Reason::ServiceUnavailable);
    assert!(message.starts_with(&format!("node \"gone\" cannot be reached at {gone}: ")), "{message}");
}

#[tokio::test]
async fn a_node_that_says_nothing_is_given_up() {
    let remote = Remote::new(EchoNode, "n1").await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    remote.register("mute", Some(mute.local_addr().unwrap())).await;
    // The time limit has passed as soon as nothing else is left to do.
    tokio::time::pause();
    let (reason, message) = remote.refused("mute").await;
    assert_eq!(reason, Reason::ServiceUnavailable);
    assert!(message.starts_with("node \"mute\" cannot be reached at "), "{message}");
}
