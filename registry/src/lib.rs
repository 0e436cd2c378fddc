//! The semantics of the Kubernetes API, without any transport.
//!
//! A [`Registry`] serves every verb on every kind over a [`Store`](bireme_core::store::Store): it decodes,
//! defaults, validates, admits, encodes once and commits; a watch cache per kind answers lists and watches
//! with shared objects. A [`DirectClient`] is the [`Client`](bireme_core::client::Client) of the same process,
//! on which controllers, schedulers and kubelets run with no server in between.
//!
//! A kind is one [`Strategy`](resource::Strategy); the built-in ones are in [`kinds`].

mod admission;
mod allocation;
mod apply;
mod authorize;
mod bootstrap;
mod cache;
mod decode;
mod direct;
mod errors;
mod housekeeping;
pub mod kinds;
pub mod managed_fields;
mod metadata;
pub mod patch;
mod registry;
mod request;
pub mod resource;
mod table;
mod verbs;

pub use admission::{
    Admission, AdmissionRequest, NodeRestriction, Objects, Operation, PodDefaults, Priority,
    TolerationSeconds, built_in as built_in_admission,
};
pub use allocation::ServiceRanges;
pub use authorize::{AdminsAndNodes, Attributes, Authorizer};
pub use bootstrap::{BootstrapOptions, NAMESPACES, ROOT_CA};
pub use direct::DirectClient;
pub use registry::{Registry, RegistryOptions};
pub use request::{Body, RequestContext, Written};
