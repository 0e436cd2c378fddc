//! The contract against the Docker Engine of this machine.
//!
//! Where there is no engine or no static busybox, every test says so and passes; `cargo xtask test` provides both.

#![allow(clippy::unwrap_used, reason = "tests")]

mod busybox;
mod registry;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::conformance::runtime::{Program, Rig};
use bireme_core::runtime::{ContainerSpec, ImageImport, Runtime, Scope};
use bireme_runtime_docker::{DEFAULT_SOCKET, DockerRuntime};

static TESTS: AtomicUsize = AtomicUsize::new(0);

/// A cluster of its own on this machine's engine.
struct Engine {
    cluster: String,
}

impl Engine {
    fn new() -> Engine {
        let number = TESTS.fetch_add(1, Ordering::Relaxed);
        Engine { cluster: format!("test-{}-{number}", std::process::id()) }
    }

    async fn connect(&self, node: &str) -> DockerRuntime {
        let scope = Scope { cluster: self.cluster.clone(), node: node.to_owned() };
        DockerRuntime::connect(Path::new(DEFAULT_SOCKET), scope, Environment::system()).await.unwrap()
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
    }

    fn missing(&self) -> Option<String> {
        let engine = !Path::new(DEFAULT_SOCKET).exists();
        engine.then(|| format!("a Docker Engine at {DEFAULT_SOCKET}")).or_else(busybox::missing)
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
    let scope = Scope { cluster: "c".into(), node: "n".into() };
    let error = DockerRuntime::connect(Path::new("/nowhere/docker.sock"), scope, Environment::system()).await;
    let error = error.err().unwrap();
    assert_eq!(error.to_string(), "the container engine is not reachable at /nowhere/docker.sock");
}
