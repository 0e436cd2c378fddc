//! The [`Client`] contract: what everything above the API speaks.

mod ext;
mod identity;
mod options;

pub use ext::ClientExt;
pub use identity::Identity;
pub use options::{
    ApiEvent, DeleteOptions, Deletion, EventStream, FieldValidation, ListOptions, ObjectList, Patch,
    Preconditions, Propagation, VersionMatch, WatchFrom, WatchOptions, WriteOptions,
};

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;

use crate::error::ApiError;
use crate::object::{Kind, Object, ObjectKey};

/// The part of an object that a write is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Part {
    /// Everything but the status.
    #[default]
    Main,
    /// The status (and the parts of the metadata that go with it) alone.
    Status,
    /// The `spec.finalizers` of a namespace alone.
    Finalize,
}

/// The verbs of the Kubernetes API, without a transport.
///
/// In one process a client is a direct call that passes `Arc`s; across machines it is HTTPS. Nothing can tell
/// the difference: every client carries an [`Identity`], and its calls pass the same authorizer, admission and
/// validation. Objects that come back are never copied for the caller: one revision is one `Arc`.
///
/// # Errors
///
/// Every verb answers with an [`ApiError`] whose [`Reason`](crate::error::Reason) is that of the Kubernetes API.
/// A failed write changed nothing, except where the reason is `Timeout` or `InternalError`: then it may have
/// happened, and the caller must read.
///
/// The conformance suite in [`conformance`](crate::conformance) is this text as tests, for any client and any server
/// behind it.
///
/// # Cancellation
///
/// A dropped read or watch has no effect. A dropped write happens whole or not at all.
#[async_trait]
pub trait Client: Send + Sync + 'static {
    /// One object, as of now.
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError>;

    /// The objects of a kind that the options select, ordered by key, with the revision they were read at.
    async fn list(&self, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError>;

    /// What happens to the objects that the options select, in revision order, without gap or duplicate.
    ///
    /// An update by which an object enters the selection is `Added`, one by which it leaves is `Deleted`. The
    /// stream ends with an error item when it cannot go on (`Expired`: list again), or without one when the
    /// time it was given is over or the server closes: watch on from the last revision seen.
    async fn watch(&self, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError>;

    /// Creates an object; one without a name but with `generateName` gets one. Its revision must be zero.
    async fn create(&self, object: &Object, options: &WriteOptions) -> Result<Arc<Object>, ApiError>;

    /// Replaces a part of an object. A revision other than zero must be that of the stored object.
    async fn update(
        &self,
        object: &Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError>;

    /// Changes a part of an object as the patch says, retrying when somebody else changes it meanwhile, unless
    /// the patch names a resource version.
    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError>;

    /// Deletes an object, or marks it as being deleted while finalizers or a grace period hold it.
    async fn delete(
        &self,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError>;

    /// Deletes what the list options select, object by object.
    async fn delete_collection(
        &self,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError>;

    /// Binds a pod to a node. `Conflict` when it is bound already or is being deleted; a uid in the binding's
    /// metadata must be the pod's.
    async fn bind(&self, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError>;

    /// Deletes a pod as an eviction: `TooManyRequests` when a disruption budget forbids it now.
    async fn evict(&self, pod: &ObjectKey, eviction: &Eviction) -> Result<(), ApiError>;
}
