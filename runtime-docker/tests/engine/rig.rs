//! A node of a cluster of its own on this machine's engine, and what its containers are made of.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bireme_core::Environment;
use bireme_core::object::ObjectKey;
use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerState, Exit, ImageImport, LogOptions, Output, PodIdentity, Runtime,
    SandboxId, SandboxSpec,
};
use bireme_runtime_docker::{DEFAULT_SOCKET, DockerRuntime, Scope};
use bytes::Bytes;
use futures::StreamExt as _;

pub const BUSYBOX: &str = "/bin/busybox";
pub const IMAGE: &str = "bireme.dev/test-busybox:1";

static TESTS: AtomicUsize = AtomicUsize::new(0);

/// A node of a cluster of its own, whose containers go when the test ends.
pub struct Rig {
    pub runtime: DockerRuntime,
    pub scope: Scope,
}

impl Rig {
    pub async fn start() -> Option<Rig> {
        if !Path::new(DEFAULT_SOCKET).exists() || !Path::new(BUSYBOX).exists() {
            eprintln!(
                "not run: needs a Docker Engine at {DEFAULT_SOCKET} and {BUSYBOX} (Debian's busybox-static)"
            );
            return None;
        }
        let number = TESTS.fetch_add(1, Ordering::Relaxed);
        let scope = Scope { cluster: format!("test-{}-{number}", std::process::id()), node: "n1".into() };
        let runtime = connect(&scope).await;
        runtime.import_image(&busybox()).await.unwrap();
        Some(Rig { runtime, scope })
    }

    pub async fn sandbox(&self, pod: &str) -> SandboxId {
        self.runtime.run_sandbox(&sandbox_spec(pod)).await.unwrap()
    }

    pub async fn run(&self, sandbox: &SandboxId, spec: &ContainerSpec) -> ContainerId {
        let id = self.runtime.create_container(sandbox, spec).await.unwrap();
        self.runtime.start_container(&id).await.unwrap();
        id
    }

    pub async fn state(&self, id: &ContainerId) -> ContainerState {
        self.runtime.container(id).await.unwrap().unwrap().state
    }

    /// Waits by the engine's events for a container's end.
    pub async fn exit(&self, id: &ContainerId) -> Exit {
        let mut events = self.runtime.events().await.unwrap();
        loop {
            if let ContainerState::Exited(exit) = self.state(id).await {
                return exit;
            }
            events.next().await.unwrap();
        }
    }

    pub async fn finish(self) {
        self.runtime.remove_cluster().await.unwrap();
        assert!(self.runtime.sandboxes().await.unwrap().is_empty());
        assert!(self.runtime.containers().await.unwrap().is_empty());
    }
}

pub async fn connect(scope: &Scope) -> DockerRuntime {
    DockerRuntime::connect(Path::new(DEFAULT_SOCKET), scope.clone(), Environment::system()).await.unwrap()
}

pub fn busybox() -> ImageImport {
    let program = std::fs::read(BUSYBOX).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/sh", program.as_slice()).unwrap();
    for folder in ["tmp/", "etc/", "proc/", "sys/", "dev/"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_data(&mut header, folder, std::io::empty()).unwrap();
    }
    ImageImport {
        reference: IMAGE.into(),
        layer: archive.into_inner().unwrap().into(),
        entrypoint: Vec::new(),
        command: vec!["sh".into()],
        env: vec![("PATH".into(), "/bin".into())],
    }
}

pub fn sandbox_spec(pod: &str) -> SandboxSpec {
    SandboxSpec {
        pod: PodIdentity {
            key: ObjectKey::namespaced("default", pod),
            uid: format!("uid-of-{pod}-{}", std::process::id()),
        },
        attempt: 0,
        hostname: pod.into(),
        host_network: false,
        host_pid: false,
        host_ipc: false,
        share_process_namespace: false,
        sysctls: Default::default(),
        labels: Default::default(),
    }
}

pub fn shell(name: &str, script: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.into(),
        image: IMAGE.into(),
        command: vec!["/bin/sh".into(), "-c".into(), script.into()],
        ..ContainerSpec::default()
    }
}

pub const SLEEP: &str = "trap 'exit 7' TERM; echo up; while :; do sleep 1 & wait $!; done";

pub async fn log(rig: &Rig, id: &ContainerId, options: LogOptions) -> Vec<Output> {
    rig.runtime.logs(id, &options).await.unwrap().map(|chunk| chunk.unwrap().output).collect().await
}

pub fn stdout(text: &'static str) -> Output {
    Output::Stdout(Bytes::from_static(text.as_bytes()))
}
