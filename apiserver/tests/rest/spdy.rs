//! Clients that speak SPDY, from before Kubernetes had WebSockets.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::node::{POD, listening};
use crate::tls::Listening;

const EXEC: &str = "exec?command=0&stdout=true";

/// What the server says to a client that wants SPDY with these protocols, each in a header of its own.
async fn ask(listening: &Listening, path: &str, protocols: &[&str]) -> Response<Incoming> {
    let mut sender = listening.http1_upgradable(Some(listening.pki.admin())).await;
    let mut request = Request::post(format!("{POD}/{path}"))
        .header("host", "localhost")
        .header("connection", "Upgrade")
        .header("upgrade", "SPDY/3.1");
    for protocol in protocols {
        request = request.header("x-stream-protocol-version", *protocol);
    }
    sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_best_common_protocol_is_agreed_on() {
    let listening = listening().await;
    let offered = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "channel.k8s.io"];
    for (path, offered, agreed) in [
        (EXEC, &offered[..], "v4.channel.k8s.io"),
        ("attach?stdout=true", &offered[..], "v4.channel.k8s.io"),
        ("portforward", &["portforward.k8s.io"][..], "portforward.k8s.io"),
    ] {
        let answer = ask(&listening, path, offered).await;
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS, "{path}");
        assert_eq!(answer.headers()["upgrade"], "SPDY/3.1");
        assert_eq!(answer.headers()["x-stream-protocol-version"], agreed);
    }
}

#[tokio::test]
async fn a_client_without_a_known_protocol_is_told_which_there_are() {
    let listening = listening().await;
    for offered in [&[][..], &["channel.k8s.io"], &["SPDY/3.1+portforward.k8s.io"]] {
        let answer = ask(&listening, EXEC, offered).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let status: Value = serde_json::from_slice(&body).unwrap();
        assert!(status["message"].as_str().unwrap().contains("v4.channel.k8s.io"), "{status}");
    }
}

#[tokio::test]
async fn frames_are_answered_and_nonsense_ends_the_connection() {
    let listening = listening().await;
    let answer = ask(&listening, "portforward", &["portforward.k8s.io"]).await;
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    let ping = b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x01";
    stream.write_all(ping).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, ping);
    // A frame of another version.
    stream.write_all(b"\x80\x02\0\x06\0\0\0\x04\0\0\0\x01").await.unwrap();
    // The server drops the connection, with or without a word of TLS.
    assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
}
