//! The rules of when enough of a job's pods have succeeded.

use bireme_core::error::Cause;
use k8s_openapi::api::batch::v1::{JobSpec, SuccessPolicy, SuccessPolicyRule};

use super::is_indexed;
use crate::kinds::check::{Json, Path, at_most, non_negative};

const MAX_RULES: usize = 20;
const MAX_INDEXES_BYTES: usize = 64 << 10;

/// What is wrong with the policy of a job.
pub(super) fn validate(path: Path<'_>, policy: &SuccessPolicy, spec: &JobSpec, causes: &mut Vec<Cause>) {
    if !is_indexed(spec) {
        causes.push(Cause::invalid(path, Json(policy), "requires indexed completion mode"));
        return;
    }
    let list = path.child("rules");
    if policy.rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        causes.push(Cause::required(list, why));
    }
    at_most(list, policy.rules.len(), MAX_RULES, causes);
    for (index, rule) in policy.rules.iter().enumerate() {
        check_rule(list.index(index), rule, spec.completions.unwrap_or(0), causes);
    }
}

fn check_rule(path: Path<'_>, rule: &SuccessPolicyRule, completions: i32, causes: &mut Vec<Cause>) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let why = "at least one of succeededCount or succeededIndexes must be specified";
        causes.push(Cause::required(path, why));
    }
    let mut most = completions;
    let mut what = "the number of specified completions";
    if let Some(indexes) = &rule.succeeded_indexes {
        let path = path.child("succeededIndexes");
        if indexes.len() > MAX_INDEXES_BYTES {
            causes.push(Cause::too_long(path, MAX_INDEXES_BYTES));
            return;
        }
        match count_indexes(indexes, completions) {
            Ok(count) => {
                (most, what) = (count, "the number of indexes in the specified succeededIndexes field")
            }
            Err(why) => causes.push(Cause::invalid(path, indexes, why)),
        }
    }
    if let Some(count) = rule.succeeded_count {
        let path = path.child("succeededCount");
        non_negative(path, count.into(), causes);
        if count > most {
            let why = format_args!("must be less than or equal to {most} ({what})");
            causes.push(Cause::invalid(path, count, why));
        }
    }
}

/// How many numbers a text such as `0,2-4` names, which must rise and be below the number of completions.
fn count_indexes(text: &str, completions: i32) -> Result<i32, String> {
    let (mut count, mut next) = (0, 0);
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = interval.split_once('-').unwrap_or((interval, interval));
        let number = |text: &str| {
            let parsed = text.parse::<i32>().ok().filter(|number| *number >= 0);
            parsed.ok_or_else(|| format!("cannot convert string to integer for index: {text:?}"))
        };
        let (first, last) = (number(first)?, number(last)?);
        if last >= completions {
            return Err(format!("too large index: {last:?}"));
        }
        if first < next || first > last {
            return Err(format!("non-increasing order, previous: {:?}, current: {first:?}", next - 1));
        }
        (count, next) = (count + last - first + 1, last + 1);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::count_indexes;

    #[test]
    fn indexes_rise_and_lie_below_the_completions() {
        assert_eq!(
            (count_indexes("0,2-4", 5), count_indexes("", 5), count_indexes("4", 5)),
            (Ok(4), Ok(0), Ok(1))
        );
        for bad in ["x", "1-", "-1", "5", "3-2", "1,1", "2,0-1", "0,,1"] {
            assert!(count_indexes(bad, 5).is_err(), "{bad}");
        }
    }
}
