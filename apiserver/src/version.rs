//! `/version`.

use bireme_core::error::ApiError;
use http::StatusCode;
use serde_json::json;

use crate::http::{Reply, reply};

/// The version of Kubernetes whose API is served, which clients compare with their own.
const KUBERNETES: (&str, &str) = ("1", "34");

/// The version that nodes and clients are told: upstream's, with ours behind the plus sign.
pub fn git_version() -> String {
    let (major, minor) = KUBERNETES;
    format!("v{major}.{minor}.0+bireme-{}", env!("CARGO_PKG_VERSION"))
}

pub(crate) fn answer() -> Result<Reply, ApiError> {
    let (major, minor) = KUBERNETES;
    let body = json!({
        "major": major,
        "minor": minor,
        "gitVersion": git_version(),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    });
    reply::json(StatusCode::OK, &body)
}

/// The machine's architecture by the name that Go has for it, as clients expect.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
