//! The cells of a job's row.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;

use crate::resource::age;

/// How far the job is, in one word.
pub(super) fn status(job: &Job) -> &'static str {
    let has = |type_: &str| {
        let mut conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
    };
    let ended = ["Complete", "Failed"].into_iter().find(|type_| has(type_));
    let on_its_way =
        || ["Suspended", "FailureTarget", "SuccessCriteriaMet"].into_iter().find(|type_| has(type_));
    match ended {
        Some(ended) => ended,
        None if job.metadata.deletion_timestamp.is_some() => "Terminating",
        None => on_its_way().unwrap_or("Running"),
    }
}

/// How many pods have succeeded, of how many: `1/3`; `0/1 of 3` where one of three is enough.
pub(super) fn completions(job: &Job) -> String {
    let succeeded = job.status.as_ref().and_then(|status| status.succeeded).unwrap_or(0);
    let spec = job.spec.as_ref();
    match (spec.and_then(|spec| spec.completions), spec.and_then(|spec| spec.parallelism).unwrap_or(0)) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel @ 2..) => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

/// From the start to the end, or to now.
pub(super) fn duration(job: &Job, now: Timestamp) -> String {
    let status = job.status.as_ref();
    let end = status.and_then(|status| status.completion_time.as_ref()).map_or(now, |time| time.0);
    match status.and_then(|status| status.start_time.as_ref()) {
        None => String::new(),
        start => age(start, end),
    }
}
