//! How many pods a rollout may have too many or too few.

use bireme_core::object::versions::Specified;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The limits of a rolling update, in pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// How many pods more than wanted there may be.
    pub(super) surge: i32,
    /// How many of the wanted pods may be unavailable.
    pub(super) unavailable: i32,
}

impl Bounds {
    /// The limits of a Deployment that wants `replicas`. Percentages of surge round up, of unavailability down;
    /// both zero would never move, so that one pod may then be unavailable. A Deployment that recreates has none.
    pub(super) fn of(deployment: &Deployment, replicas: i32) -> Bounds {
        let strategy = deployment.spec_ref().and_then(|spec| spec.strategy.as_ref());
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
            return Bounds { surge: 0, unavailable: 0 };
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let quarter = IntOrString::String("25%".to_owned());
        let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).unwrap_or(&quarter);
        let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).unwrap_or(&quarter);
        let surge = resolve(surge, replicas, Rounding::Up);
        let unavailable = match resolve(unavailable, replicas, Rounding::Down) {
            0 if surge == 0 => 1,
            unavailable => unavailable.min(replicas),
        };
        Bounds { surge, unavailable }
    }
}

enum Rounding {
    Up,
    Down,
}

/// A number of pods or a percentage of `whole`; zero for what is neither, which validation refuses.
fn resolve(value: &IntOrString, whole: i32, rounding: Rounding) -> i32 {
    let number = match value {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(text) => text.strip_suffix('%').and_then(|digits| {
            let hundredths = i64::from(whole) * digits.parse::<i64>().ok()?;
            let rounded = match rounding {
                Rounding::Up => (hundredths + 99).div_euclid(100),
                Rounding::Down => hundredths.div_euclid(100),
            };
            i32::try_from(rounded).ok()
        }),
    };
    number.unwrap_or(0).max(0)
}
