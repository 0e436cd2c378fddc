//! Reaching into a node: what logs, exec, attach and port-forward need of the kubelet there.
//!
//! The API server finds a pod, reads its `spec.nodeName`, asks its [`Nodes`] for that node and speaks to the
//! [`NodeAccess`] that it gets: the kubelet itself where it runs in the same process, a connection to it where
//! it does not. Everything is bounded by what the reader takes: nothing here buffers more than a few chunks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{ApiError, Reason};
use crate::object::ObjectKey;
use crate::runtime::{ExecSession, ExecSpec, LogOptions, LogStream, Stdio};

/// A pod on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// The incarnation that is meant: a kubelet whose pod of that name has another uid answers `NotFound`.
    pub uid: String,
}

/// A container of a pod on a node; init and ephemeral containers too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRef {
    /// The pod.
    pub pod: PodRef,
    /// The container's name in the pod's spec.
    pub container: String,
}

/// Bytes in both directions. Shutting down the writing half is the end of the input.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A node's kubelet, as the API server needs it.
///
/// # Errors
///
/// `NotFound` when the pod is not on the node; `BadRequest`, in words for people, when the container has not
/// started yet, has no previous instance, or is not running; `ServiceUnavailable` when the node or its engine
/// cannot be reached. A command that cannot be run fails the session's `exit`, not the call.
///
/// # Cancellation
///
/// Dropping a future, stream or session lets go of everything that it holds on the node; a process that an exec
/// started lives on if it can.
#[async_trait]
pub trait NodeAccess: Send + Sync + 'static {
    /// The log of a container's present instance (which may have exited), or of the one before it.
    ///
    /// With `follow`, the stream ends when the instance has ended and everything it wrote was delivered.
    async fn logs(
        &self,
        container: &ContainerRef,
        previous: bool,
        options: &LogOptions,
    ) -> Result<LogStream, ApiError>;

    /// Runs a further command in a running container.
    async fn exec(&self, container: &ContainerRef, spec: &ExecSpec) -> Result<ExecSession, ApiError>;

    /// Connects to the main process of a running container.
    async fn attach(&self, container: &ContainerRef, stdio: Stdio) -> Result<ExecSession, ApiError>;

    /// Opens a TCP connection to a port in the pod's network.
    async fn port_forward(&self, pod: &PodRef, port: u16) -> Result<Box<dyn ByteStream>, ApiError>;
}

/// Where the API server finds the kubelets.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Access to a node.
    ///
    /// # Errors
    ///
    /// `ServiceUnavailable` when nobody knows how to reach the node.
    async fn access(&self, node: &str) -> Result<Arc<dyn NodeAccess>, ApiError>;
}

/// The kubelets of this process. Cheap to clone; clones share the table.
#[derive(Clone, Default)]
pub struct LocalNodes(Arc<Mutex<BTreeMap<String, Arc<dyn NodeAccess>>>>);

impl LocalNodes {
    /// Makes a node reachable, in place of whatever had its name.
    pub fn insert(&self, node: &str, access: Arc<dyn NodeAccess>) {
        self.locked().insert(node.to_owned(), access);
    }

    /// Makes a node unreachable.
    pub fn remove(&self, node: &str) {
        self.locked().remove(node);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<dyn NodeAccess>>> {
        // A map whose insertion panicked is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Nodes for LocalNodes {
    async fn access(&self, node: &str) -> Result<Arc<dyn NodeAccess>, ApiError> {
        self.locked().get(node).cloned().ok_or_else(|| {
            ApiError::new(
                Reason::ServiceUnavailable,
                format!("the kubelet of node \"{node}\" cannot be reached"),
            )
        })
    }
}
