//! The ports of a pod over a WebSocket, with a node that is made up: its port 7 echoes, and nobody is at the others.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::node::{POD, Socket, listening, open, rest};

const CHANNELS: &str = "v5.channel.k8s.io, v4.channel.k8s.io";

fn binary(bytes: &'static [u8]) -> Message {
    Message::Binary(Bytes::from_static(bytes))
}

async fn next(socket: &mut Socket) -> Bytes {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => bytes,
        other => panic!("{other:?} instead of a message"),
    }
}

#[tokio::test]
async fn a_port_is_announced_and_then_carries_bytes_both_ways() {
    let listening = listening().await;
    let (mut socket, protocol) =
        open(&listening, &format!("{POD}/portforward?ports=7"), CHANNELS).await.unwrap();
    assert_eq!(protocol, "v4.channel.k8s.io");
    assert_eq!(next(&mut socket).await, &[0, 7, 0][..]);
    assert_eq!(next(&mut socket).await, &[1, 7, 0][..]);
    socket.send(binary(b"\0hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, &b"\0hello"[..]);
    // Nobody is meant by these.
    for nobody in [&b""[..], b"\x01x", b"\x02x", b"\xffx"] {
        socket.send(binary(nobody)).await.unwrap();
    }
    socket.send(binary(b"\0again")).await.unwrap();
    assert_eq!(next(&mut socket).await, &b"\0again"[..]);
}

#[tokio::test]
async fn a_port_that_nobody_listens_at_says_so_on_its_own_channel() {
    let listening = listening().await;
    let path = format!("{POD}/portforward?ports=8,7&ports=258");
    let (mut socket, _) = open(&listening, &path, CHANNELS).await.unwrap();
    let mut messages = Vec::new();
    for _ in 0..8 {
        messages.push(next(&mut socket).await);
    }
    messages.sort();
    for announced in [[0, 8, 0], [1, 8, 0], [2, 7, 0], [3, 7, 0], [4, 2, 1], [5, 2, 1]] {
        assert!(messages.iter().any(|message| message[..] == announced), "{announced:?}: {messages:?}");
    }
    let told = String::from_utf8_lossy(&messages[2]).into_owned();
    assert!(told.starts_with("\u{1}error forwarding port 8 to pod web, uid "), "{told}");
    assert!(told.ends_with(": nobody listens there"), "{told}");
    socket.send(binary(b"\x02hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, &b"\x02hello"[..], "the other port goes on");
}

#[tokio::test]
async fn it_is_over_when_the_pod_has_closed_all_ports() {
    let listening = listening().await;
    let (socket, _) = open(&listening, &format!("{POD}/portforward?ports=8"), CHANNELS).await.unwrap();
    let messages = rest(socket).await;
    assert_eq!(messages.len(), 3);
    assert!(messages[2].1.contains("nobody listens there"));
}

#[tokio::test]
async fn refusals_come_before_the_upgrade() {
    let listening = listening().await;
    for (path, protocols, code) in [
        (format!("{POD}/portforward"), CHANNELS, 400),
        (format!("{POD}/portforward?ports=0"), CHANNELS, 400),
        (format!("{POD}/portforward?ports=7"), "v5.channel.k8s.io", 400),
        (format!("{POD}x/portforward?ports=7"), CHANNELS, 404),
    ] {
        match open(&listening, &path, protocols).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), code, "{path}"),
            other => panic!("{path}: {:?}", other.map(|(_, protocol)| protocol)),
        }
    }
}

#[tokio::test]
async fn a_tunnel_carries_the_frames_of_spdy() {
    let listening = listening().await;
    let protocol = "SPDY/3.1+portforward.k8s.io";
    let (mut socket, agreed) = open(&listening, &format!("{POD}/portforward"), protocol).await.unwrap();
    assert_eq!(agreed, protocol);
    // A ping, which comes back; in two messages, whose borders mean nothing.
    let ping = b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x01";
    socket.send(binary(&ping[..5])).await.unwrap();
    socket.send(binary(&ping[5..])).await.unwrap();
    let mut answer = Vec::new();
    while answer.len() < ping.len() {
        answer.extend_from_slice(&next(&mut socket).await);
    }
    assert_eq!(answer, ping);
}
