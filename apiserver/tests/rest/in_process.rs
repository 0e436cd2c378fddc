//! Taking over a connection that does not exist: exec for a caller of the same process.

use std::sync::Arc;

use bireme_apiserver::{Config, Reply};
use bireme_core::node_access::LocalNodes;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::echo::EchoNode;
use crate::rig::{Rig, read, request};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// A server with one pod, on a node that writes back what it is sent.
async fn rig() -> Rig {
    let nodes = LocalNodes::default();
    nodes.insert("n1", Arc::new(EchoNode));
    let rig = Rig::with(Config { nodes: Arc::new(nodes), ..Config::default() }).await;
    let spec = json!({"nodeName": "n1", "containers": [{"name": "main", "image": "i"}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec});
    rig.post(PODS, &pod).await.expect(201);
    rig
}

fn exec(pod: &str) -> Request<Full<Bytes>> {
    let path = format!("{PODS}/{pod}/exec?command=0&stdin=true&stdout=true");
    let mut request = request(Method::GET, &path, "", "");
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "v5.channel.k8s.io"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

async fn session(reply: Reply) -> WebSocketStream<TokioIo<Upgraded>> {
    assert_eq!(reply.status(), StatusCode::SWITCHING_PROTOCOLS);
    let connection = TokioIo::new(hyper::upgrade::on(reply).await.unwrap());
    WebSocketStream::from_raw_socket(connection, Role::Client, None).await
}

#[tokio::test]
async fn a_command_is_spoken_to_without_a_socket() {
    let rig = rig().await;
    let mut socket = session(rig.open(exec("web")).await).await;
    socket.send(Message::Binary(Bytes::from_static(b"\0hello"))).await.unwrap();
    let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("no answer") };
    assert_eq!(&answer[..], b"\x01hello");
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_as_over_a_socket() {
    let rig = rig().await;
    let answer = read(rig.open(exec("other")).await).await;
    assert_eq!(answer.expect(404)["details"]["name"], "other");
}

#[tokio::test]
async fn closing_the_server_ends_sessions() {
    let rig = rig().await;
    let socket = session(rig.open(exec("web")).await).await;
    rig.server.close();
    // All that comes until the end; a session that goes on would make this wait for ever.
    socket.collect::<Vec<_>>().await;
}
