//! Finding out what there is.

use http::Method;
use serde_json::{Value, json};

use crate::rig::{Rig, request};

fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn groups_versions_and_resources_are_listed() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/api/").await.expect(200)["versions"], json!(["v1"]));
    let groups = rig.get("/apis").await.expect(200);
    assert!(names(&groups["groups"], "name").contains(&"apps".to_owned()));
    let apps = rig.get("/apis/apps").await.expect(200);
    assert_eq!(
        (&apps["kind"], &apps["preferredVersion"]["groupVersion"]),
        (&json!("APIGroup"), &json!("apps/v1"))
    );
    let resources = rig.get("/apis/apps/v1/").await.expect(200);
    assert_eq!(resources["groupVersion"], "apps/v1");
    let listed = names(&resources["resources"], "name");
    for name in ["deployments", "deployments/status", "deployments/scale", "replicasets"] {
        assert!(listed.contains(&name.to_owned()), "{name}");
    }
    let scale = resources["resources"].as_array().unwrap().iter().find(|r| r["name"] == "deployments/scale");
    assert_eq!(scale.unwrap()["group"], "autoscaling");
    rig.get("/apis/none").await.expect(404);
    rig.get("/apis/apps/v2").await.expect(404);
}

#[tokio::test]
async fn everything_can_be_had_at_once() {
    let rig = Rig::new().await;
    for version in ["v2", "v2beta1"] {
        let accept = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        let answer = rig.get_as("/apis", &accept).await;
        assert_eq!(answer.header("content-type"), accept);
        let list = answer.expect(200);
        assert_eq!(list["apiVersion"], format!("apidiscovery.k8s.io/{version}"));
        let apps =
            list["items"].as_array().unwrap().iter().find(|i| i["metadata"]["name"] == "apps").unwrap();
        let resources = &apps["versions"][0]["resources"];
        assert!(names(resources, "resource").contains(&"deployments".to_owned()));
        let core = rig.get_as("/api", &accept).await.expect(200);
        assert_eq!(core["items"][0]["metadata"]["name"], "");
    }
}

#[tokio::test]
async fn documents_have_tags_and_are_not_sent_twice() {
    let rig = Rig::new().await;
    let index = rig.get("/openapi/v3").await.expect(200);
    let schema = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    for path in ["/apis", "/api/v1", schema.as_str()] {
        let first = rig.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(!tag.is_empty() && !first.body.is_empty(), "{path}");
        let mut again = request(Method::GET, path, "", "");
        again.headers_mut().insert("if-none-match", tag.parse().unwrap());
        let again = rig.send(again).await;
        assert_eq!((again.code.as_u16(), again.body.len()), (304, 0), "{path}");
    }
    let moved = rig.get("/openapi/v3/api/v1?hash=OLD").await;
    assert_eq!((moved.code.as_u16(), moved.header("location")), (301, schema.as_str()));
    rig.get("/openapi/v3/apis/none/v1").await.expect(404);
}

#[tokio::test]
async fn version_health_and_metrics_are_there() {
    let rig = Rig::new().await;
    let version = rig.get("/version").await.expect(200);
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.34.0+bireme"));
    let verbose = rig.get("/readyz?verbose").await;
    let text = String::from_utf8_lossy(&verbose.body).into_owned();
    assert!(text.contains("[+]store ok") && text.ends_with("readyz check passed\n"), "{text}");
    assert_eq!(&rig.get("/livez/ping").await.body[..], b"ok");
    rig.get("/livez/nothing").await.expect(404);
    rig.config_map("a").await;
    let metrics = String::from_utf8_lossy(&rig.get("/metrics").await.body).into_owned();
    assert!(metrics.contains(r#"apiserver_request_total{verb="create",code="201"} 1"#), "{metrics}");
    assert!(rig.get("/").await.expect(200)["paths"].as_array().unwrap().contains(&json!("/apis/apps/v1")));
}
