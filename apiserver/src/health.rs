//! `/healthz`, `/livez`, `/readyz`.

use std::sync::Arc;

use bireme_core::client::{Identity, ListOptions};
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use bireme_registry::RequestContext;
use http::StatusCode;
use k8s_openapi::api::core::v1::Namespace;

use crate::http::{Reply, reply};
use crate::kinds::no_such_path;
use crate::query::Query;
use crate::server::Api;

/// The checks behind an endpoint.
fn checks(endpoint: &str) -> &'static [&'static str] {
    match endpoint {
        // A store that cannot be reached is no reason to be restarted.
        "livez" => &["ping"],
        "readyz" => &["ping", "store", "shutdown"],
        _ => &["ping", "store"],
    }
}

/// Runs the checks of an endpoint, or one of them.
pub(crate) async fn answer(
    api: &Arc<Api>,
    endpoint: &'static str,
    only: Option<&str>,
    query: &Query,
) -> Result<Reply, ApiError> {
    let wanted: Vec<&'static str> = match only {
        Some(name) => {
            let known = checks(endpoint).iter().find(|check| **check == name);
            vec![known.copied().ok_or_else(no_such_path)?]
        }
        None => {
            let excluded: Vec<&str> = query.all("exclude").collect();
            checks(endpoint).iter().copied().filter(|check| !excluded.contains(check)).collect()
        }
    };
    let (mut text, mut failed) = (String::new(), false);
    for check in wanted {
        if passes(api, check).await {
            text.push_str(&format!("[+]{check} ok\n"));
        } else {
            failed = true;
            text.push_str(&format!("[-]{check} failed\n"));
        }
    }
    if failed {
        text.push_str(&format!("{endpoint} check failed\n"));
        return Ok(reply::text(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    if query.text("verbose").is_some() || query.flag("verbose")? {
        text.push_str(&format!("{endpoint} check passed\n"));
        return Ok(reply::text(StatusCode::OK, text));
    }
    Ok(reply::text(StatusCode::OK, "ok"))
}

async fn passes(api: &Arc<Api>, check: &str) -> bool {
    match check {
        "store" => {
            let context = RequestContext::new(Identity::component("kube-apiserver"));
            let options = ListOptions { limit: Some(1), ..ListOptions::default() };
            api.registry.list(&context, Kind::of::<Namespace>(), &options).await.is_ok()
        }
        "shutdown" => !api.closing.is_cancelled(),
        _ => true,
    }
}
