//! Apply as Kubernetes documents it, and as a simple model of it says.

mod golden;
mod hostile;
mod model;
mod order;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApplyError, apply};
use crate::managed_fields::{Writer, record};
use crate::resource::{CONDITIONS, Field, POD_TEMPLATE, Schema};

const OBJECT: Schema = Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
const SPEC: Schema = Schema::of(&[
    Field::atomic("selector"),
    Field::object("strategy", &Schema::EMPTY).inherent(),
    Field::object("template", &POD_TEMPLATE).inherent(),
]);

fn writer(manager: &str, second: i64) -> Writer<'_> {
    let now = Timestamp::from_second(1_000_000_000 + second).unwrap();
    Writer { manager, api_version: "apps/v1", subresource: None, now }
}

/// An object that is applied to and written to, a second after the other.
#[derive(Clone, Debug, Default)]
struct Subject {
    object: Option<Value>,
    second: i64,
}

impl Subject {
    /// Applies a configuration; what it comes to, or the message of the conflict.
    fn apply(&mut self, manager: &str, configuration: Value) -> Result<&Value, String> {
        self.apply_as(writer(manager, 0), configuration, false)
    }

    fn force(&mut self, manager: &str, configuration: Value) -> &Value {
        self.apply_as(writer(manager, 0), configuration, true).unwrap()
    }

    fn apply_as(&mut self, by: Writer<'_>, mut configuration: Value, force: bool) -> Result<&Value, String> {
        self.second += 1;
        let writer = Writer { now: writer("", self.second).now, ..by };
        configuration["metadata"]["name"] = json!("web");
        let old = self.object.as_ref();
        let applied = apply(old, &configuration, &OBJECT, &writer, force).map_err(|error| match error {
            ApplyError::Fault(fault) => format!("fault: {fault}"),
            ApplyError::Conflicts(conflicts) => conflicts.to_string(),
        })?;
        let mut object = applied.object;
        // As the registry carries them over.
        if let Some(managers) = old.and_then(|old| old.pointer("/metadata/managedFields")) {
            object["metadata"]["managedFields"] = managers.clone();
        }
        applied.managers.write(old, &mut object, &writer);
        Ok(self.object.insert(object))
    }

    /// Replaces the object by what the function makes of it.
    fn update(&mut self, manager: &str, change: impl FnOnce(&mut Value)) -> &Value {
        self.second += 1;
        let mut new = self.object.clone().unwrap_or_else(|| json!({"metadata": {"name": "web"}}));
        change(&mut new);
        record(self.object.as_ref(), &mut new, &writer(manager, self.second), &OBJECT);
        self.object.insert(new)
    }

    fn at(&self, pointer: &str) -> &Value {
        self.object.as_ref().and_then(|object| object.pointer(pointer)).unwrap_or(&Value::Null)
    }

    fn entry(&self, manager: &str, operation: &str) -> &Value {
        let entries = self.at("/metadata/managedFields").as_array();
        let is_it = |entry: &&Value| entry["manager"] == manager && entry["operation"] == operation;
        entries.into_iter().flatten().find(is_it).unwrap_or(&Value::Null)
    }

    fn applied(&self, manager: &str) -> &Value {
        &self.entry(manager, "Apply")["fieldsV1"]
    }
}

/// A configuration of a spec alone.
fn spec(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})
}

/// A configuration of these containers.
fn containers(list: Value) -> Value {
    spec(json!({"template": {"spec": {"containers": list}}}))
}

const CONTAINERS: &str = "/spec/template/spec/containers";
