//! The object model: kinds, keys, and one revision of one object.

mod encoding;
mod key;
mod kind;
mod metadata;
#[expect(clippy::module_inception, reason = "an object is what the module is named after")]
mod object;
mod resource;
pub mod versions;

pub use key::ObjectKey;
pub use kind::Kind;
pub use metadata::Metadata;
pub use object::{DecodeError, Object};
pub use resource::Resource;
#[doc(hidden)]
pub use resource::json;
