//! CronJob: jobs again and again.

mod schedule;

use bireme_core::error::Cause;
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::check::{
    Json, Path, annotations, default_text, labels, non_negative_if_set, one_of, or_none, shown, text,
};
use super::workload::{self, Workload};
use super::{job, pod_spec};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy, Subresource, age};
use bireme_core::object::versions::Specified;

/// Jobs are named after their cron job, with the time behind it.
const MAX_NAME: usize = 52;

const SPEC: Schema = Schema::of(&[Field::object("jobTemplate", &JOB_TEMPLATE).inherent()]);

const JOB_TEMPLATE: Schema = Schema::of(&[Field::object("spec", &job::SPEC).inherent()]);

const STATUS: Schema = Schema::of(&[Field::atomic("active")]);

const TEMPLATE_COLUMNS: [Column<CronJob>; 3] = workload::template_columns();

impl Workload for CronJob {
    const TEMPLATE: &'static str = "spec.jobTemplate.spec.template";

    fn template(&self) -> Option<&PodTemplateSpec> {
        Some(&self.spec_ref()?.job_template.spec.as_ref()?.template)
    }

    fn selector(&self) -> String {
        let job = self.spec_ref().and_then(|spec| spec.job_template.spec.as_ref());
        job.and_then(|job| job.selector.as_ref()).map_or_else(|| "<none>".to_owned(), shown)
    }
}

impl Strategy for CronJob {
    const SINGULAR: &'static str = "cronjob";
    const SHORT_NAMES: &'static [&'static str] = &["cj"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Schedule", "When a job begins.", |cron, _| {
            cron.spec_ref().map_or("", |spec| spec.schedule.as_str()).into()
        }),
        Column::text("Timezone", "The time zone of the schedule.", |cron, _| {
            cron.spec_ref().map_or("<none>", |spec| or_none(&spec.time_zone)).into()
        }),
        Column::text("Suspend", "Whether no further job begins.", |cron, _| {
            match cron.spec_ref().and_then(|spec| spec.suspend) {
                Some(true) => "True",
                Some(false) => "False",
                None => "<unset>",
            }
            .into()
        }),
        Column::integer("Active", "How many jobs run now.", |cron, _| {
            let active = cron.status.as_ref().and_then(|status| status.active.as_ref());
            active.map_or(0, Vec::len).into()
        }),
        Column::text("Last Schedule", "The time since a job began last.", |cron, now| {
            let last = cron.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
            last.map_or_else(|| "<none>".to_owned(), |last| age(Some(last), now)).into()
        }),
        Column::AGE,
        TEMPLATE_COLUMNS[0],
        TEMPLATE_COLUMNS[1],
        TEMPLATE_COLUMNS[2],
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    /// The jobs get their own defaults when they are created.
    fn default(&mut self) {
        let Some(spec) = self.spec_mut() else { return };
        default_text(&mut spec.concurrency_policy, "Allow");
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        if let Some(job) = &mut spec.job_template.spec {
            pod_spec::default_template(&mut job.template);
        }
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let name = text(&self.metadata.name);
        if name.len() > MAX_NAME {
            let why = format_args!("must be no more than {MAX_NAME} characters");
            causes.push(Cause::invalid("metadata.name", name, why));
        }
        let path = Path::root("spec");
        match self.spec_ref() {
            None => causes.push(Cause::required(path.child("schedule"), "")),
            Some(spec) => check_spec(path, spec, causes),
        }
    }
}

fn check_spec(path: Path<'_>, spec: &CronJobSpec, causes: &mut Vec<Cause>) {
    check_schedule(path.child("schedule"), spec, causes);
    if let Some(zone) = &spec.time_zone {
        check_zone(path.child("timeZone"), zone, causes);
    }
    non_negative_if_set(path.child("startingDeadlineSeconds"), spec.starting_deadline_seconds, causes);
    let policies = ["Allow", "Forbid", "Replace"];
    one_of(path.child("concurrencyPolicy"), text(&spec.concurrency_policy), &policies, causes);
    check_template(path.child("jobTemplate"), &spec.job_template, causes);
    let successful = spec.successful_jobs_history_limit;
    non_negative_if_set(path.child("successfulJobsHistoryLimit"), successful, causes);
    non_negative_if_set(path.child("failedJobsHistoryLimit"), spec.failed_jobs_history_limit, causes);
}

fn check_schedule(path: Path<'_>, spec: &CronJobSpec, causes: &mut Vec<Cause>) {
    let schedule = spec.schedule.as_str();
    if schedule.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if schedule.contains("TZ") {
        let why = if spec.time_zone.is_some() {
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        } else {
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        };
        causes.push(Cause::invalid(path, schedule, why));
    } else if let Err(why) = schedule::check(schedule) {
        causes.push(Cause::invalid(path, schedule, why));
    }
}

/// Zones are told by their form: which of them exist is known to whoever counts the time.
fn check_zone(path: Path<'_>, zone: &str, causes: &mut Vec<Cause>) {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_+".contains(&b))
    };
    if zone.is_empty() {
        causes.push(Cause::invalid(path, zone, "timeZone must be nil or non-empty string"));
    } else if zone.eq_ignore_ascii_case("local") {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        causes.push(Cause::invalid(path, zone, why));
    } else if !zone.split('/').all(is_part) {
        causes.push(Cause::invalid(path, zone, format_args!("unknown time zone {zone}")));
    }
}

fn check_template(path: Path<'_>, template: &JobTemplateSpec, causes: &mut Vec<Cause>) {
    if let Some(metadata) = &template.metadata {
        labels(path.child("metadata.labels"), &metadata.labels, causes);
        annotations(path.child("metadata.annotations"), &metadata.annotations, causes);
    }
    let path = path.child("spec");
    let Some(spec) = &template.spec else {
        causes.push(Cause::required(path.child("template"), ""));
        return;
    };
    job::validation::spec(path, spec, causes);
    if let Some(selector) = &spec.selector {
        let why = "`selector` will be auto-generated";
        causes.push(Cause::invalid(path.child("selector"), Json(selector), why));
    }
    if spec.manual_selector == Some(true) {
        causes.push(Cause::not_supported(path.child("manualSelector"), true, &["nil", "false"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, from_json, row};
    use crate::kinds::workload::testing::replaced;
    use serde_json::{Value, json};

    fn cron(path: &str, value: Value) -> CronJob {
        let pod = json!({"containers": [{"name": "a", "image": "img:1"}], "restartPolicy": "OnFailure"});
        let cron = json!({
            "metadata": {"name": "nightly", "creationTimestamp": "2026-01-01T11:59:00Z"},
            "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
        });
        defaulted(replaced(cron, path, value))
    }

    #[test]
    fn everything_left_out_has_a_default() {
        let spec = serde_json::to_value(cron("/x", json!(null)).spec).unwrap();
        assert_eq!((&spec["concurrencyPolicy"], &spec["suspend"]), (&json!("Allow"), &json!(false)));
        let limits = (&spec["successfulJobsHistoryLimit"], &spec["failedJobsHistoryLimit"]);
        assert_eq!(limits, (&json!(3), &json!(1)));
        let job = &spec["jobTemplate"]["spec"];
        assert_eq!(job["template"]["spec"]["dnsPolicy"], "ClusterFirst");
        assert_eq!(job["completions"], Value::Null, "jobs get their own defaults");
    }

    #[test]
    fn a_table_tells_the_schedule_and_what_came_of_it() {
        let mut nightly = cron("/spec/timeZone", json!("Europe/Zurich"));
        let expected = ["nightly", "0 3 * * *", "Europe/Zurich", "False", "0", "<none>", "60s"];
        assert_eq!(row(&nightly, false), expected);
        let status = json!({"active": [{"name": "x"}], "lastScheduleTime": "2026-01-01T11:58:00Z"});
        nightly.status = from_json::<CronJob>(json!({"metadata": {}, "status": status})).status;
        assert_eq!(row(&nightly, true)[4..], ["1", "2m", "60s", "a", "img:1", "<none>"]);
    }

    #[test]
    fn specs_that_make_no_sense_are_refused_field_by_field() {
        for (path, value, expected) in [
            ("/spec/schedule", json!("@hourly"), vec![]),
            ("/spec/schedule", json!(""), vec!["spec.schedule: Required value"]),
            (
                "/spec/schedule",
                json!("* * *"),
                vec!["spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]"],
            ),
            (
                "/spec/schedule",
                json!("TZ=UTC 0 3 * * *"),
                vec![
                    "spec.schedule: Invalid value: \"TZ=UTC 0 3 * * *\": cannot use TZ or CRON_TZ in schedule, use \
                     timeZone field instead",
                ],
            ),
            (
                "/spec/timeZone",
                json!("Local"),
                vec![
                    "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in \
                     https://www.iana.org/time-zones",
                ],
            ),
            (
                "/spec/timeZone",
                json!("../etc"),
                vec!["spec.timeZone: Invalid value: \"../etc\": unknown time zone ../etc"],
            ),
            (
                "/spec/concurrencyPolicy",
                json!("Never"),
                vec![
                    "spec.concurrencyPolicy: Unsupported value: \"Never\": supported values: \"Allow\", \"Forbid\", \
                     \"Replace\"",
                ],
            ),
            (
                "/spec/failedJobsHistoryLimit",
                json!(-1),
                vec!["spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                "/spec/jobTemplate/spec/template/spec/restartPolicy",
                json!("Always"),
                vec![
                    "spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \
                     \"Never\"",
                ],
            ),
            (
                "/spec/jobTemplate/spec/selector",
                json!({"matchLabels": {"a": "b"}}),
                vec![
                    "spec.jobTemplate.spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` will be \
                     auto-generated",
                ],
            ),
            (
                "/metadata/name",
                json!("a".repeat(53)),
                vec![
                    "metadata.name: Invalid value: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": must be no \
                     more than 52 characters",
                ],
            ),
        ] {
            assert_eq!(causes(&cron(path, value)), expected, "{path}");
        }
    }

    #[test]
    fn the_template_is_warned_of_where_it_lies() {
        let env = json!([{"name": "A"}, {"name": "A"}]);
        let doubled = cron("/spec/jobTemplate/spec/template/spec/containers/0/env", env);
        let warnings = doubled.warnings(None);
        assert!(warnings[0].starts_with("spec.jobTemplate.spec.template.spec.containers[0].env[1]: hides"));
    }
}
