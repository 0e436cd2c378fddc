//! Messages of core_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static AFFINITY: Message = Message(&[
    field(1, "nodeAffinity", One, Nested(&NODE_AFFINITY)),
    field(2, "podAffinity", One, Nested(&POD_AFFINITY)),
    field(3, "podAntiAffinity", One, Nested(&POD_ANTI_AFFINITY)),
]);

pub(super) static APP_ARMOR_PROFILE: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "localhostProfile", One, Text),
]);

pub(super) static ATTACHED_VOLUME: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "devicePath", Kept, Text),
]);

pub(super) static AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeID", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "partition", Kept, Integer),
    field(4, "readOnly", One, Bool),
]);

pub(super) static AZURE_DISK_VOLUME_SOURCE: Message = Message(&[
    field(1, "diskName", Kept, Text),
    field(2, "diskURI", Kept, Text),
    field(3, "cachingMode", One, Text),
    field(4, "fsType", One, Text),
    field(5, "readOnly", One, Bool),
    field(6, "kind", One, Text),
]);

pub(super) static AZURE_FILE_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "secretName", Kept, Text),
    field(2, "shareName", Kept, Text),
    field(3, "readOnly", One, Bool),
    field(4, "secretNamespace", One, Text),
]);

pub(super) static AZURE_FILE_VOLUME_SOURCE: Message = Message(&[
    field(1, "secretName", Kept, Text),
    field(2, "shareName", Kept, Text),
    field(3, "readOnly", One, Bool),
]);

pub(super) static BINDING: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "target", Kept, Nested(&OBJECT_REFERENCE)),
]);

pub(super) static C_S_I_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "driver", Kept, Text),
    field(2, "volumeHandle", Kept, Text),
    field(3, "readOnly", One, Bool),
    field(4, "fsType", One, Text),
    field(5, "volumeAttributes", Map, Text),
    field(6, "controllerPublishSecretRef", One, Nested(&SECRET_REFERENCE)),
    field(7, "nodeStageSecretRef", One, Nested(&SECRET_REFERENCE)),
    field(8, "nodePublishSecretRef", One, Nested(&SECRET_REFERENCE)),
    field(9, "controllerExpandSecretRef", One, Nested(&SECRET_REFERENCE)),
    field(10, "nodeExpandSecretRef", One, Nested(&SECRET_REFERENCE)),
]);

pub(super) static C_S_I_VOLUME_SOURCE: Message = Message(&[
    field(1, "driver", Kept, Text),
    field(2, "readOnly", One, Bool),
    field(3, "fsType", One, Text),
    field(4, "volumeAttributes", Map, Text),
    field(5, "nodePublishSecretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
]);

pub(super) static CAPABILITIES: Message = Message(&[
    field(1, "add", Many, Text),
    field(2, "drop", Many, Text),
]);

pub(super) static CEPH_FS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "monitors", Many, Text),
    field(2, "path", One, Text),
    field(3, "user", One, Text),
    field(4, "secretFile", One, Text),
    field(5, "secretRef", One, Nested(&SECRET_REFERENCE)),
    field(6, "readOnly", One, Bool),
]);

pub(super) static CEPH_FS_VOLUME_SOURCE: Message = Message(&[
    field(1, "monitors", Many, Text),
    field(2, "path", One, Text),
    field(3, "user", One, Text),
    field(4, "secretFile", One, Text),
    field(5, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(6, "readOnly", One, Bool),
]);

pub(super) static CINDER_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeID", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "readOnly", One, Bool),
    field(4, "secretRef", One, Nested(&SECRET_REFERENCE)),
]);

pub(super) static CINDER_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeID", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "readOnly", One, Bool),
    field(4, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
]);

pub(super) static CLIENT_IP_CONFIG: Message = Message(&[
    field(1, "timeoutSeconds", Kept, Integer),
]);

pub(super) static CLUSTER_TRUST_BUNDLE_PROJECTION: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "signerName", One, Text),
    field(3, "labelSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(5, "optional", Kept, Bool),
    field(4, "path", Kept, Text),
]);

pub(super) static CONFIG_MAP: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(4, "immutable", Kept, Bool),
    field(2, "data", Map, Text),
    field(3, "binaryData", Map, Bytes),
]);

pub(super) static CONFIG_MAP_ENV_SOURCE: Message = Message(&[
    field(1, "", Inline, Nested(&CONFIG_MAP_ENV_SOURCE_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "optional", Kept, Bool),
]);

pub(super) static CONFIG_MAP_ENV_SOURCE_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static CONFIG_MAP_KEY_SELECTOR: Message = Message(&[
    field(1, "", Inline, Nested(&CONFIG_MAP_KEY_SELECTOR_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "key", Kept, Text),
    field(3, "optional", Kept, Bool),
]);

pub(super) static CONFIG_MAP_KEY_SELECTOR_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static CONFIG_MAP_NODE_CONFIG_SOURCE: Message = Message(&[
    field(1, "namespace", Kept, Text),
    field(2, "name", Kept, Text),
    field(3, "uid", Kept, Text),
    field(4, "resourceVersion", Kept, Text),
    field(5, "kubeletConfigKey", Kept, Text),
]);

pub(super) static CONFIG_MAP_PROJECTION: Message = Message(&[
    field(1, "", Inline, Nested(&CONFIG_MAP_PROJECTION_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "items", Many, Nested(&KEY_TO_PATH)),
    field(4, "optional", Kept, Bool),
]);

pub(super) static CONFIG_MAP_PROJECTION_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static CONFIG_MAP_VOLUME_SOURCE: Message = Message(&[
    field(1, "", Inline, Nested(&CONFIG_MAP_VOLUME_SOURCE_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "items", Many, Nested(&KEY_TO_PATH)),
    field(3, "defaultMode", Kept, Integer),
    field(4, "optional", Kept, Bool),
]);

pub(super) static CONFIG_MAP_VOLUME_SOURCE_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static CONTAINER: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "image", One, Text),
    field(3, "command", Many, Text),
    field(4, "args", Many, Text),
    field(5, "workingDir", One, Text),
    field(6, "ports", Many, Nested(&CONTAINER_PORT)),
    field(19, "envFrom", Many, Nested(&ENV_FROM_SOURCE)),
    field(7, "env", Many, Nested(&ENV_VAR)),
    field(8, "resources", One, Nested(&RESOURCE_REQUIREMENTS)),
    field(23, "resizePolicy", Many, Nested(&CONTAINER_RESIZE_POLICY)),
    field(24, "restartPolicy", One, Text),
    field(25, "restartPolicyRules", Many, Nested(&CONTAINER_RESTART_RULE)),
    field(9, "volumeMounts", Many, Nested(&VOLUME_MOUNT)),
    field(21, "volumeDevices", Many, Nested(&VOLUME_DEVICE)),
    field(10, "livenessProbe", One, Nested(&PROBE)),
    field(11, "readinessProbe", One, Nested(&PROBE)),
    field(22, "startupProbe", One, Nested(&PROBE)),
    field(12, "lifecycle", One, Nested(&LIFECYCLE)),
    field(13, "terminationMessagePath", One, Text),
    field(20, "terminationMessagePolicy", One, Text),
    field(14, "imagePullPolicy", One, Text),
    field(15, "securityContext", One, Nested(&SECURITY_CONTEXT)),
    field(16, "stdin", One, Bool),
    field(17, "stdinOnce", One, Bool),
    field(18, "tty", One, Bool),
]);

pub(super) static CONTAINER_EXTENDED_RESOURCE_REQUEST: Message = Message(&[
    field(1, "containerName", Kept, Text),
    field(2, "resourceName", Kept, Text),
    field(3, "requestName", Kept, Text),
]);

pub(super) static CONTAINER_IMAGE: Message = Message(&[
    field(1, "names", Many, Text),
    field(2, "sizeBytes", One, Integer),
]);

pub(super) static CONTAINER_PORT: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "hostPort", One, Integer),
    field(3, "containerPort", Kept, Integer),
    field(4, "protocol", One, Text),
    field(5, "hostIP", One, Text),
]);

pub(super) static CONTAINER_RESIZE_POLICY: Message = Message(&[
    field(1, "resourceName", Kept, Text),
    field(2, "restartPolicy", Kept, Text),
]);

pub(super) static CONTAINER_RESTART_RULE: Message = Message(&[
    field(1, "action", Kept, Text),
    field(2, "exitCodes", One, Nested(&CONTAINER_RESTART_RULE_ON_EXIT_CODES)),
]);

pub(super) static CONTAINER_RESTART_RULE_ON_EXIT_CODES: Message = Message(&[
    field(1, "operator", Kept, Text),
    field(2, "values", Many, Integer),
]);

pub(super) static CONTAINER_STATE: Message = Message(&[
    field(1, "waiting", One, Nested(&CONTAINER_STATE_WAITING)),
    field(2, "running", One, Nested(&CONTAINER_STATE_RUNNING)),
    field(3, "terminated", One, Nested(&CONTAINER_STATE_TERMINATED)),
]);

pub(super) static CONTAINER_STATE_RUNNING: Message = Message(&[
    field(1, "startedAt", One, Time),
]);

pub(super) static CONTAINER_STATE_TERMINATED: Message = Message(&[
    field(1, "exitCode", Kept, Integer),
    field(2, "signal", One, Integer),
    field(3, "reason", One, Text),
    field(4, "message", One, Text),
    field(5, "startedAt", One, Time),
    field(6, "finishedAt", One, Time),
    field(7, "containerID", One, Text),
]);

pub(super) static CONTAINER_STATE_WAITING: Message = Message(&[
    field(1, "reason", One, Text),
    field(2, "message", One, Text),
]);

pub(super) static CONTAINER_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "state", One, Nested(&CONTAINER_STATE)),
    field(3, "lastState", One, Nested(&CONTAINER_STATE)),
    field(4, "ready", Kept, Bool),
    field(5, "restartCount", Kept, Integer),
    field(6, "image", Kept, Text),
    field(7, "imageID", Kept, Text),
    field(8, "containerID", One, Text),
    field(9, "started", One, Bool),
    field(10, "allocatedResources", Map, Quantity),
    field(11, "resources", One, Nested(&RESOURCE_REQUIREMENTS)),
    field(12, "volumeMounts", Many, Nested(&VOLUME_MOUNT_STATUS)),
    field(13, "user", One, Nested(&CONTAINER_USER)),
    field(14, "allocatedResourcesStatus", Many, Nested(&RESOURCE_STATUS)),
    field(15, "stopSignal", One, Text),
]);

pub(super) static CONTAINER_USER: Message = Message(&[
    field(1, "linux", One, Nested(&LINUX_CONTAINER_USER)),
]);

pub(super) static DAEMON_ENDPOINT: Message = Message(&[
    field(1, "Port", Kept, Integer),
]);

pub(super) static DOWNWARD_A_P_I_PROJECTION: Message = Message(&[
    field(1, "items", Many, Nested(&DOWNWARD_A_P_I_VOLUME_FILE)),
]);

pub(super) static DOWNWARD_A_P_I_VOLUME_FILE: Message = Message(&[
    field(1, "path", Kept, Text),
    field(2, "fieldRef", One, Nested(&OBJECT_FIELD_SELECTOR)),
    field(3, "resourceFieldRef", One, Nested(&RESOURCE_FIELD_SELECTOR)),
    field(4, "mode", Kept, Integer),
]);

pub(super) static DOWNWARD_A_P_I_VOLUME_SOURCE: Message = Message(&[
    field(1, "items", Many, Nested(&DOWNWARD_A_P_I_VOLUME_FILE)),
    field(2, "defaultMode", Kept, Integer),
]);

pub(super) static EMPTY_DIR_VOLUME_SOURCE: Message = Message(&[
    field(1, "medium", One, Text),
    field(2, "sizeLimit", One, Quantity),
]);

pub(super) static ENDPOINT_ADDRESS: Message = Message(&[
    field(1, "ip", Kept, Text),
    field(3, "hostname", One, Text),
    field(4, "nodeName", Kept, Text),
    field(2, "targetRef", One, Nested(&OBJECT_REFERENCE)),
]);

pub(super) static ENDPOINT_PORT: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "port", Kept, Integer),
    field(3, "protocol", One, Text),
    field(4, "appProtocol", One, Text),
]);

pub(super) static ENDPOINT_SUBSET: Message = Message(&[
    field(1, "addresses", Many, Nested(&ENDPOINT_ADDRESS)),
    field(2, "notReadyAddresses", Many, Nested(&ENDPOINT_ADDRESS)),
    field(3, "ports", Many, Nested(&ENDPOINT_PORT)),
]);

pub(super) static ENDPOINTS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "subsets", Many, Nested(&ENDPOINT_SUBSET)),
]);

pub(super) static ENV_FROM_SOURCE: Message = Message(&[
    field(1, "prefix", One, Text),
    field(2, "configMapRef", One, Nested(&CONFIG_MAP_ENV_SOURCE)),
    field(3, "secretRef", One, Nested(&SECRET_ENV_SOURCE)),
]);

pub(super) static ENV_VAR: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "value", One, Text),
    field(3, "valueFrom", One, Nested(&ENV_VAR_SOURCE)),
]);

pub(super) static ENV_VAR_SOURCE: Message = Message(&[
    field(1, "fieldRef", One, Nested(&OBJECT_FIELD_SELECTOR)),
    field(2, "resourceFieldRef", One, Nested(&RESOURCE_FIELD_SELECTOR)),
    field(3, "configMapKeyRef", One, Nested(&CONFIG_MAP_KEY_SELECTOR)),
    field(4, "secretKeyRef", One, Nested(&SECRET_KEY_SELECTOR)),
    field(5, "fileKeyRef", One, Nested(&FILE_KEY_SELECTOR)),
]);

pub(super) static EPHEMERAL_CONTAINER: Message = Message(&[
    field(1, "", Inline, Nested(&EPHEMERAL_CONTAINER_IN_EPHEMERAL_CONTAINER_COMMON)),
    field(2, "targetContainerName", One, Text),
]);

pub(super) static EPHEMERAL_CONTAINER_IN_EPHEMERAL_CONTAINER_COMMON: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "image", One, Text),
    field(3, "command", Many, Text),
    field(4, "args", Many, Text),
    field(5, "workingDir", One, Text),
    field(6, "ports", Many, Nested(&CONTAINER_PORT)),
    field(19, "envFrom", Many, Nested(&ENV_FROM_SOURCE)),
    field(7, "env", Many, Nested(&ENV_VAR)),
    field(8, "resources", One, Nested(&RESOURCE_REQUIREMENTS)),
    field(23, "resizePolicy", Many, Nested(&CONTAINER_RESIZE_POLICY)),
    field(24, "restartPolicy", One, Text),
    field(25, "restartPolicyRules", Many, Nested(&CONTAINER_RESTART_RULE)),
    field(9, "volumeMounts", Many, Nested(&VOLUME_MOUNT)),
    field(21, "volumeDevices", Many, Nested(&VOLUME_DEVICE)),
    field(10, "livenessProbe", One, Nested(&PROBE)),
    field(11, "readinessProbe", One, Nested(&PROBE)),
    field(22, "startupProbe", One, Nested(&PROBE)),
    field(12, "lifecycle", One, Nested(&LIFECYCLE)),
    field(13, "terminationMessagePath", One, Text),
    field(20, "terminationMessagePolicy", One, Text),
    field(14, "imagePullPolicy", One, Text),
    field(15, "securityContext", One, Nested(&SECURITY_CONTEXT)),
    field(16, "stdin", One, Bool),
    field(17, "stdinOnce", One, Bool),
    field(18, "tty", One, Bool),
]);

pub(super) static EPHEMERAL_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeClaimTemplate", One, Nested(&PERSISTENT_VOLUME_CLAIM_TEMPLATE)),
]);

pub(super) static EVENT: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "involvedObject", Kept, Nested(&OBJECT_REFERENCE)),
    field(3, "reason", One, Text),
    field(4, "message", One, Text),
    field(5, "source", One, Nested(&EVENT_SOURCE)),
    field(6, "firstTimestamp", One, Time),
    field(7, "lastTimestamp", One, Time),
    field(8, "count", One, Integer),
    field(9, "type", One, Text),
    field(10, "eventTime", One, MicroTime),
    field(11, "series", One, Nested(&EVENT_SERIES)),
    field(12, "action", One, Text),
    field(13, "related", One, Nested(&OBJECT_REFERENCE)),
    field(14, "reportingComponent", One, Text),
    field(15, "reportingInstance", One, Text),
]);

pub(super) static EVENT_SERIES: Message = Message(&[
    field(1, "count", One, Integer),
    field(2, "lastObservedTime", One, MicroTime),
]);

pub(super) static EVENT_SOURCE: Message = Message(&[
    field(1, "component", One, Text),
    field(2, "host", One, Text),
]);

pub(super) static EXEC_ACTION: Message = Message(&[
    field(1, "command", Many, Text),
]);

pub(super) static FC_VOLUME_SOURCE: Message = Message(&[
    field(1, "targetWWNs", Many, Text),
    field(2, "lun", One, Integer),
    field(3, "fsType", One, Text),
    field(4, "readOnly", One, Bool),
    field(5, "wwids", Many, Text),
]);

pub(super) static FILE_KEY_SELECTOR: Message = Message(&[
    field(1, "volumeName", Kept, Text),
    field(2, "path", Kept, Text),
    field(3, "key", Kept, Text),
    field(4, "optional", Kept, Bool),
]);

pub(super) static FLEX_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "driver", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "secretRef", One, Nested(&SECRET_REFERENCE)),
    field(4, "readOnly", One, Bool),
    field(5, "options", Map, Text),
]);

pub(super) static FLEX_VOLUME_SOURCE: Message = Message(&[
    field(1, "driver", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(4, "readOnly", One, Bool),
    field(5, "options", Map, Text),
]);

pub(super) static FLOCKER_VOLUME_SOURCE: Message = Message(&[
    field(1, "datasetName", One, Text),
    field(2, "datasetUUID", One, Text),
]);

pub(super) static GCE_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message(&[
    field(1, "pdName", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "partition", Kept, Integer),
    field(4, "readOnly", One, Bool),
]);

pub(super) static GIT_REPO_VOLUME_SOURCE: Message = Message(&[
    field(1, "repository", Kept, Text),
    field(2, "revision", One, Text),
    field(3, "directory", One, Text),
]);

pub(super) static GLUSTERFS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "endpoints", Kept, Text),
    field(2, "path", Kept, Text),
    field(3, "readOnly", One, Bool),
    field(4, "endpointsNamespace", One, Text),
]);

pub(super) static GLUSTERFS_VOLUME_SOURCE: Message = Message(&[
    field(1, "endpoints", Kept, Text),
    field(2, "path", Kept, Text),
    field(3, "readOnly", One, Bool),
]);

pub(super) static GRPC_ACTION: Message = Message(&[
    field(1, "port", Kept, Integer),
    field(2, "service", One, Text),
]);

pub(super) static HOST_ALIAS: Message = Message(&[
    field(1, "ip", Kept, Text),
    field(2, "hostnames", Many, Text),
]);

pub(super) static HOST_IP: Message = Message(&[
    field(1, "ip", Kept, Text),
]);

pub(super) static HOST_PATH_VOLUME_SOURCE: Message = Message(&[
    field(1, "path", Kept, Text),
    field(2, "type", One, Text),
]);

pub(super) static HTTP_GET_ACTION: Message = Message(&[
    field(1, "path", One, Text),
    field(2, "port", Kept, IntOrString),
    field(3, "host", One, Text),
    field(4, "scheme", One, Text),
    field(5, "httpHeaders", Many, Nested(&HTTP_HEADER)),
]);

pub(super) static HTTP_HEADER: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "value", Kept, Text),
]);

pub(super) static IMAGE_VOLUME_SOURCE: Message = Message(&[
    field(1, "reference", One, Text),
    field(2, "pullPolicy", One, Text),
]);

pub(super) static ISCSI_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "targetPortal", Kept, Text),
    field(2, "iqn", Kept, Text),
    field(3, "lun", Kept, Integer),
    field(4, "iscsiInterface", One, Text),
    field(5, "fsType", One, Text),
    field(6, "readOnly", One, Bool),
    field(7, "portals", Many, Text),
    field(8, "chapAuthDiscovery", One, Bool),
    field(11, "chapAuthSession", One, Bool),
    field(10, "secretRef", One, Nested(&SECRET_REFERENCE)),
    field(12, "initiatorName", One, Text),
]);

pub(super) static ISCSI_VOLUME_SOURCE: Message = Message(&[
    field(1, "targetPortal", Kept, Text),
    field(2, "iqn", Kept, Text),
    field(3, "lun", Kept, Integer),
    field(4, "iscsiInterface", One, Text),
    field(5, "fsType", One, Text),
    field(6, "readOnly", One, Bool),
    field(7, "portals", Many, Text),
    field(8, "chapAuthDiscovery", One, Bool),
    field(11, "chapAuthSession", One, Bool),
    field(10, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(12, "initiatorName", One, Text),
]);

pub(super) static KEY_TO_PATH: Message = Message(&[
    field(1, "key", Kept, Text),
    field(2, "path", Kept, Text),
    field(3, "mode", Kept, Integer),
]);

pub(super) static LIFECYCLE: Message = Message(&[
    field(1, "postStart", One, Nested(&LIFECYCLE_HANDLER)),
    field(2, "preStop", One, Nested(&LIFECYCLE_HANDLER)),
    field(3, "stopSignal", One, Text),
]);

pub(super) static LIFECYCLE_HANDLER: Message = Message(&[
    field(1, "exec", One, Nested(&EXEC_ACTION)),
    field(2, "httpGet", One, Nested(&HTTP_GET_ACTION)),
    field(3, "tcpSocket", One, Nested(&TCP_SOCKET_ACTION)),
    field(4, "sleep", One, Nested(&SLEEP_ACTION)),
]);

pub(super) static LIMIT_RANGE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&LIMIT_RANGE_SPEC)),
]);

pub(super) static LIMIT_RANGE_ITEM: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "max", Map, Quantity),
    field(3, "min", Map, Quantity),
    field(4, "default", Map, Quantity),
    field(5, "defaultRequest", Map, Quantity),
    field(6, "maxLimitRequestRatio", Map, Quantity),
]);

pub(super) static LIMIT_RANGE_SPEC: Message = Message(&[
    field(1, "limits", Many, Nested(&LIMIT_RANGE_ITEM)),
]);

pub(super) static LINUX_CONTAINER_USER: Message = Message(&[
    field(1, "uid", Kept, Integer),
    field(2, "gid", Kept, Integer),
    field(3, "supplementalGroups", Many, Integer),
]);

pub(super) static LOAD_BALANCER_INGRESS: Message = Message(&[
    field(1, "ip", One, Text),
    field(2, "hostname", One, Text),
    field(3, "ipMode", One, Text),
    field(4, "ports", Many, Nested(&PORT_STATUS)),
]);

pub(super) static LOAD_BALANCER_STATUS: Message = Message(&[
    field(1, "ingress", Many, Nested(&LOAD_BALANCER_INGRESS)),
]);

pub(super) static LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static LOCAL_VOLUME_SOURCE: Message = Message(&[
    field(1, "path", Kept, Text),
    field(2, "fsType", One, Text),
]);

pub(super) static MODIFY_VOLUME_STATUS: Message = Message(&[
    field(1, "targetVolumeAttributesClassName", One, Text),
    field(2, "status", Kept, Text),
]);

pub(super) static NAMESPACE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&NAMESPACE_SPEC)),
    field(3, "status", One, Nested(&NAMESPACE_STATUS)),
]);

pub(super) static NAMESPACE_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(4, "lastTransitionTime", One, Time),
    field(5, "reason", One, Text),
    field(6, "message", One, Text),
]);

pub(super) static NAMESPACE_SPEC: Message = Message(&[
    field(1, "finalizers", Many, Text),
]);

pub(super) static NAMESPACE_STATUS: Message = Message(&[
    field(1, "phase", One, Text),
    field(2, "conditions", Many, Nested(&NAMESPACE_CONDITION)),
]);

pub(super) static NFS_VOLUME_SOURCE: Message = Message(&[
    field(1, "server", Kept, Text),
    field(2, "path", Kept, Text),
    field(3, "readOnly", One, Bool),
]);

pub(super) static NODE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&NODE_SPEC)),
    field(3, "status", One, Nested(&NODE_STATUS)),
]);

pub(super) static NODE_ADDRESS: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "address", Kept, Text),
]);

pub(super) static NODE_AFFINITY: Message = Message(&[
    field(1, "requiredDuringSchedulingIgnoredDuringExecution", One, Nested(&NODE_SELECTOR)),
    field(2, "preferredDuringSchedulingIgnoredDuringExecution", Many, Nested(&PREFERRED_SCHEDULING_TERM)),
]);

pub(super) static NODE_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastHeartbeatTime", One, Time),
    field(4, "lastTransitionTime", One, Time),
    field(5, "reason", One, Text),
    field(6, "message", One, Text),
]);

pub(super) static NODE_CONFIG_SOURCE: Message = Message(&[
    field(2, "configMap", One, Nested(&CONFIG_MAP_NODE_CONFIG_SOURCE)),
]);

pub(super) static NODE_CONFIG_STATUS: Message = Message(&[
    field(1, "assigned", One, Nested(&NODE_CONFIG_SOURCE)),
    field(2, "active", One, Nested(&NODE_CONFIG_SOURCE)),
    field(3, "lastKnownGood", One, Nested(&NODE_CONFIG_SOURCE)),
    field(4, "error", One, Text),
]);

pub(super) static NODE_DAEMON_ENDPOINTS: Message = Message(&[
    field(1, "kubeletEndpoint", One, Nested(&DAEMON_ENDPOINT)),
]);

pub(super) static NODE_FEATURES: Message = Message(&[
    field(1, "supplementalGroupsPolicy", One, Bool),
]);

pub(super) static NODE_RUNTIME_HANDLER: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "features", One, Nested(&NODE_RUNTIME_HANDLER_FEATURES)),
]);

pub(super) static NODE_RUNTIME_HANDLER_FEATURES: Message = Message(&[
    field(1, "recursiveReadOnlyMounts", One, Bool),
    field(2, "userNamespaces", One, Bool),
]);

pub(super) static NODE_SELECTOR: Message = Message(&[
    field(1, "nodeSelectorTerms", Many, Nested(&NODE_SELECTOR_TERM)),
]);

pub(super) static NODE_SELECTOR_REQUIREMENT: Message = Message(&[
    field(1, "key", Kept, Text),
    field(2, "operator", Kept, Text),
    field(3, "values", Many, Text),
]);

pub(super) static NODE_SELECTOR_TERM: Message = Message(&[
    field(1, "matchExpressions", Many, Nested(&NODE_SELECTOR_REQUIREMENT)),
    field(2, "matchFields", Many, Nested(&NODE_SELECTOR_REQUIREMENT)),
]);

pub(super) static NODE_SPEC: Message = Message(&[
    field(1, "podCIDR", One, Text),
    field(7, "podCIDRs", Many, Text),
    field(3, "providerID", One, Text),
    field(4, "unschedulable", One, Bool),
    field(5, "taints", Many, Nested(&TAINT)),
    field(6, "configSource", One, Nested(&NODE_CONFIG_SOURCE)),
    field(2, "externalID", One, Text),
]);

pub(super) static NODE_STATUS: Message = Message(&[
    field(1, "capacity", Map, Quantity),
    field(2, "allocatable", Map, Quantity),
    field(3, "phase", One, Text),
    field(4, "conditions", Many, Nested(&NODE_CONDITION)),
    field(5, "addresses", Many, Nested(&NODE_ADDRESS)),
    field(6, "daemonEndpoints", One, Nested(&NODE_DAEMON_ENDPOINTS)),
    field(7, "nodeInfo", One, Nested(&NODE_SYSTEM_INFO)),
    field(8, "images", Many, Nested(&CONTAINER_IMAGE)),
    field(9, "volumesInUse", Many, Text),
    field(10, "volumesAttached", Many, Nested(&ATTACHED_VOLUME)),
    field(11, "config", One, Nested(&NODE_CONFIG_STATUS)),
    field(12, "runtimeHandlers", Many, Nested(&NODE_RUNTIME_HANDLER)),
    field(13, "features", One, Nested(&NODE_FEATURES)),
]);

pub(super) static NODE_SWAP_STATUS: Message = Message(&[
    field(1, "capacity", One, Integer),
]);

pub(super) static NODE_SYSTEM_INFO: Message = Message(&[
    field(1, "machineID", Kept, Text),
    field(2, "systemUUID", Kept, Text),
    field(3, "bootID", Kept, Text),
    field(4, "kernelVersion", Kept, Text),
    field(5, "osImage", Kept, Text),
    field(6, "containerRuntimeVersion", Kept, Text),
    field(7, "kubeletVersion", Kept, Text),
    field(8, "kubeProxyVersion", Kept, Text),
    field(9, "operatingSystem", Kept, Text),
    field(10, "architecture", Kept, Text),
    field(11, "swap", One, Nested(&NODE_SWAP_STATUS)),
]);

pub(super) static OBJECT_FIELD_SELECTOR: Message = Message(&[
    field(1, "apiVersion", One, Text),
    field(2, "fieldPath", Kept, Text),
]);

pub(super) static OBJECT_REFERENCE: Message = Message(&[
    field(1, "kind", One, Text),
    field(2, "namespace", One, Text),
    field(3, "name", One, Text),
    field(4, "uid", One, Text),
    field(5, "apiVersion", One, Text),
    field(6, "resourceVersion", One, Text),
    field(7, "fieldPath", One, Text),
]);

pub(super) static PERSISTENT_VOLUME: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&PERSISTENT_VOLUME_SPEC)),
    field(3, "status", One, Nested(&PERSISTENT_VOLUME_STATUS)),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&PERSISTENT_VOLUME_CLAIM_SPEC)),
    field(3, "status", One, Nested(&PERSISTENT_VOLUME_CLAIM_STATUS)),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastProbeTime", One, Time),
    field(4, "lastTransitionTime", One, Time),
    field(5, "reason", One, Text),
    field(6, "message", One, Text),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM_SPEC: Message = Message(&[
    field(1, "accessModes", Many, Text),
    field(4, "selector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(2, "resources", One, Nested(&VOLUME_RESOURCE_REQUIREMENTS)),
    field(3, "volumeName", One, Text),
    field(5, "storageClassName", Kept, Text),
    field(6, "volumeMode", Kept, Text),
    field(7, "dataSource", One, Nested(&TYPED_LOCAL_OBJECT_REFERENCE)),
    field(8, "dataSourceRef", One, Nested(&TYPED_OBJECT_REFERENCE)),
    field(9, "volumeAttributesClassName", One, Text),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM_STATUS: Message = Message(&[
    field(1, "phase", One, Text),
    field(2, "accessModes", Many, Text),
    field(3, "capacity", Map, Quantity),
    field(4, "conditions", Many, Nested(&PERSISTENT_VOLUME_CLAIM_CONDITION)),
    field(5, "allocatedResources", Map, Quantity),
    field(7, "allocatedResourceStatuses", Map, Text),
    field(8, "currentVolumeAttributesClassName", One, Text),
    field(9, "modifyVolumeStatus", One, Nested(&MODIFY_VOLUME_STATUS)),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM_TEMPLATE: Message = Message(&[
    field(1, "metadata", One, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", Kept, Nested(&PERSISTENT_VOLUME_CLAIM_SPEC)),
]);

pub(super) static PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Message = Message(&[
    field(1, "claimName", Kept, Text),
    field(2, "readOnly", One, Bool),
]);

pub(super) static PERSISTENT_VOLUME_SPEC: Message = Message(&[
    field(1, "capacity", Map, Quantity),
    field(2, "", Inline, Nested(&PERSISTENT_VOLUME_SPEC_IN_PERSISTENT_VOLUME_SOURCE)),
    field(3, "accessModes", Many, Text),
    field(4, "claimRef", One, Nested(&OBJECT_REFERENCE)),
    field(5, "persistentVolumeReclaimPolicy", One, Text),
    field(6, "storageClassName", Kept, Text),
    field(7, "mountOptions", Many, Text),
    field(8, "volumeMode", Kept, Text),
    field(9, "nodeAffinity", One, Nested(&VOLUME_NODE_AFFINITY)),
    field(10, "volumeAttributesClassName", One, Text),
]);

pub(super) static PERSISTENT_VOLUME_SPEC_IN_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "gcePersistentDisk", One, Nested(&GCE_PERSISTENT_DISK_VOLUME_SOURCE)),
    field(2, "awsElasticBlockStore", One, Nested(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)),
    field(3, "hostPath", One, Nested(&HOST_PATH_VOLUME_SOURCE)),
    field(4, "glusterfs", One, Nested(&GLUSTERFS_PERSISTENT_VOLUME_SOURCE)),
    field(5, "nfs", One, Nested(&NFS_VOLUME_SOURCE)),
    field(6, "rbd", One, Nested(&RBD_PERSISTENT_VOLUME_SOURCE)),
    field(7, "iscsi", One, Nested(&ISCSI_PERSISTENT_VOLUME_SOURCE)),
    field(8, "cinder", One, Nested(&CINDER_PERSISTENT_VOLUME_SOURCE)),
    field(9, "cephfs", One, Nested(&CEPH_FS_PERSISTENT_VOLUME_SOURCE)),
    field(10, "fc", One, Nested(&FC_VOLUME_SOURCE)),
    field(11, "flocker", One, Nested(&FLOCKER_VOLUME_SOURCE)),
    field(12, "flexVolume", One, Nested(&FLEX_PERSISTENT_VOLUME_SOURCE)),
    field(13, "azureFile", One, Nested(&AZURE_FILE_PERSISTENT_VOLUME_SOURCE)),
    field(14, "vsphereVolume", One, Nested(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)),
    field(15, "quobyte", One, Nested(&QUOBYTE_VOLUME_SOURCE)),
    field(16, "azureDisk", One, Nested(&AZURE_DISK_VOLUME_SOURCE)),
    field(17, "photonPersistentDisk", One, Nested(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)),
    field(18, "portworxVolume", One, Nested(&PORTWORX_VOLUME_SOURCE)),
    field(19, "scaleIO", One, Nested(&SCALE_IO_PERSISTENT_VOLUME_SOURCE)),
    field(20, "local", One, Nested(&LOCAL_VOLUME_SOURCE)),
    field(21, "storageos", One, Nested(&STORAGE_OS_PERSISTENT_VOLUME_SOURCE)),
    field(22, "csi", One, Nested(&C_S_I_PERSISTENT_VOLUME_SOURCE)),
]);

pub(super) static PERSISTENT_VOLUME_STATUS: Message = Message(&[
    field(1, "phase", One, Text),
    field(2, "message", One, Text),
    field(3, "reason", One, Text),
    field(4, "lastPhaseTransitionTime", One, Time),
]);

pub(super) static PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message(&[
    field(1, "pdID", Kept, Text),
    field(2, "fsType", One, Text),
]);

pub(super) static POD: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&POD_SPEC)),
    field(3, "status", One, Nested(&POD_STATUS)),
]);

pub(super) static POD_AFFINITY: Message = Message(&[
    field(1, "requiredDuringSchedulingIgnoredDuringExecution", Many, Nested(&POD_AFFINITY_TERM)),
    field(2, "preferredDuringSchedulingIgnoredDuringExecution", Many, Nested(&WEIGHTED_POD_AFFINITY_TERM)),
]);

pub(super) static POD_AFFINITY_TERM: Message = Message(&[
    field(1, "labelSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(2, "namespaces", Many, Text),
    field(3, "topologyKey", Kept, Text),
    field(4, "namespaceSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(5, "matchLabelKeys", Many, Text),
    field(6, "mismatchLabelKeys", Many, Text),
]);

pub(super) static POD_ANTI_AFFINITY: Message = Message(&[
    field(1, "requiredDuringSchedulingIgnoredDuringExecution", Many, Nested(&POD_AFFINITY_TERM)),
    field(2, "preferredDuringSchedulingIgnoredDuringExecution", Many, Nested(&WEIGHTED_POD_AFFINITY_TERM)),
]);

pub(super) static POD_CERTIFICATE_PROJECTION: Message = Message(&[
    field(1, "signerName", Kept, Text),
    field(2, "keyType", Kept, Text),
    field(3, "maxExpirationSeconds", One, Integer),
    field(4, "credentialBundlePath", One, Text),
    field(5, "keyPath", One, Text),
    field(6, "certificateChainPath", One, Text),
]);

pub(super) static POD_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(7, "observedGeneration", One, Integer),
    field(2, "status", Kept, Text),
    field(3, "lastProbeTime", One, Time),
    field(4, "lastTransitionTime", One, Time),
    field(5, "reason", One, Text),
    field(6, "message", One, Text),
]);

pub(super) static POD_DNS_CONFIG: Message = Message(&[
    field(1, "nameservers", Many, Text),
    field(2, "searches", Many, Text),
    field(3, "options", Many, Nested(&POD_DNS_CONFIG_OPTION)),
]);

pub(super) static POD_DNS_CONFIG_OPTION: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "value", Kept, Text),
]);

pub(super) static POD_EXTENDED_RESOURCE_CLAIM_STATUS: Message = Message(&[
    field(1, "requestMappings", Many, Nested(&CONTAINER_EXTENDED_RESOURCE_REQUEST)),
    field(2, "resourceClaimName", Kept, Text),
]);

pub(super) static POD_IP: Message = Message(&[
    field(1, "ip", Kept, Text),
]);

pub(super) static POD_OS: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static POD_READINESS_GATE: Message = Message(&[
    field(1, "conditionType", Kept, Text),
]);

pub(super) static POD_RESOURCE_CLAIM: Message = Message(&[
    field(1, "name", Kept, Text),
    field(3, "resourceClaimName", One, Text),
    field(4, "resourceClaimTemplateName", One, Text),
]);

pub(super) static POD_RESOURCE_CLAIM_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "resourceClaimName", One, Text),
]);

pub(super) static POD_SCHEDULING_GATE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static POD_SECURITY_CONTEXT: Message = Message(&[
    field(1, "seLinuxOptions", One, Nested(&SE_LINUX_OPTIONS)),
    field(8, "windowsOptions", One, Nested(&WINDOWS_SECURITY_CONTEXT_OPTIONS)),
    field(2, "runAsUser", Kept, Integer),
    field(6, "runAsGroup", Kept, Integer),
    field(3, "runAsNonRoot", Kept, Bool),
    field(4, "supplementalGroups", Many, Integer),
    field(12, "supplementalGroupsPolicy", One, Text),
    field(5, "fsGroup", Kept, Integer),
    field(7, "sysctls", Many, Nested(&SYSCTL)),
    field(9, "fsGroupChangePolicy", One, Text),
    field(10, "seccompProfile", One, Nested(&SECCOMP_PROFILE)),
    field(11, "appArmorProfile", One, Nested(&APP_ARMOR_PROFILE)),
    field(13, "seLinuxChangePolicy", One, Text),
]);

pub(super) static POD_SPEC: Message = Message(&[
    field(1, "volumes", Many, Nested(&VOLUME)),
    field(20, "initContainers", Many, Nested(&CONTAINER)),
    field(2, "containers", Many, Nested(&CONTAINER)),
    field(34, "ephemeralContainers", Many, Nested(&EPHEMERAL_CONTAINER)),
    field(3, "restartPolicy", One, Text),
    field(4, "terminationGracePeriodSeconds", Kept, Integer),
    field(5, "activeDeadlineSeconds", Kept, Integer),
    field(6, "dnsPolicy", One, Text),
    field(7, "nodeSelector", Map, Text),
    field(8, "serviceAccountName", One, Text),
    field(9, "serviceAccount", One, Text),
    field(21, "automountServiceAccountToken", Kept, Bool),
    field(10, "nodeName", One, Text),
    field(11, "hostNetwork", One, Bool),
    field(12, "hostPID", One, Bool),
    field(13, "hostIPC", One, Bool),
    field(27, "shareProcessNamespace", Kept, Bool),
    field(14, "securityContext", One, Nested(&POD_SECURITY_CONTEXT)),
    field(15, "imagePullSecrets", Many, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(16, "hostname", One, Text),
    field(17, "subdomain", One, Text),
    field(18, "affinity", One, Nested(&AFFINITY)),
    field(19, "schedulerName", One, Text),
    field(22, "tolerations", Many, Nested(&TOLERATION)),
    field(23, "hostAliases", Many, Nested(&HOST_ALIAS)),
    field(24, "priorityClassName", One, Text),
    field(25, "priority", Kept, Integer),
    field(26, "dnsConfig", One, Nested(&POD_DNS_CONFIG)),
    field(28, "readinessGates", Many, Nested(&POD_READINESS_GATE)),
    field(29, "runtimeClassName", Kept, Text),
    field(30, "enableServiceLinks", Kept, Bool),
    field(31, "preemptionPolicy", Kept, Text),
    field(32, "overhead", Map, Quantity),
    field(33, "topologySpreadConstraints", Many, Nested(&TOPOLOGY_SPREAD_CONSTRAINT)),
    field(35, "setHostnameAsFQDN", Kept, Bool),
    field(36, "os", One, Nested(&POD_OS)),
    field(37, "hostUsers", Kept, Bool),
    field(38, "schedulingGates", Many, Nested(&POD_SCHEDULING_GATE)),
    field(39, "resourceClaims", Many, Nested(&POD_RESOURCE_CLAIM)),
    field(40, "resources", One, Nested(&RESOURCE_REQUIREMENTS)),
    field(41, "hostnameOverride", One, Text),
]);

pub(super) static POD_STATUS: Message = Message(&[
    field(17, "observedGeneration", One, Integer),
    field(1, "phase", One, Text),
    field(2, "conditions", Many, Nested(&POD_CONDITION)),
    field(3, "message", One, Text),
    field(4, "reason", One, Text),
    field(11, "nominatedNodeName", One, Text),
    field(5, "hostIP", One, Text),
    field(16, "hostIPs", Many, Nested(&HOST_IP)),
    field(6, "podIP", One, Text),
    field(12, "podIPs", Many, Nested(&POD_IP)),
    field(7, "startTime", One, Time),
    field(10, "initContainerStatuses", Many, Nested(&CONTAINER_STATUS)),
    field(8, "containerStatuses", Many, Nested(&CONTAINER_STATUS)),
    field(9, "qosClass", One, Text),
    field(13, "ephemeralContainerStatuses", Many, Nested(&CONTAINER_STATUS)),
    field(14, "resize", One, Text),
    field(15, "resourceClaimStatuses", Many, Nested(&POD_RESOURCE_CLAIM_STATUS)),
    field(18, "extendedResourceClaimStatus", One, Nested(&POD_EXTENDED_RESOURCE_CLAIM_STATUS)),
]);

pub(super) static POD_TEMPLATE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "template", One, Nested(&POD_TEMPLATE_SPEC)),
]);

pub(super) static POD_TEMPLATE_SPEC: Message = Message(&[
    field(1, "metadata", One, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&POD_SPEC)),
]);

pub(super) static PORT_STATUS: Message = Message(&[
    field(1, "port", Kept, Integer),
    field(2, "protocol", Kept, Text),
    field(3, "error", One, Text),
]);

pub(super) static PORTWORX_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeID", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "readOnly", One, Bool),
]);

pub(super) static PREFERRED_SCHEDULING_TERM: Message = Message(&[
    field(1, "weight", Kept, Integer),
    field(2, "preference", Kept, Nested(&NODE_SELECTOR_TERM)),
]);

pub(super) static PROBE: Message = Message(&[
    field(1, "", Inline, Nested(&PROBE_IN_PROBE_HANDLER)),
    field(2, "initialDelaySeconds", One, Integer),
    field(3, "timeoutSeconds", One, Integer),
    field(4, "periodSeconds", One, Integer),
    field(5, "successThreshold", One, Integer),
    field(6, "failureThreshold", One, Integer),
    field(7, "terminationGracePeriodSeconds", Kept, Integer),
]);

pub(super) static PROBE_IN_PROBE_HANDLER: Message = Message(&[
    field(1, "exec", One, Nested(&EXEC_ACTION)),
    field(2, "httpGet", One, Nested(&HTTP_GET_ACTION)),
    field(3, "tcpSocket", One, Nested(&TCP_SOCKET_ACTION)),
    field(4, "grpc", One, Nested(&GRPC_ACTION)),
]);

pub(super) static PROJECTED_VOLUME_SOURCE: Message = Message(&[
    field(1, "sources", Many, Nested(&VOLUME_PROJECTION)),
    field(2, "defaultMode", Kept, Integer),
]);

pub(super) static QUOBYTE_VOLUME_SOURCE: Message = Message(&[
    field(1, "registry", Kept, Text),
    field(2, "volume", Kept, Text),
    field(3, "readOnly", One, Bool),
    field(4, "user", One, Text),
    field(5, "group", One, Text),
    field(6, "tenant", One, Text),
]);

pub(super) static RBD_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "monitors", Many, Text),
    field(2, "image", Kept, Text),
    field(3, "fsType", One, Text),
    field(4, "pool", One, Text),
    field(5, "user", One, Text),
    field(6, "keyring", One, Text),
    field(7, "secretRef", One, Nested(&SECRET_REFERENCE)),
    field(8, "readOnly", One, Bool),
]);

pub(super) static RBD_VOLUME_SOURCE: Message = Message(&[
    field(1, "monitors", Many, Text),
    field(2, "image", Kept, Text),
    field(3, "fsType", One, Text),
    field(4, "pool", One, Text),
    field(5, "user", One, Text),
    field(6, "keyring", One, Text),
    field(7, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(8, "readOnly", One, Bool),
]);

pub(super) static REPLICATION_CONTROLLER: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&REPLICATION_CONTROLLER_SPEC)),
    field(3, "status", One, Nested(&REPLICATION_CONTROLLER_STATUS)),
]);

pub(super) static REPLICATION_CONTROLLER_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static REPLICATION_CONTROLLER_SPEC: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(4, "minReadySeconds", One, Integer),
    field(2, "selector", Map, Text),
    field(3, "template", One, Nested(&POD_TEMPLATE_SPEC)),
]);

pub(super) static REPLICATION_CONTROLLER_STATUS: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(2, "fullyLabeledReplicas", One, Integer),
    field(4, "readyReplicas", One, Integer),
    field(5, "availableReplicas", One, Integer),
    field(3, "observedGeneration", One, Integer),
    field(6, "conditions", Many, Nested(&REPLICATION_CONTROLLER_CONDITION)),
]);

pub(super) static RESOURCE_CLAIM: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "request", One, Text),
]);

pub(super) static RESOURCE_FIELD_SELECTOR: Message = Message(&[
    field(1, "containerName", One, Text),
    field(2, "resource", Kept, Text),
    field(3, "divisor", One, Quantity),
]);

pub(super) static RESOURCE_HEALTH: Message = Message(&[
    field(1, "resourceID", Kept, Text),
    field(2, "health", One, Text),
]);

pub(super) static RESOURCE_QUOTA: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&RESOURCE_QUOTA_SPEC)),
    field(3, "status", One, Nested(&RESOURCE_QUOTA_STATUS)),
]);

pub(super) static RESOURCE_QUOTA_SPEC: Message = Message(&[
    field(1, "hard", Map, Quantity),
    field(2, "scopes", Many, Text),
    field(3, "scopeSelector", One, Nested(&SCOPE_SELECTOR)),
]);

pub(super) static RESOURCE_QUOTA_STATUS: Message = Message(&[
    field(1, "hard", Map, Quantity),
    field(2, "used", Map, Quantity),
]);

pub(super) static RESOURCE_REQUIREMENTS: Message = Message(&[
    field(1, "limits", Map, Quantity),
    field(2, "requests", Map, Quantity),
    field(3, "claims", Many, Nested(&RESOURCE_CLAIM)),
]);

pub(super) static RESOURCE_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "resources", Many, Nested(&RESOURCE_HEALTH)),
]);

pub(super) static SCALE_IO_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "gateway", Kept, Text),
    field(2, "system", Kept, Text),
    field(3, "secretRef", Kept, Nested(&SECRET_REFERENCE)),
    field(4, "sslEnabled", One, Bool),
    field(5, "protectionDomain", One, Text),
    field(6, "storagePool", One, Text),
    field(7, "storageMode", One, Text),
    field(8, "volumeName", One, Text),
    field(9, "fsType", One, Text),
    field(10, "readOnly", One, Bool),
]);

pub(super) static SCALE_IO_VOLUME_SOURCE: Message = Message(&[
    field(1, "gateway", Kept, Text),
    field(2, "system", Kept, Text),
    field(3, "secretRef", Kept, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(4, "sslEnabled", One, Bool),
    field(5, "protectionDomain", One, Text),
    field(6, "storagePool", One, Text),
    field(7, "storageMode", One, Text),
    field(8, "volumeName", One, Text),
    field(9, "fsType", One, Text),
    field(10, "readOnly", One, Bool),
]);

pub(super) static SCOPE_SELECTOR: Message = Message(&[
    field(1, "matchExpressions", Many, Nested(&SCOPED_RESOURCE_SELECTOR_REQUIREMENT)),
]);

pub(super) static SCOPED_RESOURCE_SELECTOR_REQUIREMENT: Message = Message(&[
    field(1, "scopeName", Kept, Text),
    field(2, "operator", Kept, Text),
    field(3, "values", Many, Text),
]);

pub(super) static SE_LINUX_OPTIONS: Message = Message(&[
    field(1, "user", One, Text),
    field(2, "role", One, Text),
    field(3, "type", One, Text),
    field(4, "level", One, Text),
]);

pub(super) static SECCOMP_PROFILE: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "localhostProfile", One, Text),
]);

pub(super) static SECRET: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(5, "immutable", Kept, Bool),
    field(2, "data", Map, Bytes),
    field(4, "stringData", Map, Text),
    field(3, "type", One, Text),
]);

pub(super) static SECRET_ENV_SOURCE: Message = Message(&[
    field(1, "", Inline, Nested(&SECRET_ENV_SOURCE_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "optional", Kept, Bool),
]);

pub(super) static SECRET_ENV_SOURCE_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static SECRET_KEY_SELECTOR: Message = Message(&[
    field(1, "", Inline, Nested(&SECRET_KEY_SELECTOR_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "key", Kept, Text),
    field(3, "optional", Kept, Bool),
]);

pub(super) static SECRET_KEY_SELECTOR_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static SECRET_PROJECTION: Message = Message(&[
    field(1, "", Inline, Nested(&SECRET_PROJECTION_IN_LOCAL_OBJECT_REFERENCE)),
    field(2, "items", Many, Nested(&KEY_TO_PATH)),
    field(4, "optional", Kept, Bool),
]);

pub(super) static SECRET_PROJECTION_IN_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static SECRET_REFERENCE: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "namespace", One, Text),
]);

pub(super) static SECRET_VOLUME_SOURCE: Message = Message(&[
    field(1, "secretName", One, Text),
    field(2, "items", Many, Nested(&KEY_TO_PATH)),
    field(3, "defaultMode", Kept, Integer),
    field(4, "optional", Kept, Bool),
]);

pub(super) static SECURITY_CONTEXT: Message = Message(&[
    field(1, "capabilities", One, Nested(&CAPABILITIES)),
    field(2, "privileged", Kept, Bool),
    field(3, "seLinuxOptions", One, Nested(&SE_LINUX_OPTIONS)),
    field(10, "windowsOptions", One, Nested(&WINDOWS_SECURITY_CONTEXT_OPTIONS)),
    field(4, "runAsUser", Kept, Integer),
    field(8, "runAsGroup", Kept, Integer),
    field(5, "runAsNonRoot", Kept, Bool),
    field(6, "readOnlyRootFilesystem", Kept, Bool),
    field(7, "allowPrivilegeEscalation", Kept, Bool),
    field(9, "procMount", Kept, Text),
    field(11, "seccompProfile", One, Nested(&SECCOMP_PROFILE)),
    field(12, "appArmorProfile", One, Nested(&APP_ARMOR_PROFILE)),
]);

pub(super) static SERVICE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&SERVICE_SPEC)),
    field(3, "status", One, Nested(&SERVICE_STATUS)),
]);

pub(super) static SERVICE_ACCOUNT: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "secrets", Many, Nested(&OBJECT_REFERENCE)),
    field(3, "imagePullSecrets", Many, Nested(&LOCAL_OBJECT_REFERENCE)),
    field(4, "automountServiceAccountToken", Kept, Bool),
]);

pub(super) static SERVICE_ACCOUNT_TOKEN_PROJECTION: Message = Message(&[
    field(1, "audience", One, Text),
    field(2, "expirationSeconds", One, Integer),
    field(3, "path", Kept, Text),
]);

pub(super) static SERVICE_PORT: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "protocol", One, Text),
    field(6, "appProtocol", One, Text),
    field(3, "port", Kept, Integer),
    field(4, "targetPort", One, IntOrString),
    field(5, "nodePort", One, Integer),
]);

pub(super) static SERVICE_SPEC: Message = Message(&[
    field(1, "ports", Many, Nested(&SERVICE_PORT)),
    field(2, "selector", Map, Text),
    field(3, "clusterIP", One, Text),
    field(18, "clusterIPs", Many, Text),
    field(4, "type", One, Text),
    field(5, "externalIPs", Many, Text),
    field(7, "sessionAffinity", One, Text),
    field(8, "loadBalancerIP", One, Text),
    field(9, "loadBalancerSourceRanges", Many, Text),
    field(10, "externalName", One, Text),
    field(11, "externalTrafficPolicy", One, Text),
    field(12, "healthCheckNodePort", One, Integer),
    field(13, "publishNotReadyAddresses", One, Bool),
    field(14, "sessionAffinityConfig", One, Nested(&SESSION_AFFINITY_CONFIG)),
    field(19, "ipFamilies", Many, Text),
    field(17, "ipFamilyPolicy", Kept, Text),
    field(20, "allocateLoadBalancerNodePorts", Kept, Bool),
    field(21, "loadBalancerClass", One, Text),
    field(22, "internalTrafficPolicy", One, Text),
    field(23, "trafficDistribution", One, Text),
]);

pub(super) static SERVICE_STATUS: Message = Message(&[
    field(1, "loadBalancer", One, Nested(&LOAD_BALANCER_STATUS)),
    field(2, "conditions", Many, Nested(&meta_v1::CONDITION)),
]);

pub(super) static SESSION_AFFINITY_CONFIG: Message = Message(&[
    field(1, "clientIP", One, Nested(&CLIENT_IP_CONFIG)),
]);

pub(super) static SLEEP_ACTION: Message = Message(&[
    field(1, "seconds", Kept, Integer),
]);

pub(super) static STORAGE_OS_PERSISTENT_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeName", One, Text),
    field(2, "volumeNamespace", One, Text),
    field(3, "fsType", One, Text),
    field(4, "readOnly", One, Bool),
    field(5, "secretRef", One, Nested(&OBJECT_REFERENCE)),
]);

pub(super) static STORAGE_OS_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumeName", One, Text),
    field(2, "volumeNamespace", One, Text),
    field(3, "fsType", One, Text),
    field(4, "readOnly", One, Bool),
    field(5, "secretRef", One, Nested(&LOCAL_OBJECT_REFERENCE)),
]);

pub(super) static SYSCTL: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "value", Kept, Text),
]);

pub(super) static TAINT: Message = Message(&[
    field(1, "key", Kept, Text),
    field(2, "value", Kept, Text),
    field(3, "effect", Kept, Text),
    field(4, "timeAdded", One, Time),
]);

pub(super) static TCP_SOCKET_ACTION: Message = Message(&[
    field(1, "port", Kept, IntOrString),
    field(2, "host", One, Text),
]);

pub(super) static TOLERATION: Message = Message(&[
    field(1, "key", One, Text),
    field(2, "operator", One, Text),
    field(3, "value", One, Text),
    field(4, "effect", One, Text),
    field(5, "tolerationSeconds", Kept, Integer),
]);

pub(super) static TOPOLOGY_SELECTOR_LABEL_REQUIREMENT: Message = Message(&[
    field(1, "key", Kept, Text),
    field(2, "values", Many, Text),
]);

pub(super) static TOPOLOGY_SELECTOR_TERM: Message = Message(&[
    field(1, "matchLabelExpressions", Many, Nested(&TOPOLOGY_SELECTOR_LABEL_REQUIREMENT)),
]);

pub(super) static TOPOLOGY_SPREAD_CONSTRAINT: Message = Message(&[
    field(1, "maxSkew", Kept, Integer),
    field(2, "topologyKey", Kept, Text),
    field(3, "whenUnsatisfiable", Kept, Text),
    field(4, "labelSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(5, "minDomains", Kept, Integer),
    field(6, "nodeAffinityPolicy", One, Text),
    field(7, "nodeTaintsPolicy", One, Text),
    field(8, "matchLabelKeys", Many, Text),
]);

pub(super) static TYPED_LOCAL_OBJECT_REFERENCE: Message = Message(&[
    field(1, "apiGroup", One, Text),
    field(2, "kind", Kept, Text),
    field(3, "name", Kept, Text),
]);

pub(super) static TYPED_OBJECT_REFERENCE: Message = Message(&[
    field(1, "apiGroup", One, Text),
    field(2, "kind", Kept, Text),
    field(3, "name", Kept, Text),
    field(4, "namespace", One, Text),
]);

pub(super) static VOLUME: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "", Inline, Nested(&VOLUME_IN_VOLUME_SOURCE)),
]);

pub(super) static VOLUME_DEVICE: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "devicePath", Kept, Text),
]);

pub(super) static VOLUME_IN_VOLUME_SOURCE: Message = Message(&[
    field(1, "hostPath", One, Nested(&HOST_PATH_VOLUME_SOURCE)),
    field(2, "emptyDir", One, Nested(&EMPTY_DIR_VOLUME_SOURCE)),
    field(3, "gcePersistentDisk", One, Nested(&GCE_PERSISTENT_DISK_VOLUME_SOURCE)),
    field(4, "awsElasticBlockStore", One, Nested(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)),
    field(5, "gitRepo", One, Nested(&GIT_REPO_VOLUME_SOURCE)),
    field(6, "secret", One, Nested(&SECRET_VOLUME_SOURCE)),
    field(7, "nfs", One, Nested(&NFS_VOLUME_SOURCE)),
    field(8, "iscsi", One, Nested(&ISCSI_VOLUME_SOURCE)),
    field(9, "glusterfs", One, Nested(&GLUSTERFS_VOLUME_SOURCE)),
    field(10, "persistentVolumeClaim", One, Nested(&PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE)),
    field(11, "rbd", One, Nested(&RBD_VOLUME_SOURCE)),
    field(12, "flexVolume", One, Nested(&FLEX_VOLUME_SOURCE)),
    field(13, "cinder", One, Nested(&CINDER_VOLUME_SOURCE)),
    field(14, "cephfs", One, Nested(&CEPH_FS_VOLUME_SOURCE)),
    field(15, "flocker", One, Nested(&FLOCKER_VOLUME_SOURCE)),
    field(16, "downwardAPI", One, Nested(&DOWNWARD_A_P_I_VOLUME_SOURCE)),
    field(17, "fc", One, Nested(&FC_VOLUME_SOURCE)),
    field(18, "azureFile", One, Nested(&AZURE_FILE_VOLUME_SOURCE)),
    field(19, "configMap", One, Nested(&CONFIG_MAP_VOLUME_SOURCE)),
    field(20, "vsphereVolume", One, Nested(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)),
    field(21, "quobyte", One, Nested(&QUOBYTE_VOLUME_SOURCE)),
    field(22, "azureDisk", One, Nested(&AZURE_DISK_VOLUME_SOURCE)),
    field(23, "photonPersistentDisk", One, Nested(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)),
    field(26, "projected", One, Nested(&PROJECTED_VOLUME_SOURCE)),
    field(24, "portworxVolume", One, Nested(&PORTWORX_VOLUME_SOURCE)),
    field(25, "scaleIO", One, Nested(&SCALE_IO_VOLUME_SOURCE)),
    field(27, "storageos", One, Nested(&STORAGE_OS_VOLUME_SOURCE)),
    field(28, "csi", One, Nested(&C_S_I_VOLUME_SOURCE)),
    field(29, "ephemeral", One, Nested(&EPHEMERAL_VOLUME_SOURCE)),
    field(30, "image", One, Nested(&IMAGE_VOLUME_SOURCE)),
]);

pub(super) static VOLUME_MOUNT: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "readOnly", One, Bool),
    field(7, "recursiveReadOnly", One, Text),
    field(3, "mountPath", Kept, Text),
    field(4, "subPath", One, Text),
    field(5, "mountPropagation", One, Text),
    field(6, "subPathExpr", One, Text),
]);

pub(super) static VOLUME_MOUNT_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "mountPath", Kept, Text),
    field(3, "readOnly", One, Bool),
    field(4, "recursiveReadOnly", One, Text),
]);

pub(super) static VOLUME_NODE_AFFINITY: Message = Message(&[
    field(1, "required", One, Nested(&NODE_SELECTOR)),
]);

pub(super) static VOLUME_PROJECTION: Message = Message(&[
    field(1, "secret", One, Nested(&SECRET_PROJECTION)),
    field(2, "downwardAPI", One, Nested(&DOWNWARD_A_P_I_PROJECTION)),
    field(3, "configMap", One, Nested(&CONFIG_MAP_PROJECTION)),
    field(4, "serviceAccountToken", One, Nested(&SERVICE_ACCOUNT_TOKEN_PROJECTION)),
    field(5, "clusterTrustBundle", One, Nested(&CLUSTER_TRUST_BUNDLE_PROJECTION)),
    field(6, "podCertificate", One, Nested(&POD_CERTIFICATE_PROJECTION)),
]);

pub(super) static VOLUME_RESOURCE_REQUIREMENTS: Message = Message(&[
    field(1, "limits", Map, Quantity),
    field(2, "requests", Map, Quantity),
]);

pub(super) static VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Message = Message(&[
    field(1, "volumePath", Kept, Text),
    field(2, "fsType", One, Text),
    field(3, "storagePolicyName", One, Text),
    field(4, "storagePolicyID", One, Text),
]);

pub(super) static WEIGHTED_POD_AFFINITY_TERM: Message = Message(&[
    field(1, "weight", Kept, Integer),
    field(2, "podAffinityTerm", Kept, Nested(&POD_AFFINITY_TERM)),
]);

pub(super) static WINDOWS_SECURITY_CONTEXT_OPTIONS: Message = Message(&[
    field(1, "gmsaCredentialSpecName", One, Text),
    field(2, "gmsaCredentialSpec", One, Text),
    field(3, "runAsUserName", One, Text),
    field(4, "hostProcess", One, Bool),
]);
