//! Profiles from a file of the form of upstream's `KubeSchedulerConfiguration`.

use serde::Deserialize;

use crate::plugins::{MostAllocated, RequestedToCapacityRatio};
use crate::profile::Profile;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// It is not of the form.
    #[error("the configuration is not of the form of a KubeSchedulerConfiguration")]
    Form(#[from] serde_json::Error),
    /// It is something else.
    #[error("{0:?} is not kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration")]
    Kind(String),
    /// A plugin does not exist, or not at this extension point.
    #[error("there is no plugin {plugin:?} that is a {point}")]
    Plugin {
        /// Its name.
        plugin: String,
        /// What it should be.
        point: &'static str,
    },
    /// A plugin's arguments are not known.
    #[error("arguments of plugin {0:?} are not supported")]
    Arguments(String),
    /// A strategy of `NodeResourcesFit` is not known.
    #[error(
        "scoring strategy {0:?} is not supported; there are LeastAllocated, MostAllocated and RequestedToCapacityRatio"
    )]
    Strategy(String),
    /// The curve of `RequestedToCapacityRatio` is none.
    #[error("a shape needs utilizations from 0 to 100 that rise, and scores from 0 to 10")]
    Shape,
}

/// The schedulers that a configuration describes: the names that pods choose them by, and their profiles.
///
/// # Errors
///
/// When it has what is not supported, so that nothing in it is ignored.
pub fn profiles(configuration: serde_json::Value) -> Result<Vec<(String, Profile)>, ConfigurationError> {
    let configuration: Configuration = serde_json::from_value(configuration)?;
    let is_it = configuration.api_version.starts_with("kubescheduler.config.k8s.io/v1")
        && configuration.kind == "KubeSchedulerConfiguration";
    if !is_it {
        return Err(ConfigurationError::Kind(format!(
            "{} {}",
            configuration.api_version, configuration.kind
        )));
    }
    if configuration.profiles.is_empty() {
        return Ok(vec![(default_name(), Profile::default())]);
    }
    configuration.profiles.into_iter().map(|form| Ok((form.scheduler_name.clone(), profile(form)?))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    api_version: String,
    kind: String,
    #[serde(default)]
    profiles: Vec<ProfileForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProfileForm {
    #[serde(default = "default_name")]
    scheduler_name: String,
    #[serde(default)]
    plugins: Points,
    #[serde(default)]
    plugin_config: Vec<Arguments>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Points {
    #[serde(default)]
    multi_point: Switches,
    #[serde(default)]
    filter: Switches,
    #[serde(default)]
    score: Switches,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    #[serde(default)]
    enabled: Vec<Switch>,
    #[serde(default)]
    disabled: Vec<Switch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    name: String,
    weight: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    name: String,
    args: Fit,
}

/// The arguments of `NodeResourcesFit`, which are all that there are.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fit {
    #[serde(default, rename = "apiVersion")]
    _api_version: String,
    #[serde(default, rename = "kind")]
    _kind: String,
    scoring_strategy: Option<Strategy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Strategy {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    requested_to_capacity_ratio: Curve,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Curve {
    #[serde(default)]
    shape: Vec<CurvePoint>,
}

/// A utilization in percent, and the score there, of ten at most.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CurvePoint {
    utilization: i64,
    score: i64,
}

/// How full nodes are compared.
enum Fullness {
    Least,
    Most,
    Curve(RequestedToCapacityRatio),
}

fn default_name() -> String {
    "default-scheduler".to_owned()
}

fn profile(form: ProfileForm) -> Result<Profile, ConfigurationError> {
    let Points { multi_point, filter, score } = form.plugins;
    let mut profile = Profile::default();
    for disabled in multi_point.disabled.iter().chain(&filter.disabled).map(|switch| switch.name.as_str()) {
        profile = if disabled == "*" { profile.without_filters() } else { profile.without_filter(disabled) };
    }
    for disabled in multi_point.disabled.iter().chain(&score.disabled).map(|switch| switch.name.as_str()) {
        profile = if disabled == "*" { profile.without_scores() } else { profile.without_score(disabled) };
    }
    for switch in &filter.enabled {
        profile = filtering(profile, switch).ok_or_else(|| missing(switch, "filter"))?;
    }
    for switch in &score.enabled {
        profile = scoring(profile, switch).ok_or_else(|| missing(switch, "score"))?;
    }
    for switch in &multi_point.enabled {
        let filtered = filtering(profile.clone(), switch);
        let known = filtered.is_some();
        profile = filtered.unwrap_or(profile);
        match scoring(profile.clone(), switch) {
            Some(scored) => profile = scored,
            None if known => {}
            None => return Err(missing(switch, "filter or a score")),
        }
    }
    Ok(match strategy(form.plugin_config)? {
        Fullness::Least => profile,
        Fullness::Most => profile.exchange_score(MostAllocated),
        Fullness::Curve(curve) => profile.exchange_score(curve),
    })
}

/// With the filter of this name, once.
fn filtering(profile: Profile, switch: &Switch) -> Option<Profile> {
    profile.without_filter(&switch.name).named_filter(&switch.name)
}

/// With the score of this name, once, at the weight that is given.
fn scoring(profile: Profile, switch: &Switch) -> Option<Profile> {
    profile.without_score(&switch.name).named_score(&switch.name, switch.weight)
}

fn missing(switch: &Switch, point: &'static str) -> ConfigurationError {
    ConfigurationError::Plugin { plugin: switch.name.clone(), point }
}

fn strategy(arguments: Vec<Arguments>) -> Result<Fullness, ConfigurationError> {
    let mut fullness = Fullness::Least;
    for Arguments { name, args } in arguments {
        if name != "NodeResourcesFit" {
            return Err(ConfigurationError::Arguments(name));
        }
        let Some(strategy) = args.scoring_strategy else { continue };
        fullness = match strategy.kind.as_str() {
            "LeastAllocated" => Fullness::Least,
            "MostAllocated" => Fullness::Most,
            "RequestedToCapacityRatio" => Fullness::Curve(curve(&strategy.requested_to_capacity_ratio)?),
            other => return Err(ConfigurationError::Strategy(other.to_owned())),
        };
    }
    Ok(fullness)
}

/// Upstream's scores go to ten, its points to a hundred.
fn curve(curve: &Curve) -> Result<RequestedToCapacityRatio, ConfigurationError> {
    let points = curve.shape.iter().map(|point| (point.utilization, point.score.saturating_mul(10)));
    RequestedToCapacityRatio::new(points).ok_or(ConfigurationError::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DefaultScheduler;
    use crate::plugins::testing::{node, pod};
    use bireme_core::scheduler::{Decision, Scheduler as _, Snapshot};
    use serde_json::{Value, json};

    fn with(profile: Value) -> Result<Vec<(String, Profile)>, ConfigurationError> {
        profiles(json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
            "profiles": [profile]}))
    }

    /// Where a pod goes of two nodes, one of which is half full and one of which is cordoned.
    fn choice(profile: Value) -> String {
        let (_, profile) = with(profile).unwrap().remove(0);
        let mut snapshot = Snapshot::new();
        for name in ["empty", "half"] {
            snapshot.put_node(node(name).allocatable("cpu", "1").allocatable("memory", "1Gi").build());
        }
        snapshot.put_node(
            node("cordoned").unschedulable().allocatable("cpu", "64").allocatable("memory", "64Gi").build(),
        );
        snapshot.assume(pod("p").requests("cpu", "500m").requests("memory", "512Mi").info(), "half");
        let pod = pod("q").requests("cpu", "100m").requests("memory", "100Mi").info();
        match DefaultScheduler::with(profile, 1).schedule(&snapshot, &pod) {
            Decision::Bind { node, .. } => node,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_switched_off_is_off_and_strategies_can_be_chosen() {
        assert_eq!(choice(json!({})), "empty");
        let pack =
            json!({"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}});
        assert_eq!(choice(json!({"pluginConfig": [pack]})), "half");
        let curve = json!({"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]});
        let ratio = json!({"name": "NodeResourcesFit", "args": {"scoringStrategy":
            {"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": curve}}});
        assert_eq!(choice(json!({"pluginConfig": [ratio]})), "half");
        let uncordoned = json!({"filter": {"disabled": [{"name": "NodeUnschedulable"}]}});
        assert_eq!(choice(json!({"plugins": uncordoned})), "cordoned");
        let only = json!({"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit", "weight": 5}]}});
        assert_eq!(choice(json!({"plugins": only, "pluginConfig": [pack]})), "half");
    }

    #[test]
    fn profiles_have_names_and_without_any_there_is_the_default() {
        let named = with(json!({"schedulerName": "mine"})).unwrap();
        assert_eq!(named[0].0, "mine");
        let none =
            json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"});
        assert_eq!(profiles(none).unwrap()[0].0, "default-scheduler");
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        let refused = |profile: Value| with(profile).err().map(|error| error.to_string()).unwrap();
        let unknown = json!({"plugins": {"filter": {"enabled": [{"name": "Moon"}]}}});
        assert_eq!(refused(unknown), "there is no plugin \"Moon\" that is a filter");
        let strategy = json!({"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "Odd"}}});
        assert!(refused(json!({"pluginConfig": [strategy]})).contains("\"Odd\""));
        assert!(refused(json!({"percentageOfNodesToScore": 50})).contains("form"));
        let other = profiles(json!({"apiVersion": "v1", "kind": "Pod"})).err().unwrap();
        assert!(other.to_string().contains("v1 Pod"));
    }
}
