//! The priority of pods, which their class says.

use async_trait::async_trait;
use bireme_core::client::Part;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::{Admission, AdmissionRequest, Objects, Operation};
use crate::kinds::priority_class::value_of;
use crate::resource::Draft;

const POD: Kind = Kind::of::<Pod>();
const CLASS: Kind = Kind::of::<PriorityClass>();

/// Whether a pod may displace others, where nothing else is said.
const PREEMPTION: &str = "PreemptLowerPriority";

/// Gives a new pod the priority of its class, or of the class for all pods without one, and sees to it that there is
/// at most one such class: Kubernetes' Priority.
#[derive(Clone, Copy, Debug, Default)]
pub struct Priority;

#[async_trait]
impl Admission for Priority {
    fn handles(&self, request: &AdmissionRequest<'_>) -> bool {
        match request.operation {
            Operation::Create => request.kind == POD || request.kind == CLASS,
            Operation::Update(Part::Main) => request.kind == CLASS,
            _ => false,
        }
    }

    async fn mutate(&self, request: &AdmissionRequest<'_>, object: &mut Draft) -> Result<(), ApiError> {
        let Some(spec) = object.typed_mut::<Pod>().map(|pod| pod.spec.get_or_insert_default()) else {
            return Ok(());
        };
        let refuse = |why: String| Err(ApiError::forbidden(POD, request.key.name(), why));
        let name = spec.priority_class_name.as_deref().unwrap_or_default();
        let class = if name.is_empty() {
            global_default(request.objects).await?
        } else {
            match class(request.objects, name).await? {
                None => return refuse(format!("no PriorityClass with name {name} was found")),
                class => class,
            }
        };
        let priority = class.as_ref().map_or(0, value_of);
        if let Some(other) = spec.priority.filter(|other| *other != priority) {
            return refuse(format!(
                "the integer value of priority ({other}) must not be provided in pod spec; priority admission \
                 controller computed {priority} from the given PriorityClass name"
            ));
        }
        let policy =
            class.as_ref().and_then(|class| class.preemption_policy.as_deref()).unwrap_or(PREEMPTION);
        if let Some(other) = spec.preemption_policy.as_deref().filter(|other| *other != policy) {
            return refuse(format!(
                "the string value of PreemptionPolicy ({other}) must not be provided in pod spec; priority admission \
                 controller computed {policy} from the given PriorityClass name"
            ));
        }
        spec.preemption_policy = Some(policy.to_owned());
        spec.priority = Some(priority);
        if let Some(class) = class {
            spec.priority_class_name = class.metadata.name;
        }
        Ok(())
    }

    async fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: Option<&Draft>,
        _old: Option<&Draft>,
    ) -> Result<(), ApiError> {
        let Some(class) = object.and_then(Draft::typed::<PriorityClass>) else { return Ok(()) };
        if class.global_default != Some(true) {
            return Ok(());
        }
        let name = |class: &PriorityClass| class.metadata.name.clone().unwrap_or_default();
        match global_default(request.objects).await?.map(|other| name(&other)) {
            Some(other) if other != request.key.name() => {
                let why =
                    format!("PriorityClass {other} is already marked as default. Only one default can exist");
                Err(ApiError::forbidden(CLASS, request.key.name(), why))
            }
            _ => Ok(()),
        }
    }
}

async fn class(objects: &dyn Objects, name: &str) -> Result<Option<PriorityClass>, ApiError> {
    match objects.get(CLASS, &ObjectKey::cluster(name)).await? {
        Some(object) => Ok(Some((*object.typed::<PriorityClass>()?).clone())),
        None => Ok(None),
    }
}

/// The class of pods without one: should there be several, the lowest of them.
async fn global_default(objects: &dyn Objects) -> Result<Option<PriorityClass>, ApiError> {
    let mut lowest: Option<PriorityClass> = None;
    for object in objects.list(CLASS).await? {
        let class = object.typed::<PriorityClass>()?;
        let is_lower = lowest.as_ref().is_none_or(|lowest| value_of(&class) < value_of(lowest));
        if class.global_default == Some(true) && is_lower {
            lowest = Some((*class).clone());
        }
    }
    Ok(lowest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bireme_core::client::Identity;
    use bireme_core::object::Object;
    use serde_json::{Value, json};

    use super::*;

    /// A cluster with nothing but classes.
    struct Classes(Vec<Arc<Object>>);

    #[async_trait]
    impl Objects for Classes {
        async fn get(&self, _kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
            Ok(self.0.iter().find(|class| class.key() == key).cloned())
        }

        async fn list(&self, _kind: Kind) -> Result<Vec<Arc<Object>>, ApiError> {
            Ok(self.0.clone())
        }
    }

    fn class(name: &str, value: i32, is_default: bool) -> Arc<Object> {
        let class = json!({
            "metadata": {"name": name}, "value": value, "globalDefault": is_default, "preemptionPolicy": "Never",
        });
        Arc::new(Object::from_value(CLASS, class).unwrap())
    }

    /// A new pod's spec as it is admitted.
    async fn admitted(classes: Vec<Arc<Object>>, spec: Value) -> Result<Value, String> {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap();
        let mut draft = Draft::new(POD, Box::new(pod));
        let request = AdmissionRequest {
            operation: Operation::Create,
            kind: POD,
            key: &ObjectKey::namespaced("default", "p"),
            identity: &Identity::admin("admin"),
            dry_run: false,
            objects: &Classes(classes),
        };
        assert!(Priority.handles(&request));
        Priority.mutate(&request, &mut draft).await.map_err(|error| error.to_string())?;
        Ok(draft.value().unwrap()["spec"].clone())
    }

    #[tokio::test]
    async fn a_pod_has_the_priority_of_its_class() {
        let high = || vec![class("high", 7, false)];
        let spec = |more: Value| {
            let mut spec = json!({"containers": [], "priorityClassName": "high"});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let found = admitted(high(), spec(json!({}))).await.unwrap();
        assert_eq!((&found["priority"], &found["preemptionPolicy"]), (&json!(7), &json!("Never")));
        let same = admitted(high(), spec(json!({"priority": 7}))).await.unwrap();
        assert_eq!(same["priority"], 7);
        let other = admitted(high(), spec(json!({"priority": 8}))).await.unwrap_err();
        assert!(other.contains("the integer value of priority (8) must not be provided"), "{other}");
        let policy = spec(json!({"preemptionPolicy": "PreemptLowerPriority"}));
        let other = admitted(high(), policy).await.unwrap_err();
        assert!(other.contains("the string value of PreemptionPolicy (PreemptLowerPriority)"), "{other}");
        let unknown = admitted(Vec::new(), spec(json!({}))).await.unwrap_err();
        assert_eq!(unknown, "pods \"p\" is forbidden: no PriorityClass with name high was found");
    }

    #[tokio::test]
    async fn a_pod_without_a_class_has_the_default_or_none() {
        let none = admitted(vec![class("high", 7, false)], json!({"containers": []})).await.unwrap();
        assert_eq!((&none["priority"], &none["preemptionPolicy"]), (&json!(0), &json!(PREEMPTION)));
        assert_eq!(none["priorityClassName"], Value::Null);
        let classes = vec![class("a", 7, true), class("b", 5, true)];
        let default = admitted(classes, json!({"containers": []})).await.unwrap();
        assert_eq!((&default["priority"], &default["priorityClassName"]), (&json!(5), &json!("b")));
        for own in [json!({"priority": 3}), json!({"preemptionPolicy": "Never"})] {
            let mut spec = json!({"containers": []});
            spec.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            assert!(admitted(Vec::new(), spec).await.is_err(), "{own}");
        }
    }
}
