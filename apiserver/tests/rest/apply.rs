//! Server-side apply as it is asked for over HTTP.

use serde_json::{Value, json};

use crate::rig::{CONFIG_MAPS, Rig};

const APPLY: &str = "application/apply-patch+yaml";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn map(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{{data}}}\n")
}

fn deployment(replicas: u32) -> String {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}},
    }})
    .to_string()
}

#[tokio::test]
async fn a_configuration_in_yaml_or_json_creates_and_changes() {
    let rig = Rig::new().await;
    let one = format!("{CONFIG_MAPS}/a?fieldManager=me");
    let created = rig.patch(&one, APPLY, &map("x: '1'")).await.expect(201);
    assert_eq!(created["metadata"]["managedFields"][0]["operation"], "Apply");
    let json =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "1"}});
    let changed = rig.patch(&one, APPLY, &json.to_string()).await.expect(200);
    assert_eq!(changed["data"], json!({"y": "1"}));
    let same = rig.patch(&one, APPLY, &json.to_string()).await.expect(200);
    assert_eq!(same["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn what_apply_asks_for_and_only_apply_may_say() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let one = format!("{CONFIG_MAPS}/a");
    let unnamed = rig.patch(&one, APPLY, &map("x: '1'")).await.expect(422);
    assert_eq!(
        unnamed["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    let forced =
        rig.patch(&format!("{one}?force=true"), "application/merge-patch+json", "{}").await.expect(422);
    assert_eq!(
        forced["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
    );
    let managed = format!("{one}?fieldManager=me");
    rig.patch(&managed, "application/apply-patch+cbor", "").await.expect(415);
    for body in ["", "a: [", "[]", "text", "a: 1\na: 2\n"] {
        rig.patch(&managed, APPLY, body).await.expect(400);
    }
    let unknown = rig.patch(&managed, APPLY, &format!("{}datta: {{}}\n", map(""))).await.expect(400);
    assert_eq!(
        unknown["message"],
        "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .datta: field not declared in schema"
    );
    let twice = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"\ud83d\ude00","x":"1"}}"#;
    let strict = rig.patch(&format!("{managed}&fieldValidation=Strict"), APPLY, twice).await.expect(400);
    assert!(
        strict["message"].as_str().unwrap().ends_with("strict decoding error: duplicate field \"data.x\"")
    );
    let warned = rig.patch(&format!("{managed}&dryRun=All"), APPLY, twice).await;
    warned.expect(200);
    assert_eq!(warned.header("warning"), "299 - \"duplicate field \\\"data.x\\\"\"");
    // A field manager alone makes no apply of a patch.
    let merged =
        rig.patch(&managed, "application/merge-patch+json", r#"{"data":{"m":"1"}}"#).await.expect(200);
    assert_eq!(merged["metadata"]["managedFields"][0]["operation"], "Update");
}

#[tokio::test]
async fn a_conflict_is_forced_by_a_parameter() {
    let rig = Rig::new().await;
    rig.patch(&format!("{CONFIG_MAPS}/a?fieldManager=one"), APPLY, &map("x: '1', y: '1'")).await.expect(201);
    let two = format!("{CONFIG_MAPS}/a?fieldManager=two");
    let refused = rig.patch(&two, APPLY, &map("x: '2', y: '2'")).await.expect(409);
    assert_eq!(refused["reason"], "Conflict");
    assert_eq!(
        refused["message"],
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.x\n- .data.y"
    );
    let fields: Vec<&Value> =
        refused["details"]["causes"].as_array().unwrap().iter().map(|cause| &cause["field"]).collect();
    assert_eq!(fields, [".data.x", ".data.y"]);
    let forced = rig.patch(&format!("{two}&force=true"), APPLY, &map("x: '2', y: '2'")).await.expect(200);
    assert_eq!(forced["metadata"]["managedFields"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_number_of_replicas_is_applied_through_the_scale() {
    let rig = Rig::new().await;
    rig.patch(&format!("{DEPLOYMENT}?fieldManager=me"), APPLY, &deployment(1)).await.expect(201);
    let scale = |replicas: u32| {
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
            "metadata": {"name": "web", "labels": {"no": "label"}}, "spec": {"replicas": replicas}})
        .to_string()
    };
    let path = format!("{DEPLOYMENT}/scale?fieldManager=hpa");
    let refused = rig.patch(&path, APPLY, &scale(5)).await.expect(409);
    assert_eq!(refused["message"], "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas");
    let scaled = rig.patch(&format!("{path}&force=true"), APPLY, &scale(5)).await.expect(200);
    assert_eq!((&scaled["kind"], &scaled["spec"]["replicas"]), (&json!("Scale"), &json!(5)));
    let web = rig.get(DEPLOYMENT).await.expect(200);
    assert_eq!((&web["spec"]["replicas"], web["metadata"].get("labels")), (&json!(5), None));
    let entries = web["metadata"]["managedFields"].as_array().unwrap();
    let own = entries.iter().find(|entry| entry["manager"] == "hpa").unwrap();
    assert_eq!((&own["operation"], &own["subresource"]), (&json!("Apply"), &json!("scale")));
    assert_eq!(own["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let refused =
        rig.patch(&format!("{DEPLOYMENT}?fieldManager=me"), APPLY, &deployment(1)).await.expect(409);
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"hpa\" with subresource \"scale\": .spec.replicas"
    );
    rig.patch(&path, APPLY, &deployment(1)).await.expect(400);
    let none = "/apis/apps/v1/namespaces/default/deployments/none/scale?fieldManager=hpa";
    rig.patch(none, APPLY, &scale(5)).await.expect(404);
}

#[tokio::test]
async fn the_documents_tell_how_lists_and_maps_are_owned() {
    let rig = Rig::new().await;
    let index = rig.get("/openapi/v3").await.expect(200);
    let document = |path: &str| index["paths"][path]["serverRelativeURL"].as_str().unwrap().to_owned();
    let apps = rig.get(&document("apis/apps/v1")).await.expect(200);
    let content = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]["requestBody"]
        ["content"];
    assert!(content[APPLY].is_object());
    let schemas = &apps["components"]["schemas"];
    let schema = |name: &str| &schemas[format!("io.k8s.api.{name}")];
    let ports = &schema("core.v1.Container")["properties"]["ports"];
    assert_eq!(
        (&ports["x-kubernetes-list-type"], &ports["x-kubernetes-list-map-keys"]),
        (&json!("map"), &json!(["containerPort", "protocol"]))
    );
    assert_eq!(schema("core.v1.ContainerPort")["properties"]["protocol"]["default"], "TCP");
    let atomic = |value: &Value| value["x-kubernetes-map-type"] == "atomic";
    assert!(atomic(&schema("apps.v1.DeploymentSpec")["properties"]["selector"]));
    assert!(atomic(schema("core.v1.LocalObjectReference")));
    assert_eq!(schema("core.v1.PodSpec")["properties"]["tolerations"]["x-kubernetes-list-type"], "atomic");
    let finalizers = &schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"]["finalizers"];
    assert_eq!(finalizers["x-kubernetes-list-type"], "set");
}
