//! The deletion of a namespace: pods first, with their grace; then everything else; then the namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use bireme_core::cache::Delta;
use bireme_core::client::Part;
use bireme_core::object::{Kind, Object};
use bireme_core::reconciler::{Command, ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Namespace, NamespaceCondition, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// What holds a namespace until this controller has emptied it.
const HOLD: &str = "kubernetes";

/// Empties namespaces that are being deleted, and lets them go.
#[derive(Clone, Debug)]
pub struct NamespaceDeletion {
    kinds: Vec<Kind>,
}

impl NamespaceDeletion {
    /// For namespaces whose objects are of these kinds; those without namespaces are ignored. Events need not be
    /// among them.
    pub fn new(kinds: &[Kind]) -> Self {
        let is_content = |kind: &Kind| kind.is_namespaced() && *kind != Kind::of::<Event>();
        Self { kinds: kinds.iter().copied().filter(is_content).collect() }
    }

    /// What is left in the namespace as far as the caches know.
    fn contents(&self, view: &View, name: &str) -> Result<Vec<Arc<Object>>, ReconcileError> {
        let mut contents = Vec::new();
        for kind in &self.kinds {
            contents.extend(view.cache(*kind)?.list(Some(name)));
        }
        Ok(contents)
    }

    /// What is left in the namespace for sure; none if that must be read first.
    fn live_contents(&self, view: &View, name: &str) -> Option<Vec<Arc<Object>>> {
        let mut contents = Vec::new();
        for kind in &self.kinds {
            contents.extend_from_slice(view.live_list(*kind, name)?);
        }
        Some(contents)
    }
}

impl Reconciler for NamespaceDeletion {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        let mut watches = vec![Watch::of::<Namespace>()];
        watches.extend(self.kinds.iter().copied().map(Watch::kind));
        watches
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let object = delta.object();
        if object.kind() == Kind::of::<Namespace>() {
            return Ok(vec![ObjectRef::from(&**object)]);
        }
        // Contents matter only where they are on their way out.
        let target = super::namespace(object.namespace().unwrap_or_default());
        let going = view.object(&target)?.is_some_and(|found| found.metadata().is_being_deleted());
        Ok(going.then_some(target).into_iter().collect())
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError> {
        let Some(namespace) = view.get::<Namespace>(&target.key)? else { return Ok(Plan::nothing()) };
        let held = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_ref());
        let is_held = held.is_some_and(|held| held.iter().any(|hold| hold == HOLD));
        if namespace.metadata.deletion_timestamp.is_none() || !is_held {
            return Ok(Plan::nothing());
        }
        let name = target.key.name();
        let mut contents = self.contents(view, name)?;
        if contents.is_empty() {
            // Since the namespace is marked nothing new can come, but a cache may not have heard of the last.
            let Some(live) = self.live_contents(view, name) else {
                let lists = self.kinds.iter().map(|kind| (*kind, name.to_owned()));
                return Ok(Plan { need_live_lists: lists.collect(), ..Plan::default() });
            };
            contents = live;
        }
        let mut plan = Plan::nothing();
        let told = told(&namespace, &contents, now);
        plan.change(&*namespace, &told, Part::Status)?;
        if !contents.is_empty() {
            empty(&mut plan, &contents);
        } else if plan.commands.is_empty() {
            plan.push(Command::DeleteAll { kind: Kind::of::<Event>(), namespace: name.to_owned() });
            let mut free = (*namespace).clone();
            let held = free.spec.get_or_insert_default().finalizers.get_or_insert_default();
            held.retain(|hold| hold != HOLD);
            plan.change(&*namespace, &free, Part::Finalize)?;
        }
        Ok(plan)
    }
}

/// Deletes the pods; when there are none left, everything else.
fn empty(plan: &mut Plan, contents: &[Arc<Object>]) {
    let is_pod = |object: &&Arc<Object>| object.kind() == Kind::of::<Pod>();
    let has_pods = contents.iter().any(|object| is_pod(&object));
    let turn = contents.iter().filter(|object| is_pod(object) == has_pods);
    for object in turn.filter(|object| !object.metadata().is_being_deleted()) {
        plan.delete(object, None);
    }
}

/// The namespace with a status that tells what is left.
fn told(namespace: &Namespace, contents: &[Arc<Object>], now: Timestamp) -> Namespace {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<&str, usize> = BTreeMap::new();
    for object in contents {
        let kind = object.kind();
        let resource = format!("{}.{}", kind.plural(), kind.group());
        *kinds.entry(resource).or_default() += 1;
        for finalizer in &object.metadata().finalizers {
            *finalizers.entry(finalizer).or_default() += 1;
        }
    }
    let kinds: Vec<_> =
        kinds.iter().map(|(kind, count)| format!("{kind} has {count} resource instances")).collect();
    let finalizers: Vec<_> =
        finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
    let mut told = namespace.clone();
    let status = told.status.get_or_insert_default();
    status.phase = Some("Terminating".to_owned());
    let conditions = status.conditions.get_or_insert_default();
    let (reason, message) = if kinds.is_empty() {
        ("ContentRemoved", "All content successfully removed".to_owned())
    } else {
        ("SomeResourcesRemain", format!("Some resources are remaining: {}", kinds.join(", ")))
    };
    set(conditions, "NamespaceContentRemaining", !kinds.is_empty(), reason, message, now);
    let (reason, message) = if finalizers.is_empty() {
        ("ContentHasNoFinalizers", "All content-preserving finalizers finished".to_owned())
    } else {
        let list = finalizers.join(", ");
        ("SomeFinalizersRemain", format!("Some content in the namespace has finalizers remaining: {list}"))
    };
    set(conditions, "NamespaceFinalizersRemaining", !finalizers.is_empty(), reason, message, now);
    told
}

fn set(
    conditions: &mut Vec<NamespaceCondition>,
    type_: &str,
    holds: bool,
    reason: &str,
    message: String,
    now: Timestamp,
) {
    let status = if holds { "True" } else { "False" };
    let known = conditions.iter_mut().find(|condition| condition.type_ == type_);
    if let Some(known) = known {
        if known.status != status {
            known.last_transition_time = Some(Time(now));
        }
        known.status = status.to_owned();
        (known.reason, known.message) = (Some(reason.to_owned()), Some(message));
        return;
    }
    conditions.push(NamespaceCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(now)),
    });
}
