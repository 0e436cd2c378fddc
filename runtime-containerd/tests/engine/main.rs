//! The contract against containerd: the one whose socket `BIREME_TEST_CONTAINERD` names, or else the machine's own.
//!
//! Where there is none, or no static busybox, every test says so and passes; `cargo xtask test` provides both.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../runtime-docker/tests/engine/busybox.rs"]
mod busybox;
#[path = "../../../runtime-docker/tests/engine/registry.rs"]
mod registry;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::conformance::runtime::{Program, Rig};
use bireme_core::object::ObjectKey;
use bireme_core::runtime::{
    ContainerSpec, ContainerState, ImageImport, PodIdentity, Runtime, RuntimeEvent, SandboxSpec, Scope,
};
use bireme_runtime_containerd::{ContainerdRuntime, DEFAULT_SOCKET, Options};
use containerd_client::services::v1::InfoRequest;
use futures::StreamExt as _;

static TESTS: AtomicUsize = AtomicUsize::new(0);

/// A cluster of its own on a containerd.
struct Engine {
    cluster: String,
    socket: PathBuf,
    folder: tempfile::TempDir,
}

impl Engine {
    fn new() -> Engine {
        let number = TESTS.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::var_os("BIREME_TEST_CONTAINERD").unwrap_or_else(|| DEFAULT_SOCKET.into());
        Engine {
            cluster: format!("test-{}-{number}", std::process::id()),
            socket: socket.into(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn connect(&self, node: &str) -> ContainerdRuntime {
        let scope = Scope { cluster: self.cluster.clone(), node: node.to_owned() };
        let options = Options { socket: self.socket.clone(), root: self.folder.path().join("containers") };
        ContainerdRuntime::connect(&options, scope, Environment::system()).await.unwrap()
    }
}

#[async_trait]
impl Rig for Engine {
    async fn runtime(&self, node: &str) -> Arc<dyn Runtime> {
        Arc::new(self.connect(node).await)
    }

    fn container(&self, program: Program) -> ContainerSpec {
        busybox::container(program)
    }

    fn command(&self, program: Program) -> Vec<String> {
        busybox::command(program)
    }

    async fn bring_image(&self, runtime: &dyn Runtime) {
        runtime.import_image(&busybox::import(busybox::IMAGE)).await.unwrap();
    }

    fn import(&self) -> ImageImport {
        busybox::import_of(&self.cluster)
    }

    async fn clean_up(&self) {
        let runtime = self.connect("").await;
        runtime.remove_cluster().await.unwrap();
        for node in ["one", "two"] {
            assert!(self.connect(node).await.containers().await.unwrap().is_empty());
        }
        let left: Vec<_> = std::fs::read_dir(self.folder.path().join("containers")).unwrap().collect();
        assert!(left.is_empty(), "files of what is gone: {left:?}");
    }

    fn missing(&self) -> Option<String> {
        let engine = !self.socket.exists();
        engine.then(|| format!("a containerd at {}", self.socket.display())).or_else(busybox::missing)
    }
}

bireme_core::runtime_conformance!(Engine::new());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_comes_from_its_registry_to_those_who_may_have_it() {
    let engine = Engine::new();
    if engine.missing().is_none() {
        let runtime = engine.runtime("one").await;
        registry::images_are_pulled(&*runtime, &engine.import()).await;
        engine.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_that_memory_ran_out_also_to_a_successor() {
    let engine = Engine::new();
    if engine.missing().is_some() {
        return;
    }
    let runtime = engine.runtime("one").await;
    engine.bring_image(&*runtime).await;
    let sandbox = runtime.run_sandbox(&sandbox()).await.unwrap();
    let mut spec = busybox::container(Program::Script("x=a; while :; do x=$x$x$x; done"));
    spec.resources.memory_limit_bytes = Some(16 << 20);
    let id = runtime.create_container(&sandbox, &spec).await.unwrap();
    let mut events = runtime.events().await.unwrap();
    runtime.start_container(&id).await.unwrap();
    // Nobody looks while it ends.
    let about = RuntimeEvent::Container { id: id.clone(), sandbox };
    for _ in 0..2 {
        while events.next().await.unwrap() != about {}
    }
    drop(runtime);
    let status = engine.runtime("one").await.container(&id).await.unwrap().unwrap();
    let ContainerState::Exited(exit) = status.state else { panic!("{status:?}") };
    assert_eq!((exit.code, exit.oom_killed), (137, true));
    engine.clean_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_image_that_was_removed() {
    let engine = Engine::new();
    if engine.missing().is_some() {
        return;
    }
    let runtime = engine.runtime("one").await;
    let import = engine.import();
    let image = runtime.import_image(&import).await.unwrap();
    runtime.remove_image(&image.id).await.unwrap();
    let mut content = containerd_client::Client::from_path(&engine.socket).await.unwrap().content();
    let mut request = tonic::Request::new(InfoRequest { digest: image.id });
    request.metadata_mut().insert("containerd-namespace", "bireme".parse().unwrap());
    let error = content.info(request).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound, "its description takes no place");
    engine.clean_up().await;
}

fn sandbox() -> SandboxSpec {
    SandboxSpec {
        pod: PodIdentity { key: ObjectKey::namespaced("default", "web"), uid: Environment::system().uid() },
        attempt: 0,
        hostname: "web".into(),
        host_network: false,
        host_pid: false,
        host_ipc: false,
        share_process_namespace: false,
        sysctls: Default::default(),
        labels: Default::default(),
    }
}

#[tokio::test]
async fn an_absent_engine_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let socket = PathBuf::from("/nowhere/containerd.sock");
    let options = Options { socket, root: folder.path().join("containers") };
    let scope = Scope { cluster: "c".into(), node: "n".into() };
    let error = ContainerdRuntime::connect(&options, scope, Environment::system()).await.err().unwrap();
    assert_eq!(error.to_string(), "the container engine is not reachable at /nowhere/containerd.sock");
    assert!(!options.root.exists(), "and nothing was made");
}
