use super::*;

fn value(path: &str, value: Value, at: &str) -> Value {
    serde_json::to_value(spec(path, value)).unwrap().pointer(at).cloned().unwrap_or_default()
}

#[test]
fn a_spec_of_a_name_and_an_image_becomes_whole() {
    let spec = serde_json::to_value(spec("/x", json!(null))).unwrap();
    assert_eq!(
        spec,
        json!({
            "containers": [{
                "name": "a", "image": "img:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
            "volumes": [{"name": "v", "emptyDir": {}}],
        })
    );
}

#[test]
fn images_that_can_change_under_their_name_are_pulled_every_time() {
    for (image, policy) in [
        ("img", "Always"),
        ("img:latest", "Always"),
        ("host:5000/img", "Always"),
        ("img:1", "IfNotPresent"),
        ("host:5000/a/img:1.2", "IfNotPresent"),
        ("img@sha256:0123", "IfNotPresent"),
        ("img:latest@sha256:0123", "Always"),
    ] {
        let found = value("/containers/0/image", json!(image), "/containers/0/imagePullPolicy");
        assert_eq!(found, json!(policy), "{image}");
    }
}

#[test]
fn probes_hooks_ports_and_variables_are_filled_in() {
    let container = json!({
        "name": "a", "image": "img:1",
        "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 3},
        "readinessProbe": {"grpc": {"port": 80}},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
        "ports": [{"containerPort": 80}],
        "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"limits": {"cpu": "0.1", "memory": "1024Mi"}},
    });
    let found = value("/containers/0", container, "/containers/0");
    assert_eq!(
        found["livenessProbe"],
        json!({"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "periodSeconds": 3, "timeoutSeconds": 1,
            "successThreshold": 1, "failureThreshold": 3})
    );
    assert_eq!(found["readinessProbe"]["grpc"], json!({"port": 80, "service": ""}));
    assert_eq!(found["lifecycle"]["preStop"]["httpGet"], json!({"port": 80, "path": "/", "scheme": "HTTP"}));
    assert_eq!(found["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
    assert_eq!(found["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    assert_eq!(found["resources"], json!({"limits": {"cpu": "100m", "memory": "1Gi"}}));
}

#[test]
fn volumes_know_what_they_are_and_the_mode_of_their_files() {
    for (volume, expected) in [
        (json!({"name": "v"}), json!({"name": "v", "emptyDir": {}})),
        (
            json!({"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}),
            json!({"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}),
        ),
        (
            json!({"name": "v", "hostPath": {"path": "/x"}}),
            json!({"name": "v", "hostPath": {"path": "/x", "type": ""}}),
        ),
        (
            json!({"name": "v", "secret": {"secretName": "s"}}),
            json!({"name": "v", "secret": {"secretName": "s", "defaultMode": 420}}),
        ),
        (
            json!({"name": "v", "configMap": {"name": "c", "defaultMode": 256}}),
            json!({"name": "v", "configMap": {"name": "c", "defaultMode": 256}}),
        ),
        (
            json!({"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
            json!({"name": "v", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}}),
        ),
    ] {
        assert_eq!(value("/volumes/0", volume, "/volumes/0"), expected);
    }
}

#[test]
fn the_older_name_of_the_service_account_is_kept_in_step() {
    for field in ["/serviceAccount", "/serviceAccountName"] {
        let spec = spec(field, json!("robot"));
        let both = (spec.service_account.as_deref(), spec.service_account_name.as_deref());
        assert_eq!(both, (Some("robot"), Some("robot")), "{field}");
    }
}

#[test]
fn on_the_host_network_ports_are_the_hosts() {
    let mut spec = spec("/hostNetwork", json!(true));
    spec.containers[0].ports = serde_json::from_value(json!([{"containerPort": 80}])).unwrap();
    default_requests(&mut spec);
    assert_eq!(spec.containers[0].ports.as_ref().unwrap()[0].host_port, Some(80));
}

#[test]
fn the_quality_of_service_follows_from_requests_and_limits() {
    let both = |cpu: &str| json!({"cpu": cpu, "memory": "1Gi"});
    for (resources, expected) in [
        (json!({}), "BestEffort"),
        (json!({"requests": {"example.com/gpu": "1"}}), "BestEffort"),
        (json!({"limits": {"cpu": "0"}}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (json!({"limits": {"cpu": "1"}}), "Burstable"),
        (json!({"limits": both("1")}), "Guaranteed"),
        (json!({"limits": both("1"), "requests": both("1000m")}), "Guaranteed"),
        (json!({"limits": both("1"), "requests": both("0.5")}), "Burstable"),
    ] {
        let spec = spec("/containers/0/resources", resources.clone());
        assert_eq!(qos_class(&spec), expected, "{resources}");
    }
    let guaranteed = json!({"name": "a", "resources": {"limits": both("1")}});
    let mixed = spec("/containers", json!([guaranteed, {"name": "b"}]));
    assert_eq!(qos_class(&mixed), "Burstable");
}
