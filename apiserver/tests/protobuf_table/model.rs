//! Which messages are needed, and what each of their fields becomes in JSON.

use std::collections::BTreeMap;

use crate::sources::{Declared, JsonNames, Sources, plain};

/// Fields that are pointers in the Go types, in which an explicit zero therefore means something.
const POINTERS: &[&str] = &[
    "activeDeadlineSeconds",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "allowVolumeExpansion",
    "automountServiceAccountToken",
    "averageUtilization",
    "backoffLimit",
    "backoffLimitPerIndex",
    "blockOwnerDeletion",
    "completions",
    "controller",
    "currentCPUUtilizationPercentage",
    "defaultMode",
    "deletionGracePeriodSeconds",
    "enableServiceLinks",
    "endPort",
    "exitCode",
    "failedJobsHistoryLimit",
    "fsGroup",
    "gracePeriodSeconds",
    "hostUsers",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "immutable",
    "ipFamilyPolicy",
    "leaseTransitions",
    "manualSelector",
    "maxFailedIndexes",
    "maxSkew",
    "maxSurge",
    "maxUnavailable",
    "minAvailable",
    "minDomains",
    "minReadySeconds",
    "minReplicas",
    "mode",
    "nodeName",
    "optional",
    "ordinals",
    "orphanDependents",
    "parallelism",
    "partition",
    "preemptionPolicy",
    "priority",
    "privileged",
    "procMount",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "ready",
    "replicas",
    "resourceVersion",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "runtimeClassName",
    "seconds",
    "serving",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "stabilizationWindowSeconds",
    "startingDeadlineSeconds",
    "storageClassName",
    "successfulJobsHistoryLimit",
    "suspend",
    "targetCPUUtilizationPercentage",
    "terminating",
    "terminationGracePeriodSeconds",
    "timeoutSeconds",
    "tolerationSeconds",
    "ttlSecondsAfterFinished",
    "uid",
    "value",
    "volumeMode",
];

/// Those of the names above that are plain values in these types.
const NOT_POINTERS: &[(&str, &str)] = &[
    ("Container", "minReadySeconds"),
    ("EnvVar", "value"),
    ("EphemeralContainerCommon", "value"),
    ("ObjectMeta", "resourceVersion"),
    ("ObjectMeta", "uid"),
    ("ObjectReference", "resourceVersion"),
    ("ObjectReference", "uid"),
    ("PodSpec", "nodeName"),
    ("Probe", "timeoutSeconds"),
    ("Toleration", "value"),
    ("DeploymentSpec", "minReadySeconds"),
    ("DaemonSetSpec", "minReadySeconds"),
    ("ReplicaSetSpec", "minReadySeconds"),
    ("ReplicationControllerSpec", "minReadySeconds"),
    ("StatefulSetSpec", "minReadySeconds"),
];

/// A message as the transcoder sees it.
pub struct Message {
    pub module: String,
    pub title: String,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub number: u32,
    pub name: String,
    pub shape: &'static str,
    pub value: Type,
}

pub enum Type {
    /// A variant of the transcoder's `Type` without content.
    Plain(&'static str),
    /// A message by its key in [`Model::messages`].
    Message(String),
}

pub struct Model<'a> {
    sources: &'a Sources,
    modules: BTreeMap<String, BTreeMap<String, Declared>>,
    pub messages: BTreeMap<String, Message>,
}

impl<'a> Model<'a> {
    pub fn build(sources: &'a Sources, roots: &[(&str, &str, &[&str])]) -> Self {
        let mut model = Model { sources, modules: BTreeMap::new(), messages: BTreeMap::new() };
        for (_, module, names) in roots {
            for name in *names {
                let json =
                    sources.json_names(module, name).unwrap_or_else(|| panic!("no type {module}::{name}"));
                model.message(module, name, None, &json);
            }
        }
        model
    }

    /// Adds a message and all that it needs. `inside` is the message whose JSON object takes in its fields.
    fn message(&mut self, module: &str, name: &str, inside: Option<&str>, json: &JsonNames) -> String {
        let title = inside.map_or(name.to_owned(), |parent| format!("{parent}In{name}"));
        let key = format!("{module}::{title}");
        if self.messages.contains_key(&key) {
            return key;
        }
        let placeholder = Message { module: module.to_owned(), title: title.clone(), fields: Vec::new() };
        self.messages.insert(key.clone(), placeholder);
        let declared: Vec<(u32, String, String, String)> = self
            .declared(module, name)
            .fields
            .iter()
            .map(|f| (f.number, f.name.clone(), f.rust_type.clone(), f.attribute.clone()))
            .collect();
        let fields = declared
            .into_iter()
            .filter_map(|(number, field, rust_type, attribute)| {
                let known = json.get(&plain(&field)).cloned();
                if !attribute.contains("message") {
                    let (json_name, always) = known?;
                    let (shape, scalar) = scalar(name, &json_name, always, &attribute);
                    return Some(Field { number, name: json_name, shape, value: Type::Plain(scalar) });
                }
                let (target_module, target) = resolve(module, &rust_type);
                match known {
                    Some((json_name, always)) => {
                        let shape = shape(name, &json_name, always, &attribute);
                        let value = self.value(&target_module, &target)?;
                        Some(Field { number, name: json_name, shape, value })
                    }
                    None if self.is_inlined(&target_module, &target, json) => {
                        let value = Type::Message(self.message(&target_module, &target, Some(&title), json));
                        Some(Field { number, name: String::new(), shape: "Inline", value })
                    }
                    // Newer or older than the version of the API that is served.
                    None => None,
                }
            })
            .collect();
        if let Some(message) = self.messages.get_mut(&key) {
            message.fields = fields;
        }
        key
    }

    fn value(&mut self, module: &str, name: &str) -> Option<Type> {
        let special = match name {
            "Quantity" => "Quantity",
            "IntOrString" => "IntOrString",
            "Time" => "Time",
            "MicroTime" => "MicroTime",
            "RawExtension" | "FieldsV1" => "Json",
            _ => {
                let json = self.sources.json_names(module, name)?;
                return Some(Type::Message(self.message(module, name, None, &json)));
            }
        };
        Some(Type::Plain(special))
    }

    /// Whether the fields of a message lie in the JSON object of the message that has it.
    fn is_inlined(&mut self, module: &str, name: &str, json: &JsonNames) -> bool {
        let fields = &self.declared(module, name).fields;
        fields.iter().any(|field| json.contains_key(&plain(&field.name)))
    }

    fn declared(&mut self, module: &str, name: &str) -> &Declared {
        let sources = self.sources;
        let messages = self.modules.entry(module.to_owned()).or_insert_with(|| sources.messages(module));
        messages.get(name).unwrap_or_else(|| panic!("no message {module}::{name}"))
    }
}

fn scalar(message: &str, name: &str, always: bool, attribute: &str) -> (&'static str, &'static str) {
    let value = match attribute.split([',', ' ', '=']).next() {
        Some("string") => "Text",
        Some("bool") => "Bool",
        Some("int32" | "int64") => "Integer",
        Some("bytes") => "Bytes",
        Some("btree_map") if attribute.contains("string, string") => "Text",
        Some("btree_map") if attribute.contains("string, bytes") => "Bytes",
        other => panic!("{message}.{name}: {other:?}"),
    };
    (shape(message, name, always, attribute), value)
}

fn shape(message: &str, name: &str, always: bool, attribute: &str) -> &'static str {
    if attribute.starts_with("btree_map") {
        "Map"
    } else if attribute.contains("repeated") {
        "Many"
    } else if always || POINTERS.contains(&name) && !NOT_POINTERS.contains(&(message, name)) {
        "Kept"
    } else {
        "One"
    }
}

/// The module and name of the type that a field's Rust type is made of.
fn resolve(module: &str, rust_type: &str) -> (String, String) {
    let bare = rust_type.trim_end_matches(['>', ',']);
    let inner = bare.rsplit(['<', ',']).next().unwrap().trim();
    let mut path: Vec<&str> = module.split("::").collect();
    for segment in inner.split("::") {
        match segment {
            "super" => drop(path.pop()),
            segment => path.push(segment),
        }
    }
    let name = path.pop().unwrap().to_owned();
    (path.join("::"), name)
}
