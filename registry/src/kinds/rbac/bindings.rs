//! RoleBinding and ClusterRoleBinding: who may do it.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::Resource;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};

use super::{GRANTS_NOTHING, GROUP};
use crate::kinds::check::{Json, Path, dns_subdomain, one_of, path_segment, required, text};
use crate::resource::{Column, Field, NameRule, Schema, Strategy};
use bireme_core::object::versions::Given;

/// What both kinds have.
trait Binding: Resource {
    fn role(&self) -> &RoleRef;
    fn subjects(&self) -> &[Subject];
}

impl Binding for RoleBinding {
    fn role(&self) -> &RoleRef {
        &self.role_ref
    }

    fn subjects(&self) -> &[Subject] {
        self.subjects.as_deref().unwrap_or_default()
    }
}

impl Binding for ClusterRoleBinding {
    fn role(&self) -> &RoleRef {
        &self.role_ref
    }

    fn subjects(&self) -> &[Subject] {
        self.subjects.as_deref().unwrap_or_default()
    }
}

const SCHEMA: Schema = Schema::of(&[Field::atomic("roleRef"), Field::atomic("subjects")]);

const fn columns<K: Binding>() -> [Column<K>; 6] {
    [
        Column::NAME,
        Column::text("Role", "What may be done.", |binding: &K, _| {
            let RoleRef { kind, name, .. } = binding.role();
            format!("{kind}/{name}").into()
        }),
        Column::AGE,
        Column::text("Users", "Who may do it.", |binding: &K, _| named(binding.subjects(), "User").into())
            .wide(),
        Column::text("Groups", "Members of which groups may do it.", |binding: &K, _| {
            named(binding.subjects(), "Group").into()
        })
        .wide(),
        Column::text("ServiceAccounts", "Which pods may do it.", |binding: &K, _| {
            named(binding.subjects(), "ServiceAccount").into()
        })
        .wide(),
    ]
}

impl Strategy for RoleBinding {
    const SINGULAR: &'static str = "rolebinding";
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const UNATTENDED: Option<&'static str> = GRANTS_NOTHING;
    const SCHEMA: &'static Schema = &SCHEMA;
    const COLUMNS: &'static [Column<Self>] = &columns();

    fn default(&mut self) {
        default(&mut self.role_ref, &mut self.subjects);
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        check(self, &["ClusterRole", "Role"], true, causes);
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        check_change(self, old, causes);
    }
}

impl Strategy for ClusterRoleBinding {
    const SINGULAR: &'static str = "clusterrolebinding";
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const UNATTENDED: Option<&'static str> = GRANTS_NOTHING;
    const SCHEMA: &'static Schema = &SCHEMA;
    const COLUMNS: &'static [Column<Self>] = &columns();

    fn default(&mut self) {
        default(&mut self.role_ref, &mut self.subjects);
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        check(self, &["ClusterRole"], false, causes);
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        check_change(self, old, causes);
    }
}

/// The names of the subjects of a kind; those of service accounts with their namespaces.
fn named(subjects: &[Subject], kind: &str) -> String {
    let name = |subject: &Subject| match kind {
        "ServiceAccount" => format!("{}/{}", text(&subject.namespace), subject.name),
        _ => subject.name.clone(),
    };
    subjects.iter().filter(|subject| subject.kind == kind).map(name).collect::<Vec<_>>().join(", ")
}

fn group_of(role: &RoleRef) -> &str {
    let group: Option<&String> = role.api_group.given();
    group.map_or("", String::as_str)
}

/// Roles, users and groups are of this group unless told otherwise; service accounts are of none.
fn default(role: &mut RoleRef, subjects: &mut Option<Vec<Subject>>) {
    if group_of(role).is_empty() {
        role.api_group.give(GROUP.to_owned());
    }
    for subject in subjects.iter_mut().flatten() {
        if matches!(subject.kind.as_str(), "User" | "Group") && text(&subject.api_group).is_empty() {
            subject.api_group = Some(GROUP.to_owned());
        }
    }
}

fn check<K: Binding>(binding: &K, roles: &[&str], namespaced: bool, causes: &mut Vec<Cause>) {
    let (path, role) = (Path::root("roleRef"), binding.role());
    one_of(path.child("apiGroup"), group_of(role), &[GROUP], causes);
    one_of(path.child("kind"), &role.kind, roles, causes);
    path_segment(path.child("name"), &role.name, causes);
    let list = Path::root("subjects");
    for (index, subject) in binding.subjects().iter().enumerate() {
        check_subject(list.index(index), subject, namespaced, causes);
    }
}

fn check_subject(path: Path<'_>, subject: &Subject, namespaced: bool, causes: &mut Vec<Cause>) {
    let (name, group) = (subject.name.as_str(), text(&subject.api_group));
    required(path.child("name"), name, causes);
    match subject.kind.as_str() {
        "ServiceAccount" => {
            let wrong = if name.is_empty() { None } else { dns_subdomain(name) };
            causes.extend(wrong.map(|why| Cause::invalid(path.child("name"), name, why)));
            if !group.is_empty() {
                causes.push(Cause::not_supported(path.child("apiGroup"), group, &[""]));
            }
            if !namespaced {
                required(path.child("namespace"), text(&subject.namespace), causes);
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                causes.push(Cause::not_supported(path.child("apiGroup"), group, &[GROUP]));
            }
        }
        other => {
            let known = ["Group", "ServiceAccount", "User"];
            causes.push(Cause::not_supported(path.child("kind"), other, &known));
        }
    }
}

/// Who binds somebody to a role must have been allowed to; another role would need to be asked about again.
fn check_change<K: Binding>(new: &K, old: &K, causes: &mut Vec<Cause>) {
    if new.role() != old.role() {
        causes.push(Cause::invalid("roleRef", Json(new.role()), "cannot change roleRef"));
    }
}
