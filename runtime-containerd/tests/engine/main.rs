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
use bireme_core::runtime::{ContainerSpec, ImageImport, Runtime, Scope};
use bireme_runtime_containerd::{ContainerdRuntime, DEFAULT_SOCKET, Options};

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
        // Of the test's own, since images are not the cluster's but the engine's.
        let mut import = busybox::import(&format!("bireme.dev/test-import-{}:1", self.cluster));
        import.env.push(("TEST".to_owned(), self.cluster.clone()));
        import
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
