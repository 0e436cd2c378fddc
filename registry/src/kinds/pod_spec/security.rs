//! The rules of security contexts.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PodSpec, SecurityContext};

use crate::kinds::check::Path;

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

fn check_id(path: Path<'_>, id: Option<i64>, causes: &mut Vec<Cause>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        causes.push(Cause::invalid(path, id, "must be between 0 and 2147483647, inclusive"));
    }
}
