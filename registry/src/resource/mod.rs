//! The description of a kind, from which everything that the API does with it derives.
//!
//! A kind is one `impl` of [`Strategy`] on its `k8s_openapi` type: constants for its names, subresources,
//! selectable fields, list keys and printer columns, and functions for its defaults and rules. All of them
//! have a default, so that the `impl` of a plain kind is a few lines; ConfigMap is one to look at, Pod one
//! with everything.
//!
//! [`strategy`] erases the type: a [`DynStrategy`] is what the one generic code path of every verb works
//! with, on objects in the form of a [`Draft`] (on their way in) or of an [`Object`](bireme_core::object::Object)
//! (stored). Custom resources join by another implementation of [`DynStrategy`] over JSON values.
//!
//! How a write passes a strategy:
//!
//! 1. create: decode → [`prepare_create`](Strategy::prepare_create) → [`default`](Strategy::default) →
//!    admission → [`validate`](Strategy::validate) → [`warnings`](Strategy::warnings);
//! 2. update, patch: decode → [`prepare_update`](Strategy::prepare_update) → `default` → admission → `validate`
//!    → [`validate_update`](Strategy::validate_update) → `warnings`.
//!
//! What holds for the metadata of every kind (names, labels, immutable fields, generation, deletion marks) is
//! done by the registry and is no business of a strategy.

mod column;
mod draft;
mod erased;
mod name;
mod schema;
mod schemas;
mod selectable;
mod strategy;
mod subresource;

pub use column::{Column, ColumnDefinition, age};
pub use draft::{Draft, DraftObject};
pub use erased::{DynStrategy, TypeMismatch, strategy};
pub use name::NameRule;
pub use schema::{Field, ListType, Schema};
pub use schemas::{CONDITIONS, CONTAINER, METADATA, POD_SPEC, POD_TEMPLATE, PORT};
pub use selectable::SelectableField;
pub use strategy::{Conversion, STORED_ONLY, Strategy};
pub use subresource::{ScalePaths, Subresource};
