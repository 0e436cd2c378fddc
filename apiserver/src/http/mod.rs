//! Bodies and answers, without knowing what they say.

mod body;
pub(crate) mod reply;
pub(crate) mod request;
mod yaml;

pub use body::{BoxError, ReplyBody};
pub use reply::Reply;
