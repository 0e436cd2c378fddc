//! What every namespace has: the service account `default`, and the certificates that its pods trust.

use std::collections::BTreeMap;

use bireme_core::cache::Delta;
use bireme_core::client::Part;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The name of the service account that pods run as when they name none.
const DEFAULT_ACCOUNT: &str = "default";
/// The name of the ConfigMap with the certificates of the cluster's own authority.
const ROOT_CERTIFICATES: &str = "kube-root-ca.crt";

/// Gives every namespace its service account `default`.
#[derive(Debug)]
pub struct ServiceAccounts;

/// Gives every namespace the certificates that prove the API server to pods.
#[derive(Clone, Debug)]
pub struct RootCertificates {
    data: BTreeMap<String, String>,
    note: BTreeMap<String, String>,
}

impl RootCertificates {
    /// The certificates, in PEM form.
    pub fn new(pem: String) -> Self {
        let text = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
            endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
            guaranteed across distributions of Kubernetes clusters.";
        Self {
            data: [("ca.crt".to_owned(), pem)].into(),
            note: [("kubernetes.io/description".to_owned(), text.to_owned())].into(),
        }
    }
}

impl Reconciler for ServiceAccounts {
    fn name(&self) -> &'static str {
        "service-account-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<Namespace>(), Watch::of::<ServiceAccount>()]
    }

    fn targets(&self, _: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        Ok(targets(delta, DEFAULT_ACCOUNT))
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let name = target.key.name();
        let key = ObjectKey::namespaced(name, DEFAULT_ACCOUNT);
        if is_living(view, target)? && view.get::<ServiceAccount>(&key)?.is_none() {
            let metadata = metadata(name, DEFAULT_ACCOUNT);
            plan.create(ServiceAccount { metadata, ..ServiceAccount::default() }, None)?;
        }
        Ok(plan)
    }
}

impl Reconciler for RootCertificates {
    fn name(&self) -> &'static str {
        "root-ca-certificate-publisher"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<Namespace>(), Watch::of::<ConfigMap>()]
    }

    fn targets(&self, _: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        Ok(targets(delta, ROOT_CERTIFICATES))
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        if !is_living(view, target)? {
            return Ok(plan);
        }
        let name = target.key.name();
        match view.get::<ConfigMap>(&ObjectKey::namespaced(name, ROOT_CERTIFICATES))? {
            None => {
                let mut metadata = metadata(name, ROOT_CERTIFICATES);
                metadata.annotations = Some(self.note.clone());
                let data = Some(self.data.clone());
                plan.create(ConfigMap { metadata, data, ..ConfigMap::default() }, None)?;
            }
            Some(known) => {
                let right = ConfigMap { data: Some(self.data.clone()), ..(*known).clone() };
                plan.change(&*known, &right, Part::Main)?;
            }
        }
        Ok(plan)
    }
}

/// A namespace concerns itself, and the object of this name the namespace that it is in.
fn targets(delta: &Delta, name: &str) -> Vec<ObjectRef> {
    let object = delta.object();
    if object.kind() == Kind::of::<Namespace>() {
        vec![ObjectRef::from(&**object)]
    } else if object.name() == name {
        object.namespace().map(super::namespace).into_iter().collect()
    } else {
        Vec::new()
    }
}

fn is_living(view: &View, namespace: &ObjectRef) -> Result<bool, ReconcileError> {
    Ok(view.object(namespace)?.is_some_and(|namespace| !namespace.metadata().is_being_deleted()))
}

fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), namespace: Some(namespace.to_owned()), ..ObjectMeta::default() }
}
