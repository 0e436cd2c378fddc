//! Attaching to a container of a simulated engine over HTTPS.

use std::sync::Arc;

use async_trait::async_trait;
use bireme_apiserver::Config;
use bireme_core::Environment;
use bireme_core::error::ApiError;
use bireme_core::node_access::{ByteStream, ContainerRef, LocalNodes, NodeAccess, PodRef};
use bireme_core::object::ObjectKey;
use bireme_core::runtime::{
    ContainerId, ContainerSpec, ExecSession, ExecSpec, LogOptions, LogStream, PodIdentity, Runtime,
    SandboxSpec, SimEngine, SimRuntime, Stdio,
};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::node::{POD, Socket, make_pod, open, rest};
use crate::tls::Listening;

/// A node with one container, whatever the pod is.
#[derive(Clone)]
struct SimNode {
    runtime: SimRuntime,
    container: ContainerId,
}

impl SimNode {
    async fn new() -> SimNode {
        let runtime = SimEngine::new(Environment::system()).runtime("n1");
        let sandbox = SandboxSpec {
            pod: PodIdentity { key: ObjectKey::namespaced("default", "web"), uid: "u".to_owned() },
            attempt: 0,
            hostname: "web".to_owned(),
            host_network: false,
            host_pid: false,
            host_ipc: false,
            share_process_namespace: false,
            sysctls: Default::default(),
            labels: Default::default(),
        };
        let sandbox = runtime.run_sandbox(&sandbox).await.unwrap();
        let spec = ContainerSpec { image: "sim/run".to_owned(), stdin: true, ..ContainerSpec::default() };
        runtime.pull_image(&spec.image, None).await.unwrap();
        let container = runtime.create_container(&sandbox, &spec).await.unwrap();
        runtime.start_container(&container).await.unwrap();
        SimNode { runtime, container }
    }
}

#[async_trait]
impl NodeAccess for SimNode {
    async fn logs(&self, _: &ContainerRef, _: bool, options: &LogOptions) -> Result<LogStream, ApiError> {
        Ok(self.runtime.logs(&self.container, options).await.unwrap())
    }

    async fn exec(&self, _: &ContainerRef, spec: &ExecSpec) -> Result<ExecSession, ApiError> {
        Ok(self.runtime.exec(&self.container, spec).await.unwrap())
    }

    async fn attach(&self, _: &ContainerRef, stdio: Stdio) -> Result<ExecSession, ApiError> {
        Ok(self.runtime.attach(&self.container, stdio).await.unwrap())
    }

    async fn port_forward(&self, _: &PodRef, _: u16) -> Result<Box<dyn ByteStream>, ApiError> {
        Err(ApiError::bad_request("a simulated engine has no ports"))
    }
}

async fn says(socket: &mut Socket, wanted: &[u8]) {
    let Some(Ok(Message::Binary(message))) = socket.next().await else { panic!("no message") };
    assert_eq!(message, wanted);
}

#[tokio::test]
async fn attachers_see_the_same_and_leaving_ends_nothing() {
    let (node, nodes) = (SimNode::new().await, LocalNodes::default());
    nodes.insert("n1", Arc::new(node.clone()));
    let listening = Listening::new(Config { nodes: Arc::new(nodes), ..Config::default() }).await;
    make_pod(&listening.rig, "web", "n1", &["main"]).await;
    let attach = async || {
        let path = format!("{POD}/attach?stdin=true&stdout=true");
        open(&listening, &path, "v5.channel.k8s.io").await.unwrap().0
    };
    let input = |text: &'static [u8]| Message::Binary(Bytes::from_static(text));
    let (mut first, mut second) = (attach().await, attach().await);
    first.send(input(b"\0one")).await.unwrap();
    says(&mut first, b"\x01one").await;
    says(&mut second, b"\x01one").await;
    first.close(None).await.unwrap();
    // The end of the input is not the end of the output.
    second.send(input(b"\0two")).await.unwrap();
    second.send(input(&[255, 0])).await.unwrap();
    says(&mut second, b"\x01two").await;
    let mut third = attach().await;
    third.send(input(b"\0three")).await.unwrap();
    says(&mut second, b"\x01three").await;
    says(&mut third, b"\x01three").await;
    // Whatever the process ends with, having been attached to it is no failure.
    node.runtime.end_container(&node.container, 3);
    for socket in [second, third] {
        let messages = rest(socket).await;
        let [(3, status)] = messages.as_slice() else { panic!("{messages:?}") };
        assert!(status.contains("Success"), "{status}");
    }
}
