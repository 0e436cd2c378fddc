//! Tables and partial metadata.

use http::Method;
use serde_json::json;

use crate::rig::{CONFIG_MAPS, Rig, request};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn a_list_can_be_a_table() {
    let rig = Rig::new().await;
    let created = rig.config_map("a").await;
    let table = rig.get_as(&format!("{CONFIG_MAPS}?labelSelector=app"), TABLE).await.expect(200);
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    let names: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Name", "Data", "Age"]);
    let row = &table["rows"][0];
    assert_eq!(row["cells"][0], "a");
    assert_eq!(row["cells"][1], 1);
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"], created["metadata"]);
    assert_eq!(table["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn a_row_carries_as_much_of_its_object_as_asked() {
    let rig = Rig::new().await;
    let created = rig.config_map("a").await;
    let one = format!("{CONFIG_MAPS}/a");
    let whole = rig.get_as(&format!("{one}?includeObject=Object"), TABLE).await.expect(200);
    assert_eq!(whole["rows"][0]["object"], created);
    let none = rig.get_as(&format!("{one}?includeObject=None"), TABLE).await.expect(200);
    assert_eq!(none["rows"][0].get("object"), None);
    rig.get_as(&format!("{one}?includeObject=Some"), TABLE).await.expect(400);
}

#[tokio::test]
async fn every_kind_has_a_table_with_cells_for_its_columns() {
    let rig = Rig::new().await;
    for path in [
        "/api/v1/configmaps",
        "/api/v1/endpoints",
        "/api/v1/events",
        "/api/v1/limitranges",
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/api/v1/persistentvolumeclaims",
        "/api/v1/persistentvolumes",
        "/api/v1/pods",
        "/api/v1/podtemplates",
        "/api/v1/replicationcontrollers",
        "/api/v1/resourcequotas",
        "/api/v1/secrets",
        "/api/v1/serviceaccounts",
        "/api/v1/services",
        "/apis/apps/v1/controllerrevisions",
        "/apis/apps/v1/daemonsets",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/replicasets",
        "/apis/apps/v1/statefulsets",
        "/apis/autoscaling/v1/horizontalpodautoscalers",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/batch/v1/cronjobs",
        "/apis/batch/v1/jobs",
        "/apis/coordination.k8s.io/v1/leases",
        "/apis/discovery.k8s.io/v1/endpointslices",
        "/apis/networking.k8s.io/v1/ingressclasses",
        "/apis/networking.k8s.io/v1/ingresses",
        "/apis/networking.k8s.io/v1/networkpolicies",
        "/apis/node.k8s.io/v1/runtimeclasses",
        "/apis/policy/v1/poddisruptionbudgets",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/rolebindings",
        "/apis/rbac.authorization.k8s.io/v1/roles",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "/apis/storage.k8s.io/v1/storageclasses",
    ] {
        let table = rig.get_as(path, TABLE).await.expect(200);
        let columns = table["columnDefinitions"].as_array().unwrap().len();
        assert!(columns >= 2, "{path}");
        for row in table["rows"].as_array().unwrap() {
            assert_eq!(row["cells"].as_array().unwrap().len(), columns, "{path}");
        }
    }
}

#[tokio::test]
async fn metadata_comes_alone_when_asked_for() {
    let rig = Rig::new().await;
    let created = rig.config_map("a").await;
    let one = rig.get_as(&format!("{CONFIG_MAPS}/a"), METADATA).await.expect(200);
    let expected = json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": created["metadata"],
    });
    assert_eq!(one, expected);
    let list = rig.get_as(&format!("{CONFIG_MAPS}?labelSelector=app"), METADATA).await.expect(200);
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"], json!([expected]));
}

#[tokio::test]
async fn large_lists_come_in_chunks_and_whole() {
    let rig = Rig::new().await;
    let value = "v".repeat(2000);
    for index in 0..100 {
        let body = json!({"metadata": {"name": format!("m{index:03}")}, "data": {"k": value}});
        rig.post(CONFIG_MAPS, &body).await.expect(201);
    }
    let list = rig.get(CONFIG_MAPS).await;
    assert!(list.body.len() > 200_000);
    assert_eq!(list.expect(200)["items"].as_array().unwrap().len(), 100);
    let pretty = rig.get(&format!("{CONFIG_MAPS}?pretty=true")).await;
    assert_eq!(pretty.json(), list.json());
    assert!(pretty.body.starts_with(b"{\n"));
}

#[tokio::test]
async fn an_answer_that_nobody_can_read_is_not_given() {
    let rig = Rig::new().await;
    let status = rig.get_as(CONFIG_MAPS, "application/vnd.kubernetes.protobuf").await.expect(406);
    assert_eq!(status["reason"], "NotAcceptable");
    let accept = "application/vnd.kubernetes.protobuf,application/json";
    rig.get_as(CONFIG_MAPS, accept).await.expect(200);
    // A write that could not be answered does not happen.
    let mut create =
        request(Method::POST, CONFIG_MAPS, "application/json", crate::rig::config_map("a").to_string());
    create.headers_mut().insert("accept", "text/html".parse().unwrap());
    rig.send(create).await.expect(406);
    rig.get(&format!("{CONFIG_MAPS}/a")).await.expect(404);
}
