//! Logs, exec and attach, with a node that is made up.

use std::sync::Arc;
use std::time::Duration;

use bireme_apiserver::Config;
use bireme_core::Environment;
use bireme_core::node_access::LocalNodes;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::echo::EchoNode;
use crate::rig::Rig;
use crate::tls::Listening;

pub const POD: &str = "/api/v1/namespaces/default/pods/web";

fn config() -> Config {
    let nodes = LocalNodes::default();
    nodes.insert("n1", Arc::new(EchoNode));
    Config { nodes: Arc::new(nodes), ..Config::default() }
}

/// A pod on a node.
pub async fn make_pod(rig: &Rig, name: &str, node: &str, containers: &[&str]) {
    let containers: Vec<Value> = containers.iter().map(|name| json!({"name": name, "image": "i"})).collect();
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers},
    });
    if !node.is_empty() {
        pod["spec"]["nodeName"] = node.into();
    }
    rig.post("/api/v1/namespaces/default/pods", &pod).await.expect(201);
}

#[tokio::test]
async fn a_log_is_read_as_asked() {
    let rig = Rig::with(config()).await;
    make_pod(&rig, "web", "n1", &["main"]).await;
    for (query, expected) in [
        ("", "one\ntwo\nthree\n"),
        ("container=main&tailLines=1", "three\n"),
        ("limitBytes=6", "one\ntw"),
        ("stream=Stderr", ""),
        (
            "timestamps=true",
            "1970-01-01T00:00:01.000000000Z one\n1970-01-01T00:00:02.000000000Z two\n\
             1970-01-01T00:00:03.000000000Z three\n",
        ),
    ] {
        let answer = rig.get(&format!("{POD}/log?{query}")).await;
        assert_eq!((answer.code.as_u16(), &answer.body[..]), (200, expected.as_bytes()), "{query}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_says_why() {
    let rig = Rig::with(config()).await;
    make_pod(&rig, "web", "n1", &["a", "b"]).await;
    make_pod(&rig, "waiting", "", &["a"]).await;
    make_pod(&rig, "lost", "n2", &["a"]).await;
    let message = async |path: &str, code| rig.get(path).await.expect(code)["message"].clone();
    let ambiguous = "a container name must be specified for pod web, choose one of: [a b]";
    assert_eq!(message(&format!("{POD}/log"), 400).await, ambiguous);
    let previous = "previous terminated container \"a\" not found";
    assert_eq!(message(&format!("{POD}/log?container=a&previous=true"), 400).await, previous);
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(
        message(&format!("{pods}/waiting/log"), 400).await,
        "pod waiting does not have a host assigned"
    );
    message(&format!("{pods}/lost/log"), 503).await;
    message(&format!("{pods}/none/log"), 404).await;
    message(&format!("{POD}/log?container=a&tailLines=x"), 400).await;
}

#[tokio::test]
async fn an_exec_needs_a_websocket_and_a_known_protocol() {
    let rig = Rig::with(config()).await;
    make_pod(&rig, "web", "n1", &["main"]).await;
    let answer = rig.get(&format!("{POD}/exec?command=0&stdout=true")).await;
    assert_eq!(answer.expect(400)["message"], "Upgrade request required");
    rig.get(&format!("{POD}/exec?stdout=true")).await.expect(400);
    rig.get(&format!("{POD}/exec?command=0")).await.expect(400);
}

pub type Socket = WebSocketStream<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>;

/// A WebSocket on which one of these protocols is agreed, and which it is.
pub async fn open(listening: &Listening, path: &str, protocols: &str) -> Result<(Socket, String), Error> {
    let stream = listening.connect(Some(listening.pki.admin()), "http/1.1").await;
    let mut request = format!("wss://localhost{path}").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (socket, answer) = tokio_tungstenite::client_async(request, stream).await?;
    Ok((socket, answer.headers()["sec-websocket-protocol"].to_str().unwrap().to_owned()))
}

/// All messages until the server closes, as channel and text.
pub async fn rest(mut socket: Socket) -> Vec<(u8, String)> {
    let mut messages = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(bytes) = message {
            messages.push((bytes[0], String::from_utf8_lossy(&bytes[1..]).into_owned()));
        }
    }
    messages
}

/// A server with the pod `web` on a node that echoes.
pub async fn listening() -> Listening {
    let listening = Listening::new(config()).await;
    make_pod(&listening.rig, "web", "n1", &["main"]).await;
    listening
}

#[tokio::test]
async fn a_command_writes_on_its_channels_and_ends_with_its_code() {
    let listening = listening().await;
    let both = "v5.channel.k8s.io, v4.channel.k8s.io";
    let path = format!("{POD}/exec?command=3&stdout=true&stderr=true");
    let (socket, protocol) = open(&listening, &path, both).await.unwrap();
    assert_eq!(protocol, "v5.channel.k8s.io");
    let mut messages = rest(socket).await;
    let (channel, status) = messages.pop().unwrap();
    assert_eq!(messages, [(1, "out".to_owned()), (2, "err".to_owned())]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((channel, &status["reason"]), (3, &json!("NonZeroExitCode")));
    assert_eq!(status["details"]["causes"], json!([{"reason": "ExitCode", "message": "3"}]));

    let path = format!("{POD}/exec?command=0&stdout=true");
    let (socket, _) = open(&listening, &path, "v4.channel.k8s.io").await.unwrap();
    let status: Value = serde_json::from_str(&rest(socket).await.pop().unwrap().1).unwrap();
    assert_eq!(status["status"], "Success");
}

#[tokio::test]
async fn input_reaches_the_command_and_its_end_does_too() {
    let listening = listening().await;
    let path = format!("{POD}/exec?command=0&stdin=true&stdout=true&container=main");
    let (mut socket, _) = open(&listening, &path, "v5.channel.k8s.io").await.unwrap();
    let send = |bytes: &'static [u8]| Message::Binary(Bytes::from_static(bytes));
    socket.send(send(b"\0hello")).await.unwrap();
    socket.send(send(&[255, 0])).await.unwrap();
    let messages = rest(socket).await;
    assert_eq!(messages[0], (1, "hello".to_owned()));
    assert!(messages[1].1.contains("Success"));
}

#[tokio::test]
async fn a_terminal_hears_of_its_size() {
    let listening = listening().await;
    let path = format!("{POD}/attach?stdin=true&stdout=true&tty=true");
    let (mut socket, _) = open(&listening, &path, "v5.channel.k8s.io").await.unwrap();
    let size = Message::Binary(Bytes::from_static(b"\x04{\"Width\":80,\"Height\":24}"));
    socket.send(size).await.unwrap();
    let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("no answer") };
    assert_eq!(&answer[..], b"\x0280x24");
}

#[tokio::test]
async fn errors_come_before_the_upgrade() {
    let listening = listening().await;
    for (path, protocols, code) in [
        (format!("{POD}/exec?command=nonsense&stdout=true"), "v5.channel.k8s.io", 400),
        (format!("{POD}/exec?command=0&stdout=true"), "v1.channel.k8s.io", 400),
        (format!("{POD}x/exec?command=0&stdout=true"), "v5.channel.k8s.io", 404),
    ] {
        match open(&listening, &path, protocols).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), code, "{path}"),
            other => panic!("{path}: {:?}", other.map(|(_, protocol)| protocol)),
        }
    }
}

#[tokio::test]
async fn stopping_ends_sessions() {
    let listening = listening().await;
    let path = format!("{POD}/exec?command=0&stdin=true&stdout=true");
    let (socket, _) = open(&listening, &path, "v5.channel.k8s.io").await.unwrap();
    listening.stop.cancel();
    let env = Environment::system();
    env.timeout(Duration::from_secs(5), rest(socket)).await.unwrap();
    env.timeout(Duration::from_secs(5), listening.ended).await.unwrap().unwrap();
}
