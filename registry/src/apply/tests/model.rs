//! A model of apply that is too simple to be wrong: an object is a map of paths to values, and a manager's
//! fields are a set of paths.

use std::collections::{BTreeMap, BTreeSet};

use bireme_core::error::ApiError;
use proptest::prelude::*;

use super::*;

/// An object: `labels/a`, `finalizers/a`, `replicas`, `selector`, `containers/a`, `containers/a/image`,
/// `containers/a/env/A`, … An item of a list is a path of its own, with an empty value.
type Flat = BTreeMap<String, String>;

/// A manager, and whether it applies.
type Who = (&'static str, bool);

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    object: Flat,
    owners: BTreeMap<Who, BTreeSet<String>>,
}

impl Model {
    fn update(&mut self, manager: &'static str, new: Flat) {
        let who = (manager, false);
        let changed: BTreeSet<String> = changed(&self.object, &new);
        let written = changed.iter().filter(|path| new.contains_key(*path)).cloned();
        self.owners.entry(who).or_default().extend(written);
        self.forget(&changed, &new, who);
        self.object = new;
    }

    fn apply(
        &mut self,
        manager: &'static str,
        wanted: &Flat,
        force: bool,
    ) -> Result<(), BTreeSet<(Who, String)>> {
        let who = (manager, true);
        let mut new = self.object.clone();
        for path in self.owners.get(&who).into_iter().flatten() {
            let others = || self.owners.iter().filter(|(other, _)| **other != who);
            if !wanted.contains_key(path) && !others().any(|(_, owned)| owned.contains(path)) {
                new.retain(|other, _| other != path && !other.starts_with(&format!("{path}/")));
            }
        }
        new.extend(wanted.clone());
        let changed = changed(&self.object, &new);
        let others = self.owners.iter().filter(|(other, _)| **other != who);
        let conflicts: BTreeSet<_> = others
            .flat_map(|(other, owned)| owned.intersection(&changed).map(|path| (*other, path.clone())))
            .filter(|(_, path)| new.contains_key(path))
            .collect();
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        self.owners.insert(who, wanted.keys().cloned().collect());
        self.forget(&changed, &new, who);
        self.object = new;
        Ok(())
    }

    /// Takes what changed from all but the one who changed it, and what is gone from all.
    fn forget(&mut self, changed: &BTreeSet<String>, new: &Flat, by: Who) {
        for (who, owned) in &mut self.owners {
            owned.retain(|path| !changed.contains(path) || (*who == by && new.contains_key(path)));
        }
        self.owners.retain(|_, owned| !owned.is_empty());
    }
}

/// The paths at which two objects differ.
fn changed(old: &Flat, new: &Flat) -> BTreeSet<String> {
    old.keys().chain(new.keys()).filter(|path| old.get(*path) != new.get(*path)).cloned().collect()
}

/// The object with such fields.
fn unflattened(flat: &Flat) -> Value {
    let mut object = json!({"metadata": {"name": "web"}});
    for (path, value) in flat {
        let steps: Vec<&str> = path.split('/').collect();
        match steps.as_slice() {
            ["labels", label] => object["metadata"]["labels"][label] = json!(value),
            ["finalizers", name] => push(&mut object["metadata"]["finalizers"], json!(name)),
            ["replicas"] => object["spec"]["replicas"] = json!(value),
            ["selector"] => object["spec"]["selector"]["matchLabels"][value] = json!("x"),
            [_, container, rest @ ..] => {
                let containers = &mut object["spec"]["template"]["spec"]["containers"];
                let container = named(containers, container);
                match rest {
                    ["env", name, "value"] => named(&mut container["env"], name)["value"] = json!(value),
                    ["env", name, ..] => drop(named(&mut container["env"], name)),
                    ["image"] => container["image"] = json!(value),
                    _ => {}
                }
            }
            other => panic!("{other:?}"),
        }
    }
    object
}

fn push(list: &mut Value, item: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().push(item);
}

/// The item of a list with this name, which it gets if it has none.
fn named<'a>(list: &'a mut Value, name: &str) -> &'a mut Value {
    let is_it = |item: &Value| item["name"] == name;
    if !list.as_array().is_some_and(|items| items.iter().any(is_it)) {
        push(list, json!({"name": name}));
    }
    list.as_array_mut().unwrap().iter_mut().find(|item| is_it(item)).unwrap()
}

/// The fields of an object, and of a set of fields in Kubernetes' form: in both, objects and lists that only
/// hold others are left out.
fn flattened(object: &Value) -> Flat {
    let mut flat = Flat::new();
    let strings = |value: &Value| value.as_str().unwrap().to_owned();
    for (label, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        flat.insert(format!("labels/{label}"), strings(value));
    }
    for name in object["metadata"]["finalizers"].as_array().into_iter().flatten() {
        flat.insert(format!("finalizers/{}", strings(name)), String::new());
    }
    if let Some(replicas) = object["spec"].get("replicas") {
        flat.insert("replicas".to_owned(), strings(replicas));
    }
    if let Some(labels) = object.pointer("/spec/selector/matchLabels") {
        flat.insert("selector".to_owned(), labels.as_object().unwrap().keys().cloned().collect());
    }
    items(&object["spec"]["template"]["spec"]["containers"], "containers", &mut flat);
    flat
}

fn items(list: &Value, prefix: &str, flat: &mut Flat) {
    for item in list.as_array().into_iter().flatten() {
        let prefix = format!("{prefix}/{}", item["name"].as_str().unwrap());
        flat.insert(prefix.clone(), String::new());
        for (name, value) in item.as_object().unwrap() {
            match value {
                Value::String(value) => drop(flat.insert(format!("{prefix}/{name}"), value.clone())),
                list => items(list, &format!("{prefix}/{name}"), flat),
            }
        }
    }
}

fn owned(fields: &Value) -> BTreeSet<String> {
    fn walk(node: &Value, path: &str, found: &mut BTreeSet<String>) {
        let node = node.as_object().unwrap();
        let is_list = ["labels", "finalizers", "containers", "env"].iter().any(|list| path.ends_with(list));
        if (node.is_empty() || node.contains_key(".")) && !is_list {
            found.insert(path.to_owned());
        }
        for (name, below) in node.iter().filter(|(name, _)| *name != ".") {
            let step: String = match &name[..2] {
                "k:" => {
                    serde_json::from_str::<Value>(&name[2..]).unwrap()["name"].as_str().unwrap().to_owned()
                }
                "v:" => serde_json::from_str(&name[2..]).unwrap(),
                _ => name[2..].to_owned(),
            };
            let path = match (path, step.as_str()) {
                ("", "metadata" | "spec" | "template") => String::new(),
                ("", step) => step.to_owned(),
                (path, step) => format!("{path}/{step}"),
            };
            walk(below, &path, found);
        }
    }
    let mut found = BTreeSet::new();
    walk(fields, "", &mut found);
    found.remove("");
    found
}

/// What a subject is in the model.
fn modelled(subject: &Subject) -> Model {
    let mut owners: BTreeMap<Who, BTreeSet<String>> = BTreeMap::new();
    for entry in subject.at("/metadata/managedFields").as_array().into_iter().flatten() {
        let manager = MANAGERS.into_iter().find(|manager| entry["manager"] == *manager).unwrap();
        owners.insert((manager, entry["operation"] == "Apply"), owned(&entry["fieldsV1"]));
    }
    owners.retain(|_, owned| !owned.is_empty());
    Model { object: subject.object.as_ref().map(flattened).unwrap_or_default(), owners }
}

/// A conflict as it is told.
fn told((who, path): (Who, String)) -> (String, String) {
    let steps: Vec<&str> = path.split('/').collect();
    let field = match steps.as_slice() {
        ["labels", label] => format!(".metadata.labels.{label}"),
        ["containers", container, "image"] => {
            format!(".spec.template.spec.containers[name=\"{container}\"].image")
        }
        ["containers", container, "env", name, "value"] => {
            format!(".spec.template.spec.containers[name=\"{container}\"].env[name=\"{name}\"].value")
        }
        ["replicas" | "selector"] => format!(".spec.{path}"),
        other => panic!("no value that could differ: {other:?}"),
    };
    let using = if who.1 { "" } else { " using apps/v1" };
    (format!("conflict with {:?}{using}", who.0), field)
}

const MANAGERS: [&str; 3] = ["x", "y", "z"];

#[derive(Clone, Debug)]
enum Step {
    Apply { manager: &'static str, wanted: Flat, force: bool },
    Update { manager: &'static str, new: Flat },
}

fn any_flat() -> impl Strategy<Value = Flat> {
    let leaves = vec![
        "labels/a",
        "labels/b",
        "finalizers/a",
        "finalizers/b",
        "replicas",
        "selector",
        "containers/a",
        "containers/b",
        "containers/a/image",
        "containers/b/image",
        "containers/a/env/A",
        "containers/a/env/A/value",
        "containers/a/env/B/value",
    ];
    let count = leaves.len();
    let chosen = proptest::sample::subsequence(leaves, 0..count);
    (chosen, proptest::collection::vec("[12]", count)).prop_map(|(paths, values)| {
        let mut flat = Flat::new();
        for (path, value) in paths.into_iter().zip(values) {
            let is_item = path.starts_with("finalizers")
                || path.ends_with("/a") && path.starts_with("c")
                || path.ends_with("/b") && path.starts_with("c")
                || path.ends_with("/A");
            flat.insert(path.to_owned(), if is_item { String::new() } else { value });
            // What is in an item needs the item, and that its name.
            let steps: Vec<&str> = path.split('/').collect();
            for depth in [2, 4].into_iter().filter(|depth| steps[0] == "containers" && *depth <= steps.len())
            {
                let item = steps[..depth].join("/");
                flat.insert(format!("{item}/name"), steps[depth - 1].to_owned());
                flat.insert(item, String::new());
            }
        }
        flat
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let manager = || proptest::sample::select(MANAGERS.to_vec());
    prop_oneof![
        3 => (manager(), any_flat(), proptest::bool::weighted(0.3))
            .prop_map(|(manager, wanted, force)| Step::Apply { manager, wanted, force }),
        1 => (manager(), any_flat()).prop_map(|(manager, new)| Step::Update { manager, new }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_managers_do_objects_and_owners_are_those_of_the_model(
        steps in proptest::collection::vec(any_step(), 1..12)
    ) {
        let (mut subject, mut model) = (Subject::default(), Model::default());
        for step in steps {
            match step {
                Step::Update { manager, new } => {
                    let object = unflattened(&new);
                    model.update(manager, new);
                    subject.update(manager, |present| *present = object);
                }
                Step::Apply { manager, wanted, force } => {
                    let before = subject.object.clone();
                    let conflicts = conflicts(&mut subject, manager, &unflattened(&wanted), force);
                    match model.apply(manager, &wanted, force) {
                        Ok(()) => prop_assert_eq!(conflicts, BTreeSet::new()),
                        Err(expected) => {
                            prop_assert_eq!(conflicts, expected.into_iter().map(told).collect());
                            prop_assert_eq!(&subject.object, &before);
                        }
                    }
                }
            }
            prop_assert_eq!(&modelled(&subject), &model);
            let unowned = |path: &&String| !model.owners.values().any(|owned| owned.contains(*path));
            prop_assert_eq!(model.object.keys().find(unowned), None);
        }
    }
}

/// Applies, and returns the conflicts as clients get them.
fn conflicts(
    subject: &mut Subject,
    manager: &str,
    wanted: &Value,
    force: bool,
) -> BTreeSet<(String, String)> {
    let live = subject.object.as_ref();
    match apply(live, wanted, &OBJECT, &writer(manager, 0), force) {
        Ok(_) => {
            subject.apply_as(writer(manager, 0), wanted.clone(), force).unwrap();
            BTreeSet::new()
        }
        Err(ApplyError::Fault(fault)) => panic!("{fault}"),
        Err(ApplyError::Conflicts(conflicts)) => {
            let error = ApiError::from(conflicts);
            error.causes().iter().map(|cause| (cause.message.clone(), cause.field.clone())).collect()
        }
    }
}
