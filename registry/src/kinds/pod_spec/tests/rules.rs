use super::*;

/// Each change of a sound spec must be refused with exactly these words.
fn refused(cases: &[(&str, Value, &str)]) {
    for (path, value, expected) in cases {
        assert_eq!(causes(path, value.clone()), [*expected], "{path}: {value}");
    }
}

#[test]
fn a_sound_spec_is_taken() {
    for (path, value) in [
        ("/x", json!(null)),
        (
            "/containers/0/ports",
            json!([{"name": "web", "containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]),
        ),
        (
            "/containers/0/env",
            json!([{"name": "A.b-c", "value": "x"}, {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}]),
        ),
        ("/containers/0/volumeMounts", json!([{"name": "v", "mountPath": "/v", "subPath": "a/b"}])),
        (
            "/containers/0/resources",
            json!({"requests": {"cpu": "1", "example.com/gpu": "1"}, "limits": {"cpu": "1", "example.com/gpu": "1"}}),
        ),
        (
            "/tolerations",
            json!([{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 3}]),
        ),
        ("/hostAliases", json!([{"ip": "127.0.0.1", "hostnames": ["a.b"]}])),
        ("/dnsPolicy", json!("Default")),
        (
            "/initContainers",
            json!([{"name": "i", "image": "i", "restartPolicy": "Always", "livenessProbe": {"exec": {"command": ["x"]}}}]),
        ),
        (
            "/affinity",
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}}),
        ),
    ] {
        assert_eq!(causes(path, value), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn containers_have_unique_names_and_an_image() {
    refused(&[
        ("/containers", json!([]), "spec.containers: Required value"),
        ("/containers/0/name", json!(""), "spec.containers[0].name: Required value"),
        ("/containers/0/image", json!(""), "spec.containers[0].image: Required value"),
        (
            "/containers/0/image",
            json!(" x"),
            "spec.containers[0].image: Invalid value: \" x\": must not have leading or trailing whitespace",
        ),
        (
            "/initContainers",
            json!([{"name": "a", "image": "i"}]),
            "spec.initContainers[0].name: Duplicate value: \"a\"",
        ),
        (
            "/containers/0/imagePullPolicy",
            json!("Sometimes"),
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \
             \"IfNotPresent\", \"Never\"",
        ),
        (
            "/containers/0/restartPolicy",
            json!("Always"),
            "spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers",
        ),
        (
            "/initContainers",
            json!([{"name": "i", "image": "i", "restartPolicy": "Never"}]),
            "spec.initContainers[0].restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
        ),
        (
            "/initContainers",
            json!([{"name": "i", "image": "i", "readinessProbe": {"exec": {"command": ["x"]}}}]),
            "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without \
             restartPolicy=Always",
        ),
    ]);
    let label = causes("/containers/0/name", json!("A_b"));
    assert!(
        label[0].starts_with("spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label")
    );
}

#[test]
fn ports_are_numbers_of_ports_and_used_once() {
    refused(&[
        (
            "/containers/0/ports",
            json!([{"containerPort": 0}]),
            "spec.containers[0].ports[0].containerPort: Required value",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 65536}]),
            "spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 1, "name": "x"}, {"containerPort": 2, "name": "x"}]),
            "spec.containers[0].ports[1].name: Duplicate value: \"x\"",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]),
            "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//9\"",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 1, "protocol": "ICMP"}]),
            "spec.containers[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \
             \"UDP\"",
        ),
    ]);
}

#[test]
fn variables_have_a_name_and_one_source() {
    let name =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
    refused(&[
        ("/containers/0/env", json!([{"name": ""}]), "spec.containers[0].env[0].name: Required value"),
        (
            "/containers/0/env",
            json!([{"name": "a=b"}]),
            &format!("spec.containers[0].env[0].name: Invalid value: \"a=b\": {name}"),
        ),
        (
            "/containers/0/env",
            json!([{"name": "A", "valueFrom": {}}]),
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, \
             `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        ),
        (
            "/containers/0/env",
            json!([{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        ),
        (
            "/containers/0/env",
            json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "s", "key": ""}}}]),
            "spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value",
        ),
        (
            "/containers/0/envFrom",
            json!([{}]),
            "spec.containers[0].envFrom[0]: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
        ),
    ]);
}

#[test]
fn amounts_are_quantities_within_their_limits() {
    refused(&[
        (
            "/containers/0/resources",
            json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        ),
        (
            "/containers/0/resources",
            json!({"requests": {"memory": "-1"}}),
            "spec.containers[0].resources.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0",
        ),
        (
            "/containers/0/resources",
            json!({"limits": {"cpu": "lots"}}),
            "spec.containers[0].resources.limits[cpu]: Invalid value: \"lots\": quantities must match the regular \
             expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            "/containers/0/resources",
            json!({"limits": {"speed": "1"}}),
            "spec.containers[0].resources.limits[speed]: Invalid value: \"speed\": must be a standard resource for \
             containers",
        ),
        (
            "/containers/0/resources",
            json!({"limits": {"example.com/gpu": "500m"}}),
            "spec.containers[0].resources.limits[example.com/gpu]: Invalid value: \"500m\": must be an integer",
        ),
        (
            "/containers/0/resources",
            json!({"requests": {"example.com/gpu": "1"}}),
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
    ]);
}

#[test]
fn mounts_lead_to_volumes_that_exist() {
    refused(&[
        (
            "/containers/0/volumeMounts",
            json!([{"name": "gone", "mountPath": "/x"}]),
            "spec.containers[0].volumeMounts[0].name: Not found: \"gone\"",
        ),
        (
            "/containers/0/volumeMounts",
            json!([{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}]),
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique",
        ),
        (
            "/containers/0/volumeMounts",
            json!([{"name": "v", "mountPath": "/x", "subPath": "../y"}]),
            "spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../y\": must not contain '..'",
        ),
    ]);
}

#[test]
fn volumes_are_of_one_kind_and_complete() {
    refused(&[
        (
            "/volumes/0",
            json!({"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        ("/volumes", json!([{"name": "v"}, {"name": "v"}]), "spec.volumes[1].name: Duplicate value: \"v\""),
        (
            "/volumes/0",
            json!({"name": "v", "secret": {}}),
            "spec.volumes[0].secret.secretName: Required value",
        ),
        (
            "/volumes/0",
            json!({"name": "v", "configMap": {}}),
            "spec.volumes[0].configMap.name: Required value",
        ),
        (
            "/volumes/0",
            json!({"name": "v", "hostPath": {"path": ""}}),
            "spec.volumes[0].hostPath.path: Required value",
        ),
        (
            "/volumes/0",
            json!({"name": "v", "configMap": {"name": "c", "defaultMode": 512}}),
            "spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), \
             both inclusive",
        ),
        (
            "/volumes/0",
            json!({"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "/abs"}]}}),
            "spec.volumes[0].secret.items[0].path: Invalid value: \"/abs\": must be a relative path",
        ),
        (
            "/volumes/0",
            json!({"name": "v", "projected": {"sources": [{}]}}),
            "spec.volumes[0].projected.sources[0]: Required value: must specify a volume projection type",
        ),
    ]);
}

#[test]
fn probes_do_one_thing() {
    refused(&[
        (
            "/containers/0/livenessProbe",
            json!({}),
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ),
        (
            "/containers/0/readinessProbe",
            json!({"exec": {"command": ["x"]}, "tcpSocket": {"port": "web"}}),
            "spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            "/containers/0/livenessProbe",
            json!({"exec": {"command": ["x"]}, "successThreshold": 2}),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            "/containers/0/startupProbe",
            json!({"httpGet": {"port": 0}}),
            "spec.containers[0].startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
    ]);
    let both = causes("/containers/0/readinessProbe", json!({"exec": {"command": []}, "periodSeconds": -1}));
    assert_eq!(both.len(), 2, "{both:?}");
    let hook = causes("/containers/0/lifecycle", json!({"preStop": {}}));
    assert_eq!(hook, ["spec.containers[0].lifecycle.preStop: Required value: must specify a handler type"]);
}

#[test]
fn policies_and_names_are_known_words() {
    refused(&[
        (
            "/restartPolicy",
            json!("Maybe"),
            "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\"",
        ),
        (
            "/preemptionPolicy",
            json!("Always"),
            "spec.preemptionPolicy: Unsupported value: \"Always\": supported values: \"Never\", \"PreemptLowerPriority\"",
        ),
        (
            "/dnsPolicy",
            json!("None"),
            "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is \
             None",
        ),
        (
            "/terminationGracePeriodSeconds",
            json!(-1),
            "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "/activeDeadlineSeconds",
            json!(0),
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ),
        (
            "/hostAliases",
            json!([{"ip": "1.2.3"}]),
            "spec.hostAliases[0].ip: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. 10.9.8.7 or \
             2001:db8::ffff)",
        ),
        (
            "/securityContext",
            json!({"runAsUser": -5}),
            "spec.securityContext.runAsUser: Invalid value: -5: must be between 0 and 2147483647, inclusive",
        ),
        (
            "/securityContext",
            json!({"seccompProfile": {"type": "Strict"}}),
            "spec.securityContext.seccompProfile.type: Unsupported value: \"Strict\": supported values: \
             \"Localhost\", \"RuntimeDefault\", \"Unconfined\"",
        ),
        (
            "/securityContext",
            json!({"seccompProfile": {"type": "Localhost"}}),
            "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is \
             Localhost",
        ),
        (
            "/containers/0/securityContext",
            json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "../shadow"}}),
            "spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: \"../shadow\": must not \
             contain '..'",
        ),
        (
            "/containers/0/securityContext",
            json!({"seccompProfile": {"type": "Unconfined", "localhostProfile": "a"}}),
            "spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: \"a\": can only be set \
             when seccomp type is Localhost",
        ),
        (
            "/securityContext",
            json!({"sysctls": [{"name": "Net", "value": "1"}]}),
            "spec.securityContext.sysctls[0].name: Invalid value: \"Net\": must have at most 253 characters and match \
             regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
        ),
        (
            "/securityContext",
            json!({"sysctls": [{"name": "net.a", "value": "1"}, {"name": "net/a", "value": "2"}]}),
            "spec.securityContext.sysctls[1].name: Duplicate value: \"net/a\"",
        ),
        (
            "/containers/0/securityContext",
            json!({"privileged": true, "allowPrivilegeEscalation": false}),
            "spec.containers[0].securityContext: Invalid value: \"\": cannot set `allowPrivilegeEscalation` to false \
             and `privileged` to true",
        ),
    ]);
}

#[test]
fn what_is_said_about_nodes_makes_sense() {
    refused(&[
        (
            "/tolerations",
            json!([{"operator": "Equal"}]),
            "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, \
             which means \"match all values and all keys\"",
        ),
        (
            "/tolerations",
            json!([{"key": "a", "operator": "Exists", "value": "b"}]),
            "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
        ),
        (
            "/tolerations",
            json!([{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 3}]),
            "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when \
             `tolerationSeconds` is set",
        ),
        (
            "/topologySpreadConstraints",
            json!([{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        ),
        (
            "/affinity",
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}),
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required \
             value: must have at least one node selector term",
        ),
        (
            "/affinity",
            json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 0, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}}),
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: \
             must be in the range 1-100",
        ),
        (
            "/affinity",
            json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ""}]}}),
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: \
             can not be empty",
        ),
    ]);
    let mut gated = spec("/schedulingGates", json!([{"name": "g"}]));
    gated.node_name = Some("n1".to_owned());
    let mut causes = Vec::new();
    validate(Path::root("spec"), &gated, &mut causes);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].field, "spec.nodeName");
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let container = json!({
        "name": "a", "image": "i",
        "env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}],
        "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80}],
        "resources": {"requests": {"memory": "500m", "cpu": "500m"}},
    });
    let spec = spec("/containers", json!([container]));
    assert_eq!(
        warnings(Path::root("spec"), &spec),
        [
            "spec.containers[0].env[2]: hides previous definition of \"A\", which may be dropped when using apply",
            "spec.containers[0].ports[2]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[0].resources.requests[memory]: fractional byte value \"500m\" is invalid, must be an \
             integer",
        ]
    );
}
