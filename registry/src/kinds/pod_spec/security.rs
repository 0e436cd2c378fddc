//! The rules of security contexts.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PodSpec, SeccompProfile, SecurityContext, Sysctl};

use crate::kinds::check::{Path, one_of, relative_path};

/// What is wrong with the security context of a pod.
pub(super) fn validate(path: Path<'_>, spec: &PodSpec, causes: &mut Vec<Cause>) {
    let Some(context) = &spec.security_context else { return };
    let path = path.child("securityContext");
    check_id(path.child("runAsUser"), context.run_as_user, causes);
    check_id(path.child("runAsGroup"), context.run_as_group, causes);
    check_id(path.child("fsGroup"), context.fs_group, causes);
    let list = path.child("supplementalGroups");
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        check_id(list.index(index), Some(*group), causes);
    }
    check_seccomp(path, context.seccomp_profile.as_ref(), causes);
    check_sysctls(path.child("sysctls"), context.sysctls.as_deref().unwrap_or_default(), causes);
    let shares = spec.share_process_namespace == Some(true);
    if shares && spec.host_pid == Some(true) {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        causes.push(Cause::invalid(path.child("shareProcessNamespace"), true, why));
    }
}

/// What is wrong with the security context of a container.
pub(super) fn validate_container(path: Path<'_>, context: &SecurityContext, causes: &mut Vec<Cause>) {
    check_id(path.child("runAsUser"), context.run_as_user, causes);
    check_id(path.child("runAsGroup"), context.run_as_group, causes);
    check_seccomp(path, context.seccomp_profile.as_ref(), causes);
    if context.allow_privilege_escalation == Some(false) {
        let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
        let admin = added.into_iter().flatten().any(|name| name == "CAP_SYS_ADMIN");
        let contradiction = match context.privileged {
            Some(true) => Some("cannot set `allowPrivilegeEscalation` to false and `privileged` to true"),
            _ if admin => {
                Some("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
            }
            _ => None,
        };
        causes.extend(contradiction.map(|why| Cause::invalid(path, "", why)));
    }
}

fn check_seccomp(context: Path<'_>, profile: Option<&SeccompProfile>, causes: &mut Vec<Cause>) {
    let Some(SeccompProfile { type_, localhost_profile }) = profile else { return };
    let path = context.child("seccompProfile");
    one_of(path.child("type"), type_, &["Localhost", "RuntimeDefault", "Unconfined"], causes);
    let name = path.child("localhostProfile");
    match localhost_profile {
        None if type_ == "Localhost" => {
            causes.push(Cause::required(name, "must be set when seccomp type is Localhost"));
        }
        Some(profile) if type_ == "Localhost" => {
            causes.extend(relative_path(profile).map(|why| Cause::invalid(name, profile, why)));
        }
        Some(profile) => {
            causes.push(Cause::invalid(name, profile, "can only be set when seccomp type is Localhost"));
        }
        None => {}
    }
}

/// The longest name of a setting of the kernel.
const LONGEST_SYSCTL: usize = 253;

fn check_sysctls(list: Path<'_>, sysctls: &[Sysctl], causes: &mut Vec<Cause>) {
    let mut names = BTreeSet::new();
    for (index, Sysctl { name, .. }) in sysctls.iter().enumerate() {
        let item = list.index(index);
        let path = item.child("name");
        if name.is_empty() {
            causes.push(Cause::required(path, ""));
        } else if name.len() > LONGEST_SYSCTL || !name.split(['.', '/']).all(is_sysctl_part) {
            let why = "must have at most 253 characters and match regex \
                ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            causes.push(Cause::invalid(path, name, why));
        } else if !names.insert(name.replace('/', ".")) {
            causes.push(Cause::duplicate(path, name));
        }
    }
}

fn is_sysctl_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [part.bytes().next(), part.bytes().last()];
    ends.iter().all(|end| end.is_some_and(plain))
        && part.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'_')
}

fn check_id(path: Path<'_>, id: Option<i64>, causes: &mut Vec<Cause>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        causes.push(Cause::invalid(path, id, "must be between 0 and 2147483647, inclusive"));
    }
}
