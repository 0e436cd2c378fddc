//! Cluster DNS on a socket.

use std::io::{Read as _, Write as _};
use std::iter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use bireme_proxy::dns::{Dns, DnsConfig};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;

const NUMBER: u16 = 4711;
const LIMIT: Duration = Duration::from_secs(10);
/// What the resolver of the outside world says of every name.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);

async fn serve(cluster: &Cluster, upstreams: Vec<SocketAddr>) -> SocketAddr {
    let listen = ([127, 0, 0, 1], 0).into();
    let config = DnsConfig { listen, upstreams, ..DnsConfig::default() };
    let dns = Dns::bind(config, &cluster.env, &cluster.informers).await.unwrap();
    cluster.informers.synced().await.unwrap();
    let address = dns.address().unwrap();
    drop(cluster.env.spawn(dns.run(CancellationToken::new())));
    address
}

async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.service("web", json!({"clusterIP": "10.96.0.77", "ports": [{"port": 80}]})).await;
    cluster
}

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(NUMBER, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

/// Asks on a thread of its own, while the server runs on the test's.
async fn on_a_thread<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    thread::spawn(move || sender.send(ask()).ok());
    receiver.await.unwrap()
}

async fn ask(server: SocketAddr, message: Message) -> Message {
    let response = on_a_thread(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket.send_to(&message.to_vec().unwrap(), server).unwrap();
        let mut buffer = vec![0; 65535];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, server);
        Message::from_vec(&buffer[..length]).unwrap()
    });
    let response = response.await;
    assert_eq!(response.metadata.id, NUMBER);
    response
}

async fn ask_stream(server: SocketAddr, messages: Vec<Message>) -> Vec<Message> {
    on_a_thread(move || {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let exchange = |message: Message| {
            write_message(&mut stream, &message);
            read_message(&mut stream)
        };
        messages.into_iter().map(exchange).collect()
    })
    .await
}

fn read_message(stream: &mut TcpStream) -> Message {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).unwrap();
    Message::from_vec(&bytes).unwrap()
}

fn write_message(stream: &mut TcpStream, message: &Message) {
    let bytes = message.to_vec().unwrap();
    stream.write_all(&u16::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&bytes).unwrap();
}

fn addresses(message: &Message) -> Vec<Ipv4Addr> {
    let address = |record: &Record| match record.data {
        RData::A(A(address)) => Some(address),
        _ => None,
    };
    message.answers.iter().filter_map(address).collect()
}

/// A resolver of the outside world. Ahead of each answer over UDP it sends one with another number.
fn outside() -> SocketAddr {
    // A port that is free for datagrams may be taken for streams.
    let sockets = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind(socket.local_addr().unwrap()).ok()?;
        Some((socket, listener))
    };
    let (socket, listener) = iter::repeat_with(sockets).take(64).flatten().next().unwrap();
    let address = socket.local_addr().unwrap();
    let answer = |request: &Message, address: Ipv4Addr| {
        let mut answer = request.clone().into_response();
        let name = request.queries[0].name.clone();
        answer.add_answer(Record::from_rdata(name, 60, RData::A(A(address))));
        answer
    };
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let request = Message::from_vec(&buffer[..length]).unwrap();
            let mut forged = answer(&request, Ipv4Addr::new(203, 0, 113, 1));
            forged.metadata.id = request.metadata.id.wrapping_add(1);
            for message in [forged, answer(&request, OUTSIDE)] {
                socket.send_to(&message.to_vec().unwrap(), client).unwrap();
            }
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_message(&mut stream);
            write_message(&mut stream, &answer(&request, OUTSIDE));
        }
    });
    address
}

#[tokio::test]
async fn a_service_is_found_by_its_name_over_both_transports() {
    let cluster = cluster().await;
    let server = serve(&cluster, Vec::new()).await;
    let web = || question("web.default.svc.cluster.local.", RecordType::A);
    let response = ask(server, web()).await;
    assert_eq!(addresses(&response), [Ipv4Addr::new(10, 96, 0, 77)]);
    assert!(response.metadata.authoritative && response.metadata.recursion_available);
    assert_eq!(response.queries, web().queries);
    let responses =
        ask_stream(server, vec![web(), question("no.default.svc.cluster.local.", RecordType::A)]).await;
    assert_eq!(addresses(&responses[0]), [Ipv4Addr::new(10, 96, 0, 77)]);
    assert_eq!(responses[1].metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn names_come_and_go_with_their_services() {
    let cluster = cluster().await;
    let server = serve(&cluster, Vec::new()).await;
    let name = || question("late.default.svc.cluster.local.", RecordType::A);
    assert_eq!(ask(server, name()).await.metadata.response_code, ResponseCode::NXDomain);
    cluster.service("late", json!({"clusterIP": "10.96.0.80", "ports": [{"port": 80}]})).await;
    assert_eq!(addresses(&ask(server, name()).await), [Ipv4Addr::new(10, 96, 0, 80)]);
    cluster.delete_service("late").await;
    assert_eq!(ask(server, name()).await.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn denials_say_how_long_they_hold() {
    let cluster = cluster().await;
    let server = serve(&cluster, Vec::new()).await;
    let missing = ask(server, question("no.default.svc.cluster.local.", RecordType::A)).await;
    let other_type = ask(server, question("web.default.svc.cluster.local.", RecordType::AAAA)).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(other_type.metadata.response_code, ResponseCode::NoError);
    for response in [missing, other_type] {
        assert!(response.answers.is_empty());
        assert_eq!(response.authorities[0].record_type(), RecordType::SOA);
    }
}

#[tokio::test]
async fn an_answer_too_large_for_a_datagram_is_whole_over_a_stream() {
    let cluster = cluster().await;
    cluster.service("many", json!({"clusterIP": "None", "ports": [{"port": 80}]})).await;
    let pods: Vec<IpAddr> = (1..=200).map(|last| IpAddr::from([10, 244, 0, last])).collect();
    cluster.endpoints("many", 80, &pods).await;
    let server = serve(&cluster, Vec::new()).await;
    let many = || question("many.default.svc.cluster.local.", RecordType::A);
    let cut = ask(server, many()).await;
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    assert_eq!(addresses(&ask_stream(server, vec![many()]).await[0]).len(), 200);
}

#[tokio::test]
async fn other_names_are_asked_of_the_first_resolver_that_answers() {
    let cluster = cluster().await;
    // A socket that hears itself alone: whoever else sends there is told that nobody listens.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    nobody.connect(address).unwrap();
    let server = serve(&cluster, vec![address, outside()]).await;
    let name = || question("www.example.com.", RecordType::A);
    assert_eq!(addresses(&ask(server, name()).await), [OUTSIDE]);
    let over_stream = &ask_stream(server, vec![name()]).await[0];
    assert_eq!((addresses(over_stream), over_stream.metadata.id), (vec![OUTSIDE], NUMBER));
}

#[tokio::test]
async fn without_a_resolver_other_names_fail() {
    let cluster = cluster().await;
    let server = serve(&cluster, Vec::new()).await;
    let response = ask(server, question("www.example.com.", RecordType::A)).await;
    assert_eq!(response.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn what_is_no_question_does_no_harm() {
    let cluster = cluster().await;
    let server = serve(&cluster, Vec::new()).await;
    on_a_thread(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for bytes in [&b""[..], b"x", &[0xff; 64]] {
            socket.send_to(bytes, server).unwrap();
        }
        let mut answer = question("web.default.svc.cluster.local.", RecordType::A);
        answer.metadata.message_type = MessageType::Response;
        socket.send_to(&answer.to_vec().unwrap(), server).unwrap();
        drop(TcpStream::connect(server).unwrap().write_all(&[0, 9, 1]));
    })
    .await;
    let mut update = question("web.default.svc.cluster.local.", RecordType::A);
    update.metadata.op_code = OpCode::Update;
    assert_eq!(ask(server, update).await.metadata.response_code, ResponseCode::NotImp);
    let mut two = question("web.default.svc.cluster.local.", RecordType::A);
    two.add_query(two.queries[0].clone());
    assert_eq!(ask(server, two).await.metadata.response_code, ResponseCode::FormErr);
    assert!(
        !addresses(&ask(server, question("web.default.svc.cluster.local.", RecordType::A)).await).is_empty()
    );
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let cluster = cluster().await;
    let listen = serve(&cluster, Vec::new()).await;
    let config = DnsConfig { listen, ..DnsConfig::default() };
    let refused = Dns::bind(config, &cluster.env, &cluster.informers).await.err().unwrap();
    assert!(refused.to_string().contains(&listen.to_string()));
}

fn data(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.record_type(), record.data)).collect()
}

#[tokio::test]
async fn a_port_is_found_by_its_name_and_an_address_has_one() {
    let cluster = Cluster::start().await;
    let ports = json!([{"name": "http", "port": 80}]);
    cluster.service("web", json!({"clusterIP": "10.96.0.77", "ports": ports})).await;
    let server = serve(&cluster, Vec::new()).await;
    let response = ask(server, question("_http._tcp.web.default.svc.cluster.local.", RecordType::SRV)).await;
    let target = "_http._tcp.web.default.svc.cluster.local. SRV 0 100 80 web.default.svc.cluster.local.";
    assert_eq!(data(&response.answers), [target]);
    assert_eq!(data(&response.additionals), ["web.default.svc.cluster.local. A 10.96.0.77"]);
    let response = ask(server, question("77.0.96.10.in-addr.arpa.", RecordType::PTR)).await;
    assert_eq!(data(&response.answers), ["77.0.96.10.in-addr.arpa. PTR web.default.svc.cluster.local."]);
    // Whose address it is, if not ours, others know; here is none.
    let response = ask(server, question("78.0.96.10.in-addr.arpa.", RecordType::PTR)).await;
    assert_eq!(response.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn an_external_name_is_followed_for_clients_that_do_not() {
    let cluster = cluster().await;
    let external = |name: &'static str| json!({"type": "ExternalName", "externalName": name});
    cluster.service("away", external("www.example.com")).await;
    cluster.service("near", external("web.default.svc.cluster.local")).await;
    cluster.service("lost", external("no.default.svc.cluster.local")).await;
    cluster.service("ring", external("ring.default.svc.cluster.local")).await;
    let server = serve(&cluster, vec![outside()]).await;
    let name = |service: &str| format!("{service}.default.svc.cluster.local.");
    let of = |service: &str| question(&name(service), RecordType::A);
    let away = ["away.default.svc.cluster.local. CNAME www.example.com.", "www.example.com. A 192.0.2.99"];
    assert_eq!(data(&ask(server, of("away")).await.answers), away);
    assert_eq!(data(&ask_stream(server, vec![of("away")]).await[0].answers), away);
    let near = [
        "near.default.svc.cluster.local. CNAME web.default.svc.cluster.local.",
        "web.default.svc.cluster.local. A 10.96.0.77",
    ];
    assert_eq!(data(&ask(server, of("near")).await.answers), near);
    let alias = ask(server, question(&name("away"), RecordType::CNAME)).await;
    assert_eq!(data(&alias.answers), away[..1]);
    let lost = ask(server, of("lost")).await;
    assert_eq!((lost.metadata.response_code, lost.answers.len()), (ResponseCode::NXDomain, 1));
    assert_eq!(ask(server, of("ring")).await.metadata.response_code, ResponseCode::ServFail);
}
