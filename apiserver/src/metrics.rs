//! `/metrics`: a few counters that are real.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use crate::http::{Reply, reply};
use crate::server::Api;

/// What has been counted since the start.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

impl Metrics {
    /// Counts a request that has been answered.
    pub(crate) fn count(&self, verb: &'static str, code: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((verb, code)).or_default() += 1;
    }

    /// The counters in the text format of Prometheus.
    pub(crate) fn answer(&self, api: &Api) -> Reply {
        let mut text = String::from(
            "# HELP apiserver_request_total Requests answered, by verb and code.\n\
             # TYPE apiserver_request_total counter\n",
        );
        let mut line = |name: &str, value: u64| text.push_str(&format!("{name} {value}\n"));
        for ((verb, code), count) in self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            line(&format!("apiserver_request_total{{verb=\"{verb}\",code=\"{code}\"}}"), *count);
        }
        let (reading, mutating) = api.in_flight.taken();
        let streams = api.config.limits.streams.saturating_sub(api.streams.available_permits());
        line("apiserver_current_inflight_requests{request_kind=\"readOnly\"}", reading as u64);
        line("apiserver_current_inflight_requests{request_kind=\"mutating\"}", mutating as u64);
        line("apiserver_longrunning_requests", streams as u64);
        reply::text(StatusCode::OK, text)
    }
}
