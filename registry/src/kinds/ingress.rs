//! Ingress: how requests from outside find their service.

mod validation;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::networking::v1::Ingress;

use super::check::{or_none, text};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy, Subresource};

/// How many hosts, and characters of addresses, a table shows.
const SHOWN_HOSTS: usize = 3;
const SHOWN_ADDRESS: usize = 16;

const SPEC: Schema =
    Schema::of(&[Field::object("defaultBackend", &BACKEND), Field::atomic("rules"), Field::atomic("tls")]);

const BACKEND: Schema = Schema::of(&[Field::atomic("resource")]);

const STATUS: Schema =
    Schema::of(&[Field::object("loadBalancer", &Schema::of(&[Field::atomic("ingress")])).inherent()]);

impl Strategy for Ingress {
    const SINGULAR: &'static str = "ingress";
    const SHORT_NAMES: &'static [&'static str] = &["ing"];
    const STORAGE_FOLDER: Option<&'static str> = Some("ingress");
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Class", "Who serves the ingress.", |ingress, _| {
            ingress.spec.as_ref().map_or("<none>", |spec| or_none(&spec.ingress_class_name)).into()
        }),
        Column::text("Hosts", "The hosts that are served.", |ingress, _| hosts(ingress).into()),
        Column::text("Address", "Where the ingress is reached.", |ingress, _| address(ingress).into()),
        Column::text("Ports", "The ports of the ingress.", |ingress, _| {
            let tls = ingress.spec.as_ref().and_then(|spec| spec.tls.as_ref());
            if tls.is_some_and(|tls| !tls.is_empty()) { "80, 443" } else { "80" }.into()
        }),
        Column::AGE,
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    /// The annotation that tells the class is older than the field.
    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let annotated =
            old.is_none() && self.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(CLASS));
        let why = "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
        annotated.then(|| why.to_owned()).into_iter().collect()
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        validation::spec(self.spec.as_ref(), causes);
    }

    fn validate_update(&self, _old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if part == Part::Status {
            validation::status(self.status.as_ref(), causes);
        }
    }
}

/// The annotation that told the class before there was a field.
const CLASS: &str = "kubernetes.io/ingress.class";

fn hosts(ingress: &Ingress) -> String {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    let hosts: Vec<String> =
        rules.map(|rule| text(&rule.host).to_owned()).filter(|host| !host.is_empty()).collect();
    if hosts.is_empty() { "*".to_owned() } else { super::first_few(hosts, SHOWN_HOSTS) }
}

fn address(ingress: &Ingress) -> String {
    let balancer = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let points = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
    let address = |ip: &Option<String>, hostname: &Option<String>| match text(ip) {
        "" => text(hostname).to_owned(),
        ip => ip.to_owned(),
    };
    let mut addresses: Vec<String> = points.map(|point| address(&point.ip, &point.hostname)).collect();
    addresses.dedup();
    let all = addresses.join(",");
    match all.char_indices().nth(SHOWN_ADDRESS) {
        Some(_) => all.chars().take(SHOWN_ADDRESS - 3).chain("...".chars()).collect(),
        None => all,
    }
}

#[cfg(test)]
mod tests;
