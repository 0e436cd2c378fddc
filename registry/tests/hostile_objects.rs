//! Whatever stands in a field of an object, its kind's rules decide about it: no panic, no default that is not
//! final, no valid object that is refused when written again unchanged.

#![allow(clippy::unwrap_used, reason = "tests")]

use bireme_core::client::Part;
use bireme_core::object::Object;
use bireme_registry::kinds::built_in;
use bireme_registry::resource::{Draft, DynStrategy};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A pod's spec in which most fields are set.
fn pod_spec() -> Value {
    let probe = json!({"httpGet": {"path": "/", "port": "web", "httpHeaders": [{"name": "X-A", "value": "b"}]}, "periodSeconds": 3});
    let container = |name: &str| {
        json!({
            "name": name, "image": "host:5000/img:1", "command": ["x"], "workingDir": "/",
            "env": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}],
            "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "P_"}],
            "ports": [{"name": "web", "containerPort": 80, "hostPort": 80, "protocol": "TCP", "hostIP": "10.0.0.1"}],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "0.5", "example.com/gpu": "1"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a", "mountPropagation": "None"}],
            "livenessProbe": probe, "startupProbe": {"grpc": {"port": 1}}, "readinessProbe": {"tcpSocket": {"port": 80}},
            "lifecycle": {"preStop": {"exec": {"command": ["x"]}}, "postStart": {"sleep": {"seconds": 1}}},
            "securityContext": {"runAsUser": 1, "allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_ADMIN"]}},
        })
    };
    let term = json!({"topologyKey": "zone", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}, "namespaces": ["n"]});
    let node_term = json!({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}],
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]});
    json!({
        "containers": [container("a")], "initContainers": [{"name": "i", "image": "img", "restartPolicy": "Always"}],
        "volumes": [
            {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "h", "hostPath": {"path": "/x", "type": "Directory"}},
            {"name": "s", "secret": {"secretName": "s", "defaultMode": 256, "items": [{"key": "k", "path": "p", "mode": 256}]}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 600}},
                {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}},
        ],
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [node_term]},
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": node_term}]},
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]},
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]},
        },
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 1}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}], "dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["a"]},
        "nodeSelector": {"a": "b"}, "nodeName": "n", "hostname": "h", "subdomain": "s", "serviceAccountName": "r",
        "restartPolicy": "Always", "dnsPolicy": "None", "terminationGracePeriodSeconds": 5,
        "securityContext": {"fsGroup": 1, "supplementalGroups": [1]}, "imagePullSecrets": [{"name": "x"}],
        "overhead": {"cpu": "1m"}, "readinessGates": [{"conditionType": "x"}],
    })
}

/// An object of a kind in which most fields are set.
fn rich(kind: &str) -> Value {
    let template = || {
        let mut spec = pod_spec();
        let spec_members = spec.as_object_mut().unwrap();
        spec_members.remove("nodeName");
        json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": spec})
    };
    let selector =
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
    let time = "2026-01-01T11:00:00.000000Z";
    let mut object = match kind {
        "ConfigMap" => json!({"data": {"a": "b"}, "binaryData": {"c": "eA=="}, "immutable": false}),
        "Secret" => json!({"data": {"a": "eA=="}, "stringData": {"b": "c"}, "type": "Opaque"}),
        "ServiceAccount" => json!({"secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "s"}]}),
        "Lease" => {
            json!({"spec": {"holderIdentity": "h", "leaseDurationSeconds": 5, "leaseTransitions": 1, "renewTime": time}})
        }
        "Namespace" => json!({"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
        "Endpoints" => {
            json!({"subsets": [{"addresses": [{"ip": "10.0.0.1", "hostname": "h"}], "ports": [{"port": 80, "name": "a"}]}]})
        }
        "EndpointSlice" => {
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "hostname": "h"}], "ports": [{"port": 80, "name": "a"}]})
        }
        "Node" => json!({
            "spec": {"taints": [{"key": "a", "effect": "NoSchedule", "value": "v"}], "podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"], "providerID": "p"},
            "status": {"capacity": {"cpu": "2"}, "conditions": [{"type": "Ready", "status": "True"}], "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
        }),
        "Service" => {
            json!({"spec": {"type": "NodePort", "clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "sessionAffinity": "ClientIP",
            "ports": [{"name": "a", "port": 80, "targetPort": "web", "nodePort": 30000}, {"name": "b", "port": 81, "protocol": "UDP"}],
            "externalIPs": ["10.1.0.1"], "externalName": "x.y", "selector": {"a": "b"}, "internalTrafficPolicy": "Local"}})
        }
        "Event" => {
            json!({"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
            "eventTime": time, "reportingComponent": "c", "reportingController": "c", "reportingInstance": "i", "action": "a", "reason": "r", "note": "n",
            "series": {"count": 2, "lastObservedTime": time}, "message": "m", "type": "Normal"})
        }
        "Pod" => json!({"spec": pod_spec(), "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "a", "image": "", "imageID": "", "ready": true,
            "restartCount": 3, "state": {"waiting": {"reason": "x"}}, "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}}]}}),
        "Deployment" => {
            json!({"spec": {"replicas": 2, "selector": selector, "template": template(), "minReadySeconds": 1, "progressDeadlineSeconds": 9,
            "revisionHistoryLimit": 2, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 1}}}})
        }
        "ReplicaSet" => {
            json!({"spec": {"replicas": 2, "selector": selector, "template": template(), "minReadySeconds": 1}})
        }
        "ReplicationController" => {
            json!({"spec": {"replicas": 2, "selector": {"a": "b"}, "template": template(), "minReadySeconds": 1}})
        }
        other => rich_set(other, &template()).unwrap_or_else(|| rich_rule(other)),
    };
    object["metadata"] = json!({"name": "x", "namespace": "default", "labels": {"a": "b"}, "creationTimestamp": "2026-01-01T00:00:00Z"});
    object
}

/// An object of a kind with a template, or with a claim.
fn rich_set(kind: &str, template: &Value) -> Option<Value> {
    let selector = json!({"matchLabels": {"a": "b"}});
    let claim = json!({
        "accessModes": ["ReadWriteOnce"], "volumeMode": "Block", "storageClassName": "fast", "selector": selector,
        "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}}, "volumeName": "v",
        "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"},
    });
    let mut once = template.clone();
    once["spec"]["restartPolicy"] = json!("Never");
    let condition = json!({"type": "DisruptionTarget", "status": "True"});
    let codes = json!({"operator": "In", "values": [1, 2], "containerName": "a"});
    let job = json!({
        "manualSelector": true, "selector": selector, "template": once, "completionMode": "Indexed", "completions": 5,
        "parallelism": 2, "backoffLimitPerIndex": 1, "maxFailedIndexes": 2, "activeDeadlineSeconds": 9,
        "ttlSecondsAfterFinished": 9, "managedBy": "example.com/m", "suspend": true,
        "successPolicy": {"rules": [{"succeededCount": 1, "succeededIndexes": "0-2,4"}]},
        "podFailurePolicy": {"rules": [
            {"action": "FailIndex", "onExitCodes": codes}, {"action": "Ignore", "onPodConditions": [condition]},
        ]},
    });
    let mut in_cron = job.clone();
    let members = in_cron.as_object_mut().unwrap();
    members.remove("manualSelector");
    members.remove("selector");
    Some(match kind {
        "StatefulSet" => json!({"spec": {
            "replicas": 2, "selector": selector, "template": template, "serviceName": "s", "ordinals": {"start": 1},
            "podManagementPolicy": "Parallel", "minReadySeconds": 1, "revisionHistoryLimit": 1,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1, "maxUnavailable": "10%"}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        }}),
        "DaemonSet" => json!({"spec": {
            "selector": selector, "template": template, "minReadySeconds": 1, "revisionHistoryLimit": 1,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}},
        }}),
        "Job" => json!({"spec": job}),
        "CronJob" => json!({"spec": {
            "schedule": "*/5 1-3 * jan mon", "timeZone": "Europe/Zurich", "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 5, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": in_cron},
        }}),
        "PodTemplate" => json!({"template": template}),
        "PersistentVolumeClaim" => {
            json!({"spec": claim, "status": {"capacity": {"storage": "1Gi"}, "phase": "Bound"}})
        }
        _ => return None,
    })
}

/// An object of a kind that says what is allowed, or how things are made.
fn rich_rule(kind: &str) -> Value {
    let selector = json!({"matchLabels": {"a": "b"}});
    let node_term = json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]});
    let resource = json!({"apiGroup": "example.com", "kind": "Bucket", "name": "b"});
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": "/a", "pathType": "Prefix", "backend": {"resource": resource}});
    let ports = json!([{"protocol": "TCP", "port": 80, "endPort": 90}]);
    let peers =
        json!([{"podSelector": selector}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]);
    let target = json!({"type": "AverageValue", "averageValue": "1k"});
    let metric =
        json!({"type": "Pods", "pods": {"metric": {"name": "m", "selector": selector}, "target": target}});
    let policy = json!({"type": "Pods", "value": 1, "periodSeconds": 15});
    let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"]});
    let subjects =
        json!([{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]);
    match kind {
        "ControllerRevision" => json!({"revision": 3, "data": {"a": [1]}}),
        "HorizontalPodAutoscaler" => json!({"spec": {
            "minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50, "metrics": [metric],
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "behavior": {"scaleUp": {"policies": [policy], "selectPolicy": "Min", "stabilizationWindowSeconds": 5}},
        }}),
        "Ingress" => json!({"spec": {
            "ingressClassName": "edge", "defaultBackend": backend, "rules": [{"host": "*.a.b", "http": {"paths": [path]}}],
            "tls": [{"hosts": ["a.b"], "secretName": "s"}],
        }, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"hostname": "h"}]}}}),
        "IngressClass" => json!({"spec": {"controller": "example.com/e", "parameters": {
            "apiGroup": "example.com", "kind": "P", "name": "p", "namespace": "n", "scope": "Namespace",
        }}}),
        "LimitRange" => json!({"spec": {"limits": [
            {"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1m"}, "default": {"cpu": "1"},
                "defaultRequest": {"cpu": "500m"}, "maxLimitRequestRatio": {"cpu": "4"}},
            {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}},
        ]}}),
        "NetworkPolicy" => json!({"spec": {
            "podSelector": selector, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": ports}], "egress": [{"to": peers, "ports": ports}],
        }}),
        "PersistentVolume" => json!({"spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "nfs": {"server": "s", "path": "/p"},
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "fast", "mountOptions": ["ro"],
            "claimRef": {"namespace": "n", "name": "c"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [node_term]}},
        }}),
        "PodDisruptionBudget" => json!({
            "spec": {"maxUnavailable": "10%", "selector": selector, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
            "status": {"disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
        }),
        "PriorityClass" => {
            json!({"value": 5, "globalDefault": true, "preemptionPolicy": "Never", "description": "d"})
        }
        "ResourceQuota" => json!({
            "spec": {
                "hard": {"pods": "1", "limits.cpu": "2", "count/jobs.batch": "3"}, "scopes": ["NotBestEffort"],
                "scopeSelector": {"matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]},
                ]},
            },
            "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}},
        }),
        "Role" => json!({"rules": [rule]}),
        "ClusterRole" => json!({
            "rules": [rule, {"verbs": ["get"], "nonResourceURLs": ["/healthz"]}],
            "aggregationRule": {"clusterRoleSelectors": [selector]},
        }),
        "RoleBinding" | "ClusterRoleBinding" => {
            json!({"roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "r"}, "subjects": subjects})
        }
        "RuntimeClass" => json!({
            "handler": "h", "overhead": {"podFixed": {"cpu": "1m"}},
            "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]},
        }),
        "StorageClass" => json!({
            "provisioner": "example.com/p", "parameters": {"a": "b"}, "reclaimPolicy": "Retain", "mountOptions": ["ro"],
            "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true,
            "allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}],
        }),
        other => panic!("no rich object of kind {other}"),
    }
}

/// The pointers of all members and items of a value.
fn pointers(value: &Value, prefix: &str, found: &mut Vec<String>) {
    let mut below = |name: String, value: &Value| {
        let pointer = format!("{prefix}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers(value, &pointer, found);
        found.push(pointer);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| below(index.to_string(), item))
        }
        _ => {}
    }
}

/// What somebody may put anywhere.
fn hostile() -> Vec<Value> {
    let texts = ["", "..", "9".repeat(400).as_str(), "é\u{0}", "1e999999999", "/a:b@c"].map(Value::from);
    let others = [json!(null), json!(-1), json!(i32::MAX), json!(i64::MIN), json!({})];
    let nested = [json!([{}, {}]), json!(["", ""]), json!({"": {}}), json!({"a/b/c": "x"})];
    texts.into_iter().chain(others).chain(nested).collect()
}

/// Runs everything that a kind does with an object.
fn exercise(strategy: &dyn DynStrategy, mut draft: Draft, sound: &Draft) {
    strategy.prepare_create(&mut draft);
    strategy.default(&mut draft);
    let once = draft.value().unwrap();
    strategy.default(&mut draft);
    let value = draft.value().unwrap();
    assert_eq!(value, once, "a default is not final");
    let mut causes = Vec::new();
    strategy.validate(&draft, &mut causes);
    let mut same = draft.clone();
    strategy.prepare_update(&mut same, &draft, Part::Main);
    strategy.default(&mut same);
    let mut changes = Vec::new();
    strategy.validate_update(&same, &draft, Part::Main, &mut changes);
    assert!(changes.is_empty(), "the same object again is refused: {changes:?}");
    for (new, old) in [(&draft, sound), (sound, &draft)] {
        let mut new = new.clone();
        strategy.prepare_update(&mut new, old, Part::Main);
        strategy.validate_update(&new, old, Part::Main, &mut changes);
        strategy.warnings(&new, Some(old));
    }
    strategy.grace_period_seconds(&draft, None);
    let object = Object::from_value(strategy.kind(), value).unwrap();
    assert_eq!(strategy.cells(&object, Timestamp::UNIX_EPOCH).unwrap().len(), strategy.columns().len());
}

#[test]
fn the_rich_objects_are_valid() {
    for strategy in built_in() {
        let mut object = rich(strategy.kind().name());
        object["apiVersion"] = strategy.kind().api_version().into();
        object["kind"] = strategy.kind().name().into();
        let mut draft = strategy.decode(object.to_string().as_bytes(), None).unwrap();
        strategy.default(&mut draft);
        let mut causes = Vec::new();
        strategy.validate(&draft, &mut causes);
        assert!(causes.is_empty(), "{}: {causes:?}", strategy.kind());
    }
}

#[test]
fn nothing_in_any_field_brings_a_kind_to_a_fall() {
    let hostile = hostile();
    let mut exercised = 0;
    for strategy in built_in() {
        let mut object = rich(strategy.kind().name());
        object["apiVersion"] = strategy.kind().api_version().into();
        object["kind"] = strategy.kind().name().into();
        let mut sound = strategy.decode(object.to_string().as_bytes(), None).unwrap();
        strategy.default(&mut sound);
        let mut places = Vec::new();
        pointers(&object, "", &mut places);
        // What is in a template is what is in a pod.
        let is_of_interest =
            |place: &&String| !place.starts_with("/metadata") && !place.contains("/template/spec/");
        for place in places.iter().filter(is_of_interest) {
            for value in &hostile {
                let mut broken = object.clone();
                *broken.pointer_mut(place).unwrap() = value.clone();
                // What does not fit the type is refused before any rule sees it.
                if let Ok(draft) = strategy.decode(broken.to_string().as_bytes(), None) {
                    exercise(&*strategy, draft, &sound);
                    exercised += 1;
                }
            }
        }
    }
    assert!(exercised > 1_000, "only {exercised} objects fitted their types");
}
