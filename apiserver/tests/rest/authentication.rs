//! Bearer tokens, over HTTPS.

use std::sync::Arc;

use bireme_apiserver::Config;
use bireme_apiserver::authenticate::{BootstrapTokens, ClientCertificates, StaticTokens};
use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_registry::DirectClient;
use serde_json::{Value, json};

use crate::rig::{CONFIG_MAPS, Rig};
use crate::tls::{Listening, get};

const TOKENS: &[u8] = b"root-token,root,1,\"system:masters,ops\"\njane-token,jane,2\n";

async fn listening() -> Listening {
    let rig = Rig::configured(|registry| {
        let client = DirectClient::new(registry.clone(), Identity::component("kube-apiserver"));
        Config {
            authenticators: vec![
                Arc::new(ClientCertificates),
                Arc::new(StaticTokens::parse(TOKENS).unwrap()),
                Arc::new(BootstrapTokens::new(Arc::new(client), Environment::system())),
            ],
            ..Config::default()
        }
    });
    Listening::of(rig.await).await
}

/// The code and message of the answer to whoever shows this header.
async fn asked(listening: &Listening, authorization: &str) -> (u16, String) {
    let mut request = get(CONFIG_MAPS);
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    let answer = listening.http2(None).await.send_request(request).await.unwrap();
    let code = answer.status().as_u16();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let status: Value = serde_json::from_slice(&body).unwrap();
    (code, status["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_token_of_the_file_says_who_asks() {
    let listening = listening().await;
    assert_eq!(asked(&listening, "Bearer root-token").await.0, 200);
    let (code, message) = asked(&listening, "bearer jane-token").await;
    assert_eq!(code, 403);
    assert!(message.contains("User \"jane\" cannot list"), "{message}");
    for other in ["Bearer root-toke", "Bearer root-token2", "Basic root-token", "Bearer", "root-token"] {
        assert_eq!(asked(&listening, other).await, (401, "Unauthorized".to_owned()), "{other}");
    }
}

#[tokio::test]
async fn a_token_does_not_hide_the_certificate_it_comes_with() {
    let listening = listening().await;
    let mut request = get(CONFIG_MAPS);
    request.headers_mut().insert("authorization", "Bearer unknown".parse().unwrap());
    let mut sender = listening.http1(Some(listening.pki.admin())).await;
    assert_eq!(sender.send_request(request).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_bootstrap_token_is_good_as_long_as_its_secret_is_there() {
    let listening = listening().await;
    let token = "Bearer abcdef.0123456789abcdef";
    assert_eq!(asked(&listening, token).await.0, 401);
    let secrets = "/api/v1/namespaces/kube-system/secrets";
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef"},
        "stringData": {
            "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:workers",
        },
    });
    listening.rig.post(secrets, &secret).await.expect(201);
    let (code, message) = asked(&listening, token).await;
    assert_eq!(code, 403);
    assert!(message.contains("User \"system:bootstrap:abcdef\""), "{message}");
    assert_eq!(asked(&listening, "Bearer abcdef.0123456789abcdeg").await.0, 401);
    listening.rig.delete(&format!("{secrets}/bootstrap-token-abcdef")).await.expect(200);
    assert_eq!(asked(&listening, token).await.0, 401);
}
