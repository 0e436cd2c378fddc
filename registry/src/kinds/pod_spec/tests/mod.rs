mod defaults;
mod rules;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

use super::*;
use crate::kinds::check::Path;
use crate::kinds::workload::testing::replaced;

/// A sound spec with another value at a path.
fn spec(path: &str, value: Value) -> PodSpec {
    let spec = json!({
        "containers": [{"name": "a", "image": "img:1"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    });
    let mut spec: PodSpec = serde_json::from_value(replaced(spec, path, value)).unwrap();
    default(&mut spec);
    spec
}

/// What is wrong with it.
fn causes(path: &str, value: Value) -> Vec<String> {
    let mut causes = Vec::new();
    validate(Path::root("spec"), &spec(path, value), &mut causes);
    causes.iter().map(bireme_core::error::Cause::to_string).collect()
}
