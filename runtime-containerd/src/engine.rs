//! The connection to containerd: its services, in the namespace and under the lease of one node.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bireme_core::runtime::RuntimeError;
use containerd_client::services::v1 as services;
use containerd_client::services::v1::snapshots;
use containerd_client::types::Mount;
use jiff::Timestamp;
use services::containers_client::ContainersClient;
use services::content_client::ContentClient;
use services::diff_client::DiffClient;
use services::events_client::EventsClient;
use services::images_client::ImagesClient;
use services::introspection_client::IntrospectionClient;
use services::leases_client::LeasesClient;
use services::namespaces_client::NamespacesClient;
use services::tasks_client::TasksClient;
use services::version_client::VersionClient;
use snapshots::snapshots_client::SnapshotsClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::error::{engine, found, made};

/// All that bireme has in containerd is in this namespace of it.
pub(crate) const NAMESPACE: &str = "bireme";

/// Where snapshots are made, in the order of preference.
const SNAPSHOTTERS: [&str; 3] = ["overlayfs", "fuse-overlayfs", "native"];

/// A layer as containerd's default limit of a message takes it, with room for the rest.
const LARGEST_MESSAGE: usize = 16 << 20;

type Service = InterceptedService<Channel, Marked>;

/// Puts the namespace and the lease on each request.
#[derive(Clone)]
pub(crate) struct Marked {
    lease: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Marked {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let marks = request.metadata_mut();
        marks.insert("containerd-namespace", MetadataValue::from_static(NAMESPACE));
        if let Some(lease) = &self.lease {
            marks.insert("containerd-lease", lease.clone());
        }
        Ok(request)
    }
}

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Engine {
    channel: Channel,
    marked: Marked,
    pub(crate) socket: PathBuf,
    pub(crate) snapshotter: String,
}

impl Engine {
    /// Connects, and takes the lease of this name, which holds what is made until something refers to it. What an
    /// earlier holder of the lease left half made is let go.
    pub(crate) async fn connect(socket: &Path, lease: &str) -> Result<Engine, RuntimeError> {
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| RuntimeError::Unavailable {
            endpoint: socket.display().to_string(),
            source,
        };
        let channel =
            containerd_client::connect(socket).await.map_err(|error| unavailable(Box::new(error)))?;
        let mut engine = Engine {
            channel,
            marked: Marked { lease: None },
            socket: socket.to_owned(),
            snapshotter: String::new(),
        };
        engine.snapshotter = engine.choose_snapshotter().await?;
        let namespace = services::Namespace { name: NAMESPACE.to_owned(), ..Default::default() };
        let request = services::CreateNamespaceRequest { namespace: Some(namespace) };
        let created = NamespacesClient::new(engine.service()).create(request).await;
        made(created).map_err(engine.failed("making the namespace"))?;
        engine.take_lease(lease).await?;
        // The name is made of hexadecimal digits and letters.
        engine.marked.lease = MetadataValue::try_from(lease).ok();
        Ok(engine)
    }

    async fn take_lease(&self, id: &str) -> Result<(), RuntimeError> {
        self.drop_lease(id).await?;
        let new = services::CreateRequest { id: id.to_owned(), ..Default::default() };
        // Another runtime of the same node may take it at this moment: one lease serves both.
        made(LeasesClient::new(self.service()).create(new).await).map_err(self.failed("taking a lease"))?;
        Ok(())
    }

    async fn drop_lease(&self, id: &str) -> Result<(), RuntimeError> {
        let old = services::DeleteRequest { id: id.to_owned(), ..Default::default() };
        found(LeasesClient::new(self.service()).delete(old).await)
            .map_err(self.failed("letting a lease go"))?;
        Ok(())
    }

    /// The same connection under a lease of its own, for bringing one image. What an image consists of must not be held
    /// by a lease that stays, or it could not be removed. [`Engine::end_lease`] lets it go; when the agent dies before,
    /// it ends by itself at `expires`.
    pub(crate) async fn leased(&self, id: &str, expires: Timestamp) -> Result<Engine, RuntimeError> {
        let labels = HashMap::from([("containerd.io/gc.expire".to_owned(), expires.to_string())]);
        let new = services::CreateRequest { id: id.to_owned(), labels };
        LeasesClient::new(self.service()).create(new).await.map_err(self.failed("taking a lease"))?;
        Ok(Engine { marked: Marked { lease: MetadataValue::try_from(id).ok() }, ..self.clone() })
    }

    /// Lets the lease go under which this connection is.
    pub(crate) async fn end_lease(&self) -> Result<(), RuntimeError> {
        match self.marked.lease.as_ref().and_then(|lease| lease.to_str().ok()) {
            Some(lease) => self.drop_lease(lease).await,
            None => Ok(()),
        }
    }

    async fn choose_snapshotter(&self) -> Result<String, RuntimeError> {
        let request = services::PluginsRequest { filters: vec!["type==io.containerd.snapshotter.v1".into()] };
        let answer = IntrospectionClient::new(self.service()).plugins(request).await;
        let plugins = answer.map_err(self.failed("asking for the snapshotters"))?.into_inner().plugins;
        let works =
            |name: &&str| plugins.iter().any(|plugin| plugin.id == **name && plugin.init_err.is_none());
        let chosen = SNAPSHOTTERS.iter().find(|name| works(name));
        chosen.map(|name| (*name).to_owned()).ok_or_else(|| {
            RuntimeError::Unsupported(format!("it has none of the snapshotters {SNAPSHOTTERS:?}"))
        })
    }

    fn service(&self) -> Service {
        InterceptedService::new(self.channel.clone(), self.marked.clone())
    }

    pub(crate) fn containers(&self) -> ContainersClient<Service> {
        ContainersClient::new(self.service()).max_decoding_message_size(LARGEST_MESSAGE)
    }

    pub(crate) fn tasks(&self) -> TasksClient<Service> {
        TasksClient::new(self.service()).max_decoding_message_size(LARGEST_MESSAGE)
    }

    pub(crate) fn images(&self) -> ImagesClient<Service> {
        ImagesClient::new(self.service()).max_decoding_message_size(LARGEST_MESSAGE)
    }

    pub(crate) fn content(&self) -> ContentClient<Service> {
        ContentClient::new(self.service()).max_decoding_message_size(LARGEST_MESSAGE)
    }

    pub(crate) fn snapshots(&self) -> SnapshotsClient<Service> {
        SnapshotsClient::new(self.service())
    }

    pub(crate) fn diff(&self) -> DiffClient<Service> {
        DiffClient::new(self.service())
    }

    pub(crate) fn events(&self) -> EventsClient<Service> {
        EventsClient::new(self.service())
    }

    /// containerd's version.
    pub(crate) async fn version(&self) -> Result<String, RuntimeError> {
        let answer = VersionClient::new(self.service()).version(()).await;
        Ok(answer.map_err(self.failed("asking for the version"))?.into_inner().version)
    }

    /// A writable snapshot under this key on top of its parent; the one that is there, when it is.
    pub(crate) async fn prepare(&self, key: &str, parent: &str) -> Result<Vec<Mount>, RuntimeError> {
        let request = snapshots::PrepareSnapshotRequest {
            snapshotter: self.snapshotter.clone(),
            key: key.to_owned(),
            parent: parent.to_owned(),
            ..Default::default()
        };
        let prepared = made(self.snapshots().prepare(request).await);
        match prepared.map_err(self.failed("making a file system"))? {
            Some(answer) => Ok(answer.into_inner().mounts),
            None => self.mounts(key).await,
        }
    }

    /// How the snapshot of this key is mounted.
    pub(crate) async fn mounts(&self, key: &str) -> Result<Vec<Mount>, RuntimeError> {
        let request = snapshots::MountsRequest { snapshotter: self.snapshotter.clone(), key: key.to_owned() };
        let answer = self.snapshots().mounts(request).await;
        Ok(answer.map_err(self.failed("asking for a file system"))?.into_inner().mounts)
    }

    /// Removes a snapshot, if it is there.
    pub(crate) async fn remove_snapshot(&self, key: &str) -> Result<(), RuntimeError> {
        let request =
            snapshots::RemoveSnapshotRequest { snapshotter: self.snapshotter.clone(), key: key.to_owned() };
        found(self.snapshots().remove(request).await).map_err(self.failed("removing a file system"))?;
        Ok(())
    }

    pub(crate) fn failed(&self, operation: &'static str) -> impl Fn(Status) -> RuntimeError + '_ {
        move |status| engine(operation, &self.socket, status)
    }
}
