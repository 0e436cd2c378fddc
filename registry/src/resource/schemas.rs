//! The schemas that kinds share.

use super::schema::{Field, Schema};

/// The rules of an ObjectMeta.
pub const METADATA: Schema = Schema::of(&[
    Field::set("finalizers"),
    Field::map("ownerReferences", &["uid"], &Schema::ATOMIC),
    Field::atomic("managedFields"),
]);

/// The rules of a status whose only list is `conditions`, told apart by `type`.
pub const CONDITIONS: Schema = Schema::of(&[Field::map("conditions", &["type"], &Schema::EMPTY)]);

/// The rules of a pod template.
pub const POD_TEMPLATE: Schema = Schema::of(&[Field::object("spec", &POD_SPEC).inherent()]);

/// The rules of a pod's spec.
pub const POD_SPEC: Schema = Schema::of(&[
    Field::object("affinity", &AFFINITY),
    Field::map("containers", &["name"], &CONTAINER).inherent(),
    Field::object("dnsConfig", &DNS_CONFIG),
    Field::map("ephemeralContainers", &["name"], &CONTAINER),
    Field::map("hostAliases", &["ip"], &HOST_ALIAS),
    Field::map("imagePullSecrets", &["name"], &Schema::ATOMIC),
    Field::map("initContainers", &["name"], &CONTAINER),
    Field::atomic("nodeSelector"),
    Field::atomic("readinessGates"),
    Field::map("resourceClaims", &["name"], &Schema::EMPTY).retaining_keys(),
    Field::map("schedulingGates", &["name"], &Schema::EMPTY),
    Field::object("securityContext", &POD_SECURITY_CONTEXT),
    Field::atomic("tolerations"),
    Field::map("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"], &SELECTING),
    Field::map("volumes", &["name"], &VOLUME).retaining_keys(),
]);

/// The rules of a container.
pub const CONTAINER: Schema = Schema::of(&[
    Field::atomic("args"),
    Field::atomic("command"),
    Field::map("env", &["name"], &ENV_VAR),
    Field::atomic("envFrom"),
    Field::object("lifecycle", &LIFECYCLE),
    Field::object("livenessProbe", &PROBE),
    Field::map("ports", &["containerPort", "protocol"], &PORT),
    Field::object("readinessProbe", &PROBE),
    Field::atomic("resizePolicy"),
    Field::object("resources", &RESOURCES),
    Field::object("securityContext", &SECURITY_CONTEXT),
    Field::object("startupProbe", &PROBE),
    Field::map("volumeDevices", &["devicePath"], &Schema::EMPTY),
    Field::map("volumeMounts", &["mountPath"], &Schema::EMPTY),
]);

/// The rules of a port of a container or Service.
pub const PORT: Schema = Schema::of(&[Field::key("protocol", "TCP")]);

const ENV_VAR: Schema = Schema::of(&[Field::object("valueFrom", &VALUE_FROM)]);

const VALUE_FROM: Schema = Schema::of(&[
    Field::atomic("configMapKeyRef"),
    Field::atomic("fieldRef"),
    Field::atomic("resourceFieldRef"),
    Field::atomic("secretKeyRef"),
]);

const RESOURCES: Schema =
    Schema::of(&[Field::map("claims", &["name"], &Schema::EMPTY).without_patch_merge()]);

const PROBE: Schema =
    Schema::of(&[Field::object("exec", &EXEC_ACTION), Field::object("httpGet", &HTTP_GET_ACTION)]);

const LIFECYCLE: Schema = Schema::of(&[Field::object("postStart", &PROBE), Field::object("preStop", &PROBE)]);

const EXEC_ACTION: Schema = Schema::of(&[Field::atomic("command")]);

const HTTP_GET_ACTION: Schema = Schema::of(&[Field::atomic("httpHeaders")]);

const SECURITY_CONTEXT: Schema = Schema::of(&[Field::object("capabilities", &CAPABILITIES)]);

const CAPABILITIES: Schema = Schema::of(&[Field::atomic("add"), Field::atomic("drop")]);

const POD_SECURITY_CONTEXT: Schema =
    Schema::of(&[Field::atomic("supplementalGroups"), Field::atomic("sysctls")]);

const DNS_CONFIG: Schema =
    Schema::of(&[Field::atomic("nameservers"), Field::atomic("options"), Field::atomic("searches")]);

const HOST_ALIAS: Schema = Schema::of(&[Field::atomic("hostnames")]);

const SELECTING: Schema = Schema::of(&[Field::atomic("labelSelector"), Field::atomic("matchLabelKeys")]);

const AFFINITY: Schema = Schema::of(&[
    Field::object("nodeAffinity", &NODE_AFFINITY),
    Field::object("podAffinity", &POD_AFFINITY),
    Field::object("podAntiAffinity", &POD_AFFINITY),
]);

const NODE_AFFINITY: Schema = Schema::of(&[
    Field::atomic("preferredDuringSchedulingIgnoredDuringExecution"),
    Field::atomic("requiredDuringSchedulingIgnoredDuringExecution"),
]);

const POD_AFFINITY: Schema = Schema::of(&[
    Field::atomic("preferredDuringSchedulingIgnoredDuringExecution"),
    Field::atomic("requiredDuringSchedulingIgnoredDuringExecution"),
]);

const VOLUME: Schema = Schema::of(&[
    Field::object("configMap", &VOLUME_ITEMS),
    Field::object("downwardAPI", &VOLUME_ITEMS),
    Field::object("projected", &PROJECTED),
    Field::object("secret", &VOLUME_ITEMS),
]);

const VOLUME_ITEMS: Schema = Schema::of(&[Field::atomic("items")]);

const PROJECTED: Schema = Schema::of(&[Field::atomic("sources")]);

#[cfg(test)]
mod tests {
    use super::super::ListType;
    use super::*;

    #[test]
    fn merge_keys_are_found_relative_to_any_prefix() {
        let ports =
            ListType::Map { keys: &["containerPort", "protocol"], patch_merge_key: Some("containerPort") };
        assert_eq!(POD_SPEC.at("containers.ports").unwrap().list, ports);
        assert_eq!(POD_TEMPLATE.at("spec.initContainers.ports").unwrap().list, ports);
        assert_eq!(POD_TEMPLATE.at("metadata.ownerReferences").unwrap().list.patch_merge_key(), Some("uid"));
        assert!(POD_SPEC.at("volumes").unwrap().retain_keys);
        assert!(POD_SPEC.at("containers.name").is_none());
    }
}
