//! Volumes and the files in `/etc`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use bireme_core::object::{Kind, Object};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

use super::etc::{hosts, resolv_conf};
use super::*;
use crate::environment::ConfigError;
use crate::host::Disk;

fn pod(spec: Value) -> Pod {
    let metadata = json!({"name": "web-0", "namespace": "shop", "uid": "u1", "labels": {"app": "web"}});
    let mut spec = spec;
    if spec.get("containers").is_none() {
        spec["containers"] = json!([{"name": "c"}]);
    }
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn objects(colour: &str) -> Fetched {
    let map = json!({"metadata": {"name": "settings", "namespace": "shop"},
        "data": {"colour": colour, "size": "9"}, "binaryData": {"blob": "AAE="}});
    let secret = json!({"metadata": {"name": "keys", "namespace": "shop"}, "data": {"token": "czNjcjN0"}});
    Fetched::of_objects([
        Object::from_value(Kind::of::<ConfigMap>(), map).unwrap(),
        Object::from_value(Kind::of::<Secret>(), secret).unwrap(),
    ])
}

fn facts<'a>(pod: &'a Pod, none: &'a BTreeMap<String, bireme_core::quantity::Quantity>) -> PodFacts<'a> {
    PodFacts { pod, address: Some("10.244.1.5".parse().unwrap()), host_addresses: &[], allocatable: none }
}

async fn prepared(pod: &Pod, objects: &Fetched, files: &dyn Files) -> Result<(), String> {
    let none = BTreeMap::new();
    prepare("u1", &facts(pod, &none), objects, files).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn volumes_hold_what_their_objects_say_and_follow_them() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path().to_owned());
    let pod = pod(json!({"volumes": [
        {"name": "all", "configMap": {"name": "settings", "defaultMode": 0o600}},
        {"name": "some", "secret": {"secretName": "keys", "items": [{"key": "token", "path": "deep/t", "mode": 0o400}]}},
        {"name": "self", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "mix", "projected": {"sources": [
            {"configMap": {"name": "settings", "items": [{"key": "size", "path": "x"}]}},
            {"secret": {"name": "keys"}},
        ]}},
        {"name": "empty", "emptyDir": {}},
    ]}));
    prepared(&pod, &objects("red"), &disk).await.unwrap();
    let volumes = root.path().join("pods/u1/volumes");
    let read = |path: &str| std::fs::read(volumes.join(path)).unwrap();
    assert_eq!(read("config-map/all/colour"), b"red");
    assert_eq!(read("config-map/all/blob"), [0, 1]);
    assert_eq!(read("secret/some/deep/t"), b"s3cr3t");
    assert_eq!(read("downward-api/self/labels"), b"app=\"web\"");
    assert_eq!((read("projected/mix/x"), read("projected/mix/token")), (b"9".to_vec(), b"s3cr3t".to_vec()));
    let mode = |path: &str| std::fs::metadata(volumes.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("config-map/all/size"), mode("secret/some/deep/t")), (0o600, 0o400));
    assert_eq!(mode("empty-dir/empty"), 0o777);
    prepared(&pod, &objects("blue"), &disk).await.unwrap();
    assert_eq!(read("config-map/all/colour"), b"blue");
}

#[tokio::test]
async fn a_volume_that_cannot_be_made_says_which_and_why() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path().to_owned());
    let fail = async |volume: Value| {
        let pod = pod(json!({"volumes": [volume]}));
        prepared(&pod, &objects("red"), &disk).await.err().unwrap_or_default()
    };
    let missing = fail(json!({"name": "v", "configMap": {"name": "none"}})).await;
    assert_eq!(missing, "MountVolume.SetUp failed for volume \"v\" : configmap \"none\" not found");
    let claim = fail(json!({"name": "v", "persistentVolumeClaim": {"claimName": "c"}})).await;
    assert!(claim.contains("persistentVolumeClaim are not supported"), "{claim}");
    let escape = fail(
        json!({"name": "v", "configMap": {"name": "settings", "items": [{"key": "size", "path": "../x"}]}}),
    )
    .await;
    assert!(escape.contains("must stay inside"), "{escape}");
    assert_eq!(fail(json!({"name": "v", "configMap": {"name": "none", "optional": true}})).await, "");
}

#[tokio::test]
async fn containers_see_volumes_sub_paths_and_the_files_in_etc() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path().to_owned());
    let pod = pod(json!({
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "all", "configMap": {"name": "settings"}},
            {"name": "node", "hostPath": {"path": root.path().join("node")}}],
        "containers": [{"name": "c", "volumeMounts": [
            {"name": "data", "mountPath": "/data", "subPathExpr": "$(WHO)/logs"},
            {"name": "all", "mountPath": "config"},
            {"name": "all", "mountPath": "/etc/hosts", "subPath": "colour"},
        ]}],
    }));
    let objects = objects("red");
    let none = BTreeMap::new();
    prepare("u1", &facts(&pod, &none), &objects, &disk).await.unwrap();
    assert!(root.path().join("node").is_dir());
    let container = &pod.spec.as_ref().unwrap().containers[0];
    let variables = [("WHO".to_owned(), "me".to_owned())];
    let mounts = mounts("u1", &pod, container, 2, &variables, &disk).await.unwrap();
    let at = |target: &str| mounts.iter().find(|mount| mount.target == target).unwrap();
    assert!(at("/data").source.ends_with("empty-dir/data/me/logs") && at("/data").source.is_dir());
    assert!(at("/config").read_only && !at("/data").read_only);
    assert!(at("/etc/hosts").source.ends_with("config-map/all/colour"), "the container's own mount wins");
    assert!(at("/etc/resolv.conf").source.ends_with("pods/u1/resolv.conf"));
    assert!(at("/dev/termination-log").source.ends_with("pods/u1/containers/c/2"));
    let unknown = json!({"containers": [{"name": "c", "volumeMounts": [{"name": "no", "mountPath": "/x"}]}]});
    let wrong = super::tests::pod(unknown);
    let container = &wrong.spec.as_ref().unwrap().containers[0];
    let refused = super::mounts("u1", &wrong, container, 0, &[], &disk).await;
    assert!(matches!(refused, Err(ConfigError::NoVolume(_))));
}

const NODE_RESOLVER: &str = "# node\nnameserver 1.1.1.1\nsearch example.org\noptions rotate ndots:1\n";

fn dns(servers: &[IpAddr]) -> Dns<'_> {
    Dns { servers, domain: "cluster.local", node: "node-1" }
}

#[test]
fn resolvers_follow_the_dns_policy() {
    let servers: Vec<IpAddr> = vec!["10.96.0.10".parse().unwrap()];
    let resolver = |spec: Value| resolv_conf(&pod(spec), &dns(&servers), NODE_RESOLVER);
    let cluster = "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local example.org\noptions ndots:5\n";
    let node = "nameserver 1.1.1.1\nsearch example.org\noptions rotate ndots:1\n";
    assert_eq!(resolver(json!({})), cluster);
    assert_eq!(resolver(json!({"hostNetwork": true})), node);
    assert_eq!(resolver(json!({"hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"})), cluster);
    assert_eq!(resolver(json!({"dnsPolicy": "Default"})), node);
    let config = json!({"nameservers": ["9.9.9.9"], "searches": ["x.y"], "options": [{"name": "ndots", "value": "2"}]});
    let own = "nameserver 9.9.9.9\nsearch x.y\noptions ndots:2\n";
    assert_eq!(resolver(json!({"dnsPolicy": "None", "dnsConfig": config})), own);
    assert!(resolver(json!({"dnsConfig": config})).ends_with("example.org x.y\noptions ndots:2\n"));
    assert_eq!(resolv_conf(&pod(json!({})), &dns(&[]), NODE_RESOLVER), node, "a cluster without DNS");
}

#[test]
fn a_pod_knows_itself_and_its_aliases_by_name() {
    let none = BTreeMap::new();
    let pod = pod(
        json!({"hostname": "db", "subdomain": "peers", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]}),
    );
    let text = hosts(&facts(&pod, &none), &dns(&[]), "");
    assert!(text.contains("10.244.1.5\tdb.peers.shop.svc.cluster.local\tdb\n"));
    assert!(text.ends_with("1.2.3.4\ta\tb\n"));
    let on_node = super::tests::pod(json!({"hostNetwork": true}));
    assert_eq!(hosts(&facts(&on_node, &none), &dns(&[]), "1.1.1.1 here\n"), "1.1.1.1 here\n");
    assert_eq!(hostname(&on_node, "node-1"), "node-1");
}
