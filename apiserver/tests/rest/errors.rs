//! Every bad request gets one clear Status.

use std::sync::Arc;

use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use tower_service::Service;

use crate::rig::{CONFIG_MAPS, Rig, config_map, read, request};

#[tokio::test]
async fn bad_requests_are_answered_with_their_code() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let json_type = "application/json";
    let huge = "x".repeat(4 << 20);
    let cases: Vec<(Method, &str, &str, &str, u16, &str)> = vec![
        (Method::GET, "/api/v1/unknown", "", "", 404, "NotFound"),
        (Method::GET, "/apis/none/v1/pods", "", "", 404, "NotFound"),
        (Method::GET, "/elsewhere", "", "", 404, "NotFound"),
        (Method::GET, "/api/v1/configmaps/a", "", "", 404, "NotFound"),
        (Method::GET, "/api/v1/namespaces/default/nodes", "", "", 404, "NotFound"),
        (Method::GET, "/api/v1/configmaps?limit=x", "", "", 400, "BadRequest"),
        (Method::GET, "/api/v1/configmaps?watch=maybe", "", "", 400, "BadRequest"),
        (Method::GET, "/api/v1/configmaps?fieldSelector=spec.x%3Dy", "", "", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, json_type, "{", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, json_type, "[]", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, json_type, r#"{"kind":"Pod","apiVersion":"v1"}"#, 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, "application/yaml", "a: [", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, "application/vnd.kubernetes.protobuf", "k8s", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, "text/plain", "hello", 415, "UnsupportedMediaType"),
        (Method::POST, CONFIG_MAPS, json_type, &huge, 413, "RequestEntityTooLarge"),
        (Method::POST, "/api/v1/configmaps", json_type, "{}", 400, "BadRequest"),
        (Method::PUT, CONFIG_MAPS, json_type, "{}", 405, "MethodNotAllowed"),
        (Method::TRACE, CONFIG_MAPS, "", "", 405, "MethodNotAllowed"),
        (Method::POST, "/version", "", "", 405, "MethodNotAllowed"),
        (Method::GET, "/api/v1/namespaces/default/pods/p/proxy", "", "", 501, "NotImplemented"),
    ];
    for (method, path, media, body, code, reason) in cases {
        let answer = rig.send(request(method.clone(), path, media, body.to_owned())).await;
        assert_eq!(answer.code.as_u16(), code, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        let status = answer.json();
        assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Failure")), "{path}");
        assert_eq!((&status["reason"], &status["code"]), (&json!(reason), &json!(code)), "{path}");
    }
    let present = rig.get(CONFIG_MAPS).await.expect(200);
    assert_eq!(present["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_without_a_credential_gets_in() {
    let rig = Rig::new().await;
    let send = async |path: &str| {
        let request = Request::builder().uri(path).body(Full::new(bytes::Bytes::new())).unwrap();
        read(rig.server.service().call(request).await.unwrap_or_else(|never| match never {})).await
    };
    for path in ["/api/v1/pods", "/api", "/openapi/v3", "/metrics", "/nowhere"] {
        assert_eq!(send(path).await.expect(401)["reason"], "Unauthorized", "{path}");
    }
    for path in ["/healthz", "/livez", "/readyz"] {
        let answer = send(path).await;
        assert_eq!((answer.code.as_u16(), &answer.body[..]), (200, &b"ok"[..]), "{path}");
    }
    assert!(send("/version").await.expect(200)["gitVersion"].is_string());
}

#[tokio::test]
async fn what_somebody_may_not_do_is_forbidden() {
    let rig = Rig::new().await;
    let nobody = bireme_core::client::Identity { user: "jane".into(), groups: Vec::new() };
    let mut service = rig.server.service_as(nobody);
    let body = config_map("a").to_string();
    let answer = service.call(request(Method::POST, CONFIG_MAPS, "application/json", body)).await;
    let status = read(answer.unwrap_or_else(|never| match never {})).await.expect(403);
    let expected = "configmaps is forbidden: User \"jane\" cannot create resource \"configmaps\" in API group \
        \"\" in the namespace \"default\"";
    assert_eq!(status["message"], expected);
}

#[tokio::test]
async fn hostile_bodies_do_not_hurt() {
    let rig = Arc::new(Rig::new().await);
    let deep = format!("{{\"data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_yaml = "[".repeat(100_000);
    let lists = format!("{{\"metadata\":{{\"name\":\"a\"}},\"data\":[{}]}}", vec!["[]"; 500_000].join(","));
    for (media, body) in [
        ("application/json", deep),
        ("application/yaml", deep_yaml),
        ("application/json", lists),
        ("application/json", "\u{0}".repeat(100)),
    ] {
        rig.send(request(Method::POST, CONFIG_MAPS, media, body)).await.expect(400);
    }
}
