//! Bad input: one clear error each, and nothing changed.

use serde_json::{Value, json};

use crate::harness::{Cluster, Credential, Namespace, for_simulation, namespace, refused};
use crate::manifests::{ROLLING, deployment};

/// Everything of the namespace that a refused request could have changed.
fn state(space: &Namespace) -> Value {
    space.json("get configmaps,deployments,replicasets,pods,services,secrets")["items"].clone()
}

/// Applies what must be refused, and sees that nothing has changed.
#[track_caller]
fn refuses(space: &Namespace, manifest: &str, complaint: &[&str]) {
    let before = state(space);
    let told = space.fails_with_input("apply -f -", manifest);
    for part in complaint {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(state(space), before);
}

#[test]
fn broken_yaml_and_unknown_kinds_are_refused() {
    let Some(space) = namespace("broken") else { return };
    refuses(&space, "apiVersion: v1\nkind: ConfigMap\n  metadata: {", &["error converting YAML to JSON"]);
    refuses(
        &space,
        "apiVersion: v1\nkind: Sail\nmetadata: {name: one}\n",
        &[r#"no matches for kind "Sail" in version "v1""#],
    );
    let answer = space.cluster().request(Credential::Admin, "GET", "/api/v1/sails", b"");
    assert_eq!((answer.status, &answer.body["reason"]), (404, &json!("NotFound")));
    let path = format!("/api/v1/namespaces/{}/configmaps", space.name);
    let answer = space.cluster().request(Credential::Admin, "POST", &path, b"{\"kind\": \"ConfigMap\", ");
    assert_eq!((answer.status, &answer.body["reason"]), (400, &json!("BadRequest")));
    let wrong = br#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"one"}}"#;
    let answer = space.cluster().request(Credential::Admin, "POST", &path, wrong);
    assert_eq!((answer.status, &answer.body["reason"]), (400, &json!("BadRequest")), "{}", answer.body);
}

#[test]
fn wrong_types_and_unknown_fields_are_refused_by_name() {
    let Some(space) = namespace("types") else { return };
    let replicas = deployment("web", 1, ROLLING).replace("replicas: 1", "replicas: many");
    refuses(&space, &replicas, &["spec.replicas"]);
    let unknown = deployment("web", 1, ROLLING).replace("replicas: 1", "replica: 1");
    refuses(&space, &unknown, &[r#"unknown field "spec.replica""#]);
    let told = space.fails_with_input("create --validate=false -f -", &replicas);
    assert!(told.contains("BadRequest") && told.contains("cannot be handled as a Deployment"), "{told}");
}

#[test]
fn invalid_names_and_values_are_refused_each_with_its_field() {
    let Some(space) = namespace("invalid") else { return };
    let name = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n";
    refuses(&space, name, &[r#"The ConfigMap "Not_A_Name" is invalid"#, "metadata.name", "RFC 1123"]);
    let both = deployment("web", 1, ROLLING)
        .replace("replicas: 1", "replicas: -1")
        .replace("containerPort: 8080", "containerPort: 80800");
    refuses(
        &space,
        &both,
        &[
            r#"The Deployment "web" is invalid"#,
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            "ports[0].containerPort: Invalid value: 80800: must be between 1 and 65535, inclusive",
        ],
    );
    let labels = deployment("web", 1, ROLLING).replace("      labels:\n        app: web", "      labels: {}");
    refuses(&space, &labels, &["`selector` does not match template `labels`"]);
    space.apply(&deployment("web", 0, ROLLING));
    let selector = deployment("web", 0, ROLLING).replace("app: web", "app: other");
    refuses(&space, &selector, &["spec.selector", "field is immutable"]);
    let elsewhere = space.in_namespace("nowhere").fails("create configmap one");
    assert!(elsewhere.contains(r#"namespaces "nowhere" not found"#), "{elsewhere}");
}

#[test]
fn a_stale_write_is_a_conflict_and_changes_nothing() {
    let Some(space) = namespace("conflict") else { return };
    space.run("create configmap settings --from-literal=a=one");
    let stale = space.run("get configmap settings --output=json");
    space.run(r#"patch configmap settings --type=merge --patch='{"data":{"a":"two"}}'"#);
    let told = space.fails_with_input("replace -f -", &stale.replace("one", "three"));
    assert!(
        told.contains("(Conflict)")
            && told.contains("the object has been modified; please apply your changes"),
        "{told}"
    );
    assert_eq!(space.field("configmap/settings", ".data.a"), "two");
    let mut other: Value = serde_json::from_str(&stale).expect("kubectl prints JSON");
    other["metadata"]["resourceVersion"] = json!("");
    other["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let told = space.fails_with_input("replace -f -", &other.to_string());
    assert!(told.contains("(Conflict)") && told.contains("UID"), "{told}");
    assert_eq!(space.field("configmap/settings", ".data.a"), "two");
}

#[test]
fn a_body_of_four_mebibytes_is_too_large() {
    let Some(space) = namespace("large") else { return };
    let before = state(&space);
    let file = space.cluster().scratch("four-mebibytes");
    std::fs::write(&file, "x".repeat(4 << 20)).expect("the file can be written");
    let told = space.fails(&format!("create configmap large --from-file={}", file.display()));
    assert!(told.contains("too large") || told.contains("Too long"), "{told}");
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"},
                        "data": {"file": "x".repeat(4 << 20)}});
    let path = format!("/api/v1/namespaces/{}/configmaps", space.name);
    let answer = space.cluster().request(Credential::Admin, "POST", &path, object.to_string().as_bytes());
    assert_eq!(
        (answer.status, &answer.body["reason"]),
        (413, &json!("RequestEntityTooLarge")),
        "{}",
        answer.body
    );
    assert_eq!(state(&space), before);
}

#[test]
fn nobody_without_a_credential_gets_in() {
    let Some(space) = namespace("nobody") else { return };
    let pods = "/api/v1/pods";
    for who in [Credential::None, Credential::Token("guessed")] {
        let answer = space.cluster().request(who, "GET", pods, b"");
        assert_eq!((answer.status, &answer.body["reason"]), (401, &json!("Unauthorized")), "{}", answer.body);
    }
    let answer = space.cluster().request(Credential::Admin, "GET", pods, b"");
    assert_eq!((answer.status, &answer.body["kind"]), (200, &json!("PodList")));
    let told = space.fails(&format!(
        "get pods --kubeconfig=/dev/null --token=guessed --insecure-skip-tls-verify --server=https://{}",
        space.cluster().address()
    ));
    assert_eq!(told.trim(), "error: You must be logged in to the server (Unauthorized)");
}

#[test]
fn an_unusable_command_line_is_a_usage_error() {
    for line in [
        "",
        "sail",
        "cluster",
        "cluster --data=/tmp/none --nodes=many",
        "cluster --data=/tmp/none --runtime=oar",
    ] {
        let (code, complaint) = refused(line);
        assert_eq!(code, 2, "bireme {line}: {complaint}");
    }
}

/// One line, which says all of these.
#[track_caller]
fn refuses_to_start(line: &str, parts: &[&str]) {
    let (code, complaint) = refused(line);
    assert_eq!((code, complaint.lines().count()), (1, 1), "bireme {line}: {complaint}");
    for part in parts {
        assert!(complaint.contains(part), "{part} in {complaint}");
    }
}

#[test]
fn without_docker_nothing_starts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, socket) = (folder.path().join("data"), folder.path().join("no.sock"));
    let line = format!(
        "cluster --data={} --listen=127.0.0.1:0 --runtime=docker --docker-socket={}",
        data.display(),
        socket.display()
    );
    refuses_to_start(&line, &["is Docker running?", &socket.display().to_string()]);
}

#[test]
fn an_agent_without_its_credential_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [kubeconfig, data] = ["none", "data"].map(|name| folder.path().join(name).display().to_string());
    let line = format!("agent --kubeconfig={kubeconfig} --node=node --data={data} --runtime=sim");
    refuses_to_start(&line, &["--kubeconfig", &kubeconfig]);
}

#[test]
fn a_data_folder_in_use_is_left_alone() {
    let Some(kubectl) = for_simulation() else { return };
    let cluster = Cluster::start(kubectl, "--nodes=1 --runtime=sim");
    cluster.kubectl().run("create configmap settings --from-literal=a=one");
    let data = cluster.data();
    let line = format!("cluster --data={} --listen=127.0.0.1:0 --runtime=sim", data.display());
    refuses_to_start(&line, &["in use", &data.display().to_string()]);
    refuses_to_start(&format!("store verify --data={}", data.display()), &["in use"]);
    assert_eq!(cluster.kubectl().field("configmap/settings", ".data.a"), "one");
}

#[test]
fn a_data_folder_is_one_processs_own_whatever_the_store() {
    let Some(kubectl) = for_simulation() else { return };
    let cluster = Cluster::start(kubectl, "--nodes=1 --runtime=sim --store=memory");
    let data = cluster.data().display().to_string();
    let line = format!("cluster --data={data} --listen=127.0.0.1:0 --runtime=sim --store=memory");
    refuses_to_start(&line, &["in use", &data]);
}

#[test]
fn options_of_etcd_that_cannot_mean_anything_are_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let line = format!("server --data={} --listen=127.0.0.1:0", folder.path().join("data").display());
    refuses_to_start(&format!("{line} --etcd-servers=http://127.0.0.1:2379"), &["--store=etcd"]);
    if cfg!(feature = "etcd") {
        refuses_to_start(&format!("{line} --store=etcd"), &["--etcd-servers"]);
        let nobody = "--store=etcd --etcd-servers=http://127.77.0.1:1";
        refuses_to_start(&format!("{line} {nobody}"), &["cannot use the etcd", "http://127.77.0.1:1"]);
        let authority = format!("{nobody} --etcd-cafile=none.pem");
        refuses_to_start(&format!("{line} {authority}"), &["--etcd-cafile none.pem"]);
    } else {
        let line = format!("{line} --store=etcd --etcd-servers=http://127.77.0.1:1");
        refuses_to_start(&line, &["built without etcd"]);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let line =
        format!("cluster --data={} --listen={address} --runtime=sim", folder.path().join("data").display());
    refuses_to_start(&line, &["cannot listen on", &address]);
}

#[test]
fn a_corrupt_store_does_not_open_and_is_not_made_worse() {
    let Some(kubectl) = for_simulation() else { return };
    let mut cluster = Cluster::start(kubectl, "--nodes=1 --runtime=sim");
    for number in 0..20 {
        cluster.kubectl().run(&format!("create configmap settings-{number}"));
    }
    // After a polite end the index is whole, and the journal is not read before it is needed.
    cluster.kill();
    let data = cluster.data();
    let journal = largest_journal(&data.join("store"));
    let mut bytes = std::fs::read(&journal).expect("the journal can be read");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 64] {
        *byte ^= 0xff;
    }
    std::fs::write(&journal, &bytes).expect("the journal can be written");

    let line = format!("cluster --data={} --listen=127.0.0.1:0 --runtime=sim", data.display());
    refuses_to_start(&line, &["corrupt", &journal.display().to_string()]);
    refuses_to_start(&format!("store verify --data={}", data.display()), &["corrupt"]);
    assert_eq!(std::fs::read(&journal).expect("the journal can be read"), bytes, "nothing is changed");
}

fn largest_journal(store: &std::path::Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(store)
        .expect("the store is a folder")
        .map(|entry| entry.expect("it can be read").path());
    let journals = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal-")));
    journals.max_by_key(|path| path.metadata().map_or(0, |file| file.len())).expect("there is a journal")
}
