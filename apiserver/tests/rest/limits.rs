//! What one client takes must not be missed by the others.

use std::time::Duration;

use bireme_apiserver::{Config, Limits};
use bireme_core::Environment;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{CONFIG_MAPS, Rig, config_map, request};
use crate::tls::{Listening, get};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

fn limited(limits: Limits) -> Config {
    Config { limits, ..Config::default() }
}

/// What becomes within a few seconds.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    Environment::system().timeout(Duration::from_secs(10), work).await.expect("this takes too long")
}

#[tokio::test]
async fn reading_and_writing_have_places_of_their_own() {
    let post = async |rig: &Rig| rig.post(CONFIG_MAPS, &config_map("a")).await;
    let reading = Rig::with(limited(Limits { requests_in_flight: 0, ..Limits::default() })).await;
    let answer = reading.get(CONFIG_MAPS).await;
    assert_eq!(answer.expect(429)["reason"], "TooManyRequests");
    assert_eq!(answer.header("retry-after"), "1");
    reading.get("/api").await.expect(429);
    assert_eq!(reading.get("/livez").await.code.as_u16(), 200);
    post(&reading).await.expect(201);
    let watch = request(Method::GET, &format!("{CONFIG_MAPS}?watch=true"), "", "");
    assert_eq!(reading.open(watch).await.status().as_u16(), 200);

    let writing = Rig::with(limited(Limits { mutating_requests_in_flight: 0, ..Limits::default() })).await;
    let answer = post(&writing).await;
    assert_eq!((answer.expect(429)["code"].as_u64(), answer.header("retry-after")), (Some(429), "1"));
    writing.delete(&format!("{CONFIG_MAPS}/a")).await.expect(429);
    writing.get(CONFIG_MAPS).await.expect(200);
}

#[tokio::test]
async fn one_stream_too_many_is_told_to_come_back() {
    let one = Rig::with(limited(Limits { streams: 1, ..Limits::default() })).await;
    let watch = format!("{CONFIG_MAPS}?watch=true");
    let open = one.open(request(Method::GET, &watch, "", "")).await;
    one.get(&watch).await.expect(429);
    drop(open);
    assert_eq!(one.open(request(Method::GET, &watch, "", "")).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_write_that_hangs_takes_one_place_until_its_client_goes() {
    let limits = Limits { mutating_requests_in_flight: 1, ..Limits::default() };
    let listening = Listening::new(limited(limits)).await;
    let (body, chunks) = futures::channel::mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let stream =
        hyper_util::rt::TokioIo::new(listening.connect(Some(listening.pki.admin()), "http/1.1").await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let connection = Environment::system().spawn(connection);
    let hanging = Request::post(CONFIG_MAPS).body(http_body_util::StreamBody::new(chunks)).unwrap();
    let hanging = Environment::system().spawn(async move { sender.send_request(hanging).await });
    let mut other = listening.http2(Some(listening.pki.admin())).await;
    let mut post = async || {
        let request = Request::post(format!("https://localhost{CONFIG_MAPS}"));
        let request = request.header("content-type", "application/json");
        let body = Full::<Bytes>::from(config_map("a").to_string());
        other.send_request(request.body(body).unwrap()).await.unwrap().status().as_u16()
    };
    soon(async {
        while post().await != 429 {
            Environment::system().sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    hanging.abort();
    connection.abort();
    drop(body);
    soon(async {
        while post().await == 429 {
            Environment::system().sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let listening = Listening::new(limited(Limits { head_size: 8 << 10, ..Limits::default() })).await;
    let large = |bytes| {
        let mut request = get("/readyz");
        request.headers_mut().insert("x-large", "x".repeat(bytes).parse().unwrap());
        request
    };
    assert_eq!(
        listening.http1(None).await.send_request(large(1 << 10)).await.unwrap().status().as_u16(),
        200
    );
    assert_eq!(
        listening.http2(None).await.send_request(large(1 << 10)).await.unwrap().status().as_u16(),
        200
    );
    assert_eq!(
        listening.http1(None).await.send_request(large(32 << 10)).await.unwrap().status().as_u16(),
        431
    );
    assert_eq!(
        listening.http2(None).await.send_request(large(12 << 10)).await.unwrap().status().as_u16(),
        431
    );
}

#[tokio::test]
async fn a_connection_carries_so_many_requests_and_no_more() {
    let listening = Listening::new(limited(Limits { streams_per_connection: 1, ..Limits::default() })).await;
    let mut sender = listening.http2(Some(listening.pki.admin())).await;
    // The first answer comes after the server's settings.
    soon(sender.send_request(get("/readyz"))).await.unwrap().into_body().collect().await.unwrap();
    let watch = soon(sender.send_request(get(&format!("{CONFIG_MAPS}?watch=true")))).await.unwrap();
    let mut second = std::pin::pin!(sender.send_request(get(CONFIG_MAPS)));
    assert!(Environment::system().timeout(SHORT, &mut second).await.is_err());
    drop(watch);
    assert_eq!(soon(second).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let limits = Limits { handshake: SHORT, head: SHORT, idle: LONG, ..Limits::default() };
    let listening = Listening::new(limited(limits)).await;
    let mut silent = TcpStream::connect(listening.address).await.unwrap();
    assert_eq!(soon(silent.read(&mut [0; 1])).await.unwrap(), 0, "before the handshake");
    for protocol in ["h2", "http/1.1", "other"] {
        let mut silent = match protocol {
            "other" => listening.connect_plainly().await,
            protocol => listening.connect(None, protocol).await,
        };
        let mut told = Vec::new();
        // What the server says first on HTTP/2 does not matter; that it closes does, cleanly or not.
        let closed = soon(silent.read_to_end(&mut told)).await;
        assert!(
            closed.is_ok() || closed.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
        );
    }
}

#[tokio::test]
async fn a_connection_lies_idle_for_so_long_and_a_watch_is_not_idle() {
    let limits = Limits { head: LONG, idle: SHORT, ..Limits::default() };
    let listening = Listening::new(limited(limits)).await;
    let mut sender = listening.http2(Some(listening.pki.admin())).await;
    let watch = soon(sender.send_request(get(&format!("{CONFIG_MAPS}?watch=true")))).await.unwrap();
    Environment::system().sleep(SHORT * 4).await;
    assert_eq!(soon(sender.send_request(get(CONFIG_MAPS))).await.unwrap().status().as_u16(), 200);
    drop(watch);
    soon(async {
        while !sender.is_closed() {
            Environment::system().sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// A server whose list of config maps is this large at least, and that waits a moment for clients to take it.
async fn large_list(limits: Limits) -> (Listening, usize) {
    let listening = Listening::new(limited(limits)).await;
    let (maps, size) = (24, 900 << 10);
    for number in 0..maps {
        let map = json!({"metadata": {"name": format!("m{number}")}, "data": {"text": "x".repeat(size)}});
        listening.rig.post(CONFIG_MAPS, &map).await.expect(201);
    }
    (listening, maps * size)
}

#[tokio::test]
async fn a_client_that_takes_no_answer_loses_its_connection_and_one_that_is_slow_gets_it_all() {
    let (listening, size) = large_list(Limits { answer: SHORT * 2, ..Limits::default() }).await;
    let ask = format!("GET {CONFIG_MAPS} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    for takes in [false, true] {
        let mut socket = listening.connect(Some(listening.pki.admin()), "http/1.1").await;
        socket.write_all(ask.as_bytes()).await.unwrap();
        let (mut told, mut part) = (0, vec![0; 1 << 20]);
        if !takes {
            Environment::system().sleep(SHORT * 8).await;
        }
        loop {
            match soon(socket.read(&mut part)).await {
                Ok(0) => break,
                Ok(read) => told += read,
                Err(error) if !takes && error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => panic!("{error}"),
            }
            if takes {
                Environment::system().sleep(Duration::from_millis(2)).await;
            }
        }
        assert_eq!(told > size, takes, "{told} bytes of {size}");
    }
}

#[tokio::test]
async fn a_client_that_lets_nothing_through_loses_its_connection_and_a_watch_that_waits_does_not() {
    let (listening, _) = large_list(Limits { answer: SHORT, ..Limits::default() }).await;
    let admin = Some(listening.pki.admin());
    let stream = TokioIo::new(listening.connect(admin, "h2").await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    // No answer may have a body until the client says so, which it never does.
    builder.initial_stream_window_size(0).initial_connection_window_size(1 << 16);
    let (mut sender, connection) = builder.handshake::<_, Full<Bytes>>(stream).await.unwrap();
    drop(Environment::system().spawn(connection));
    let stuck = soon(sender.send_request(get(CONFIG_MAPS))).await.unwrap();
    assert_eq!(stuck.status().as_u16(), 200);
    let mut patient = listening.http2(admin).await;
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dnew");
    let mut watch = soon(patient.send_request(get(&path))).await.unwrap();
    soon(async {
        while !sender.is_closed() {
            Environment::system().sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    Environment::system().sleep(SHORT * 4).await;
    listening.rig.post(CONFIG_MAPS, &config_map("new")).await.expect(201);
    assert!(soon(watch.body_mut().frame()).await.unwrap().unwrap().is_data());
}
