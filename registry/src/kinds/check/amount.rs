//! Numbers and percentages of pods.

use bireme_core::error::Cause;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Path, non_negative};

pub(crate) const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. \
    '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// What matters of a number or a percentage of pods.
pub(crate) enum Amount<'a> {
    Zero,
    Some,
    MoreThanAll(&'a str),
}

impl Amount<'_> {
    /// Whether it is of no pod.
    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, Amount::Zero)
    }
}

/// The value must be a number that is not negative, or a percentage.
pub(crate) fn amount<'a>(
    path: Path<'_>,
    value: Option<&'a IntOrString>,
    causes: &mut Vec<Cause>,
) -> Option<Amount<'a>> {
    match value? {
        IntOrString::Int(number) => {
            non_negative(path, (*number).into(), causes);
            Some(if *number == 0 { Amount::Zero } else { Amount::Some })
        }
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%').filter(|digits| !digits.is_empty());
            match digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
                None => {
                    causes.push(Cause::invalid(path, text, PERCENT));
                    None
                }
                Some(digits) => Some(match digits.parse::<u64>() {
                    Ok(0) => Amount::Zero,
                    Ok(1..=100) => Amount::Some,
                    _ => Amount::MoreThanAll(text),
                }),
            }
        }
    }
}

/// The same for a part of the pods, which cannot be more than all of them.
pub(crate) fn share<'a>(
    path: Path<'_>,
    value: Option<&'a IntOrString>,
    causes: &mut Vec<Cause>,
) -> Option<Amount<'a>> {
    let amount = amount(path, value, causes);
    if let Some(Amount::MoreThanAll(text)) = amount {
        causes.push(Cause::invalid(path, text, "must not be greater than 100%"));
    }
    amount
}
