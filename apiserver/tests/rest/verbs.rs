//! Creating, reading, changing and deleting objects.

use http::Method;
use serde_json::json;

use crate::rig::{CONFIG_MAPS, Rig, config_map, request};

#[tokio::test]
async fn an_object_lives_from_create_to_delete() {
    let rig = Rig::new().await;
    let created = rig.config_map("a").await;
    let one = format!("{CONFIG_MAPS}/a");
    assert_eq!(rig.get(&one).await.expect(200), created);

    let mut changed = created.clone();
    changed["data"]["key"] = "other".into();
    let updated = rig.put(&one, &changed).await.expect(200);
    assert_eq!(updated["data"]["key"], "other");
    assert_ne!(updated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);

    let stale = rig.put(&one, &changed).await.expect(409);
    assert_eq!((&stale["kind"], &stale["reason"]), (&json!("Status"), &json!("Conflict")));

    let gone = rig.delete(&one).await.expect(200);
    assert_eq!((&gone["kind"], &gone["status"]), (&json!("Status"), &json!("Success")));
    assert_eq!(gone["details"]["uid"], created["metadata"]["uid"]);
    let missing = rig.get(&one).await.expect(404);
    assert_eq!(missing["message"], "configmaps \"a\" not found");
    assert_eq!(missing["details"], json!({"name": "a", "kind": "configmaps"}));
}

#[tokio::test]
async fn a_list_has_the_revision_it_was_read_at_and_pages() {
    let rig = Rig::new().await;
    for index in 0..5 {
        rig.config_map(&format!("m{index}")).await;
    }
    let all = rig.get(&format!("{CONFIG_MAPS}?labelSelector=app")).await.expect(200);
    assert_eq!((&all["kind"], &all["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
    let last = all["items"][4]["metadata"]["resourceVersion"].clone();
    assert_eq!(all["metadata"]["resourceVersion"], last);
    let empty = rig.get("/api/v1/pods").await.expect(200);
    assert_eq!(empty["metadata"]["resourceVersion"], last);
    assert_eq!(empty["items"], json!([]));

    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = rig.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}")).await.expect(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].clone()));
        match page["metadata"]["continue"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["m0", "m1", "m2", "m3", "m4"]);
}

#[tokio::test]
async fn every_kind_of_patch_is_told_by_its_media_type() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let one = format!("{CONFIG_MAPS}/a");
    for (media, body, expected) in [
        ("application/merge-patch+json", r#"{"data":{"m":"1"}}"#, "m"),
        ("application/strategic-merge-patch+json", r#"{"data":{"s":"1"}}"#, "s"),
        ("application/json-patch+json", r#"[{"op":"add","path":"/data/j","value":"1"}]"#, "j"),
    ] {
        let patched = rig.patch(&one, media, body).await.expect(200);
        assert_eq!(patched["data"][expected], "1", "{media}");
    }
    rig.patch(&one, "application/json", "{}").await.expect(415);
    rig.patch(&one, "application/merge-patch+json", "{").await.expect(400);
    rig.patch(&one, "application/apply-patch+yaml", "data: {}").await.expect(422);
}

#[tokio::test]
async fn yaml_is_taken_as_json_is() {
    let rig = Rig::new().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata: {a: \"1\"}\n";
    let answer = rig.send(request(Method::POST, CONFIG_MAPS, "application/yaml", yaml)).await;
    assert_eq!(answer.expect(201)["data"]["a"], "1");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let rig = Rig::new().await;
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    rig.post(&path, &config_map("a")).await.expect(201);
    rig.get(&format!("{CONFIG_MAPS}/a")).await.expect(404);
    rig.config_map("a").await;
    rig.delete(&format!("{CONFIG_MAPS}/a?dryRun=All")).await.expect(200);
    rig.get(&format!("{CONFIG_MAPS}/a")).await.expect(200);
}

#[tokio::test]
async fn the_field_manager_is_the_parameter_or_the_program() {
    let rig = Rig::new().await;
    let named = rig.post(&format!("{CONFIG_MAPS}?fieldManager=me"), &config_map("a")).await.expect(201);
    assert_eq!(named["metadata"]["managedFields"][0]["manager"], "me");
    let mut plain = request(Method::POST, CONFIG_MAPS, "application/json", config_map("b").to_string());
    plain.headers_mut().insert("user-agent", "kubectl/v1.32 (linux)".parse().unwrap());
    let answer = rig.send(plain).await.expect(201);
    assert_eq!(answer["metadata"]["managedFields"][0]["manager"], "kubectl");
    rig.post(&format!("{CONFIG_MAPS}?fieldManager={}", "x".repeat(129)), &config_map("c")).await.expect(422);
}

#[tokio::test]
async fn unknown_fields_warn_or_are_refused() {
    let rig = Rig::new().await;
    let mut body = config_map("a");
    body["datta"] = json!({});
    let strict = rig.post(&format!("{CONFIG_MAPS}?fieldValidation=Strict"), &body).await;
    assert!(strict.expect(400)["message"].as_str().unwrap().contains("unknown field \"datta\""));
    let warned = rig.post(CONFIG_MAPS, &body).await;
    warned.expect(201);
    assert_eq!(warned.header("warning"), r#"299 - "unknown field \"datta\"""#);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let rig = Rig::new().await;
    for name in ["a", "b", "c"] {
        rig.config_map(name).await;
    }
    let deleted = rig.delete(&format!("{CONFIG_MAPS}?labelSelector=app+in+(a,b)")).await.expect(200);
    assert_eq!(deleted["items"].as_array().unwrap().len(), 2);
    rig.get(&format!("{CONFIG_MAPS}/b")).await.expect(404);
    rig.get(&format!("{CONFIG_MAPS}/c")).await.expect(200);
}

#[tokio::test]
async fn delete_options_come_in_the_body_too() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let one = format!("{CONFIG_MAPS}/a");
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}});
    let send = |body: String| rig.send(request(Method::DELETE, &one, "application/json", body));
    send(options.to_string()).await.expect(409);
    send(r#"{"propagationPolicy":"Sometimes"}"#.to_owned()).await.expect(400);
    send("{".to_owned()).await.expect(400);
    rig.get(&one).await.expect(200);
    send(r#"{"propagationPolicy":"Background"}"#.to_owned()).await.expect(200);
}

#[tokio::test]
async fn the_number_of_replicas_is_a_subresource() {
    let rig = Rig::new().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let template = json!({
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web"}]},
    });
    let body = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    });
    rig.post(deployments, &body).await.expect(201);
    let path = format!("{deployments}/web/scale");
    let mut scale = rig.get(&path).await.expect(200);
    assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
    assert_eq!(scale["status"]["selector"], "app=web");
    scale["spec"]["replicas"] = 5.into();
    assert_eq!(rig.put(&path, &scale).await.expect(200)["spec"]["replicas"], 5);
    let patched = rig.patch(&path, "application/merge-patch+json", r#"{"spec":{"replicas":7}}"#).await;
    assert_eq!(patched.expect(200)["spec"]["replicas"], 7);
    assert_eq!(rig.get(&format!("{deployments}/web")).await.expect(200)["spec"]["replicas"], 7);
    rig.get(&format!("{CONFIG_MAPS}/x/scale")).await.expect(404);
}

#[tokio::test]
async fn the_status_is_written_apart() {
    let rig = Rig::new().await;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    rig.post("/api/v1/nodes", &node).await.expect(201);
    let patch = r#"{"spec":{"unschedulable":true},"status":{"capacity":{"cpu":"4"}}}"#;
    let media = "application/strategic-merge-patch+json";
    let patched = rig.patch("/api/v1/nodes/n/status", media, patch).await.expect(200);
    assert_eq!(patched["status"]["capacity"]["cpu"], "4");
    assert_eq!(patched["spec"]["unschedulable"], json!(null));
}
