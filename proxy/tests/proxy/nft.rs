//! The table, and what it does to packets.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};

use bireme_core::object::ObjectKey;
use bireme_proxy::nft::Nft;
use bireme_proxy::rules::{Backends, Endpoint, Frontend, Protocol, Rules, ServicePort};
use bireme_proxy::table::ServiceTable;

use crate::machine::{NODE, PORT, Pod, ask, ask_datagram, on_a_machine, run, servers};

const WEB: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 7);
const DB: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 8);
const NODE_PORT: u16 = 30080;

fn nft() -> Nft {
    Nft::new("bireme", "10.96.0.0/16".parse().unwrap())
}

/// A service on port 80 of `address`.
fn service(name: &str, protocol: Protocol, address: Ipv4Addr, pods: &[IpAddr]) -> Rules {
    let port = ServicePort::new("shop", name, protocol, 80).unwrap();
    let endpoints = pods.iter().map(|address| Endpoint { address: *address, port: PORT }).collect();
    Rules {
        frontends: [(Frontend::Service(address.into(), protocol, 80), port.clone())].into(),
        backends: [(port, Backends { protocol, endpoints })].into(),
        hairpins: pods.iter().copied().collect(),
    }
}

fn web(pods: &[&Pod]) -> Rules {
    service("web", Protocol::Tcp, WEB, &pods.iter().map(|pod| pod.address).collect::<Vec<_>>())
}

fn exposed(mut rules: Rules) -> Rules {
    let port = rules.backends.keys().next().unwrap().clone();
    rules.frontends.insert(Frontend::Node(Protocol::Tcp, NODE_PORT), port);
    rules
}

/// A machine whose table has these rules.
async fn with(rules: &Rules) -> Nft {
    let nft = nft();
    let present = nft.adopt().await.unwrap();
    nft.apply(&present.changes_to(rules)).await.unwrap();
    nft
}

/// A chain with the kernel's numbers of it and its rules, which change when it is written again.
fn chain(port: &str) -> String {
    run(&format!("nft -a list chain ip bireme service-shop/{port}"))
}

#[test]
fn connections_to_a_service_spread_over_its_endpoints() {
    on_a_machine(|network| async move {
        let (one, two, client) = (
            Pod::start(&network, "1").await,
            Pod::start(&network, "2").await,
            Pod::start(&network, "3").await,
        );
        with(&web(&[&one, &two])).await;
        let both = [one.address, two.address].into();
        assert_eq!(servers(|| client.ask(WEB, 80)), both, "from a pod");
        assert_eq!(servers(|| ask(WEB, 80)), both, "from the machine");
        assert_eq!(client.ask(WEB, 80).unwrap().client, client.address, "the client is seen as itself");
    });
}

#[test]
fn a_node_port_leads_to_the_endpoints_from_any_address_of_the_machine() {
    on_a_machine(|network| async move {
        let (server, client) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        run("ip address add 192.0.2.1/32 dev lo");
        with(&exposed(web(&[&server]))).await;
        for address in [NODE, Ipv4Addr::new(192, 0, 2, 1)] {
            assert_eq!(client.ask(address, NODE_PORT).unwrap().server, server.address);
            assert_eq!(ask(address, NODE_PORT).unwrap().server, server.address);
        }
        assert_eq!(client.ask(NODE, NODE_PORT).unwrap().client, client.address);
    });
}

#[test]
fn an_endpoint_reaches_itself_through_its_service() {
    on_a_machine(|network| async move {
        let pod = Pod::start(&network, "1").await;
        with(&exposed(web(&[&pod]))).await;
        for (address, port) in [(WEB, 80), (NODE, NODE_PORT)] {
            let answer = pod.ask(address, port).unwrap();
            assert_eq!(answer.server, pod.address);
            assert_ne!(answer.client, pod.address);
        }
    });
}

#[test]
fn datagrams_find_their_endpoint() {
    on_a_machine(|network| async move {
        let (server, client) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        with(&service("dns", Protocol::Udp, DB, &[server.address])).await;
        let answer = client.run(|| ask_datagram(DB, 80)).unwrap();
        assert_eq!((answer.server, answer.client), (server.address, client.address));
        assert_eq!(ask_datagram(DB, 80).unwrap().server, server.address);
    });
}

#[test]
fn what_no_service_with_endpoints_answers_to_is_refused_at_once() {
    on_a_machine(|network| async move {
        let (server, client) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let nft = with(&exposed(web(&[&server]))).await;
        let refused = |result: io::Result<_>| result.unwrap_err().kind() == ErrorKind::ConnectionRefused;
        assert!(refused(client.ask(DB, 80)) && refused(ask(DB, 80)), "an address that no service has");
        assert!(
            refused(client.ask(WEB, 81)) && refused(ask(WEB, 81)),
            "a port that the service does not have"
        );
        assert!(refused(client.run(|| ask_datagram(WEB, 80))), "over UDP");
        // The kernel tells a process of its own directly that its datagram is not wanted.
        assert_eq!(ask_datagram(WEB, 80).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(client.ask(WEB, 80).is_ok());
        let gone = web(&[&server]);
        nft.apply(&exposed(gone).changes_to(&Rules::default())).await.unwrap();
        assert!(refused(client.ask(WEB, 80)) && refused(ask(WEB, 80)), "a service whose endpoints are gone");
        assert!(refused(client.ask(NODE, NODE_PORT)) && refused(ask(NODE, NODE_PORT)), "its node port");
    });
}

#[test]
fn a_change_of_one_service_touches_no_other() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let nft = nft();
        nft.adopt().await.unwrap();
        let mut table = ServiceTable::default();
        let key = |name| ObjectKey::namespaced("shop", name);
        let mut changes = table.set(&key("web"), web(&[&one]));
        changes.merge(table.set(&key("db"), service("db", Protocol::Tcp, DB, &[one.address])));
        nft.apply(&changes).await.unwrap();
        let (web_before, db_before) = (chain("web/tcp/80"), chain("db/tcp/80"));
        nft.apply(&table.set(&key("web"), web(&[&one, &two]))).await.unwrap();
        assert_eq!(servers(|| ask(WEB, 80)), [one.address, two.address].into());
        assert_ne!(chain("web/tcp/80"), web_before);
        assert_eq!(chain("db/tcp/80"), db_before);
        nft.apply(&table.set(&key("web"), Rules::default())).await.unwrap();
        assert_eq!(ask(DB, 80).unwrap().server, one.address);
        assert_eq!(chain("db/tcp/80"), db_before);
    });
}

#[test]
fn a_restart_finds_what_is_there_and_writes_only_what_differs() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let mut wanted = exposed(web(&[&one, &two]));
        wanted.extend(&service("dns", Protocol::Udp, DB, &[one.address]));
        with(&wanted).await;
        let before = chain("web/tcp/80");
        let present = nft().adopt().await.unwrap();
        assert_eq!(present, wanted);
        assert_eq!(chain("web/tcp/80"), before);
        let mut next = web(&[&one, &two]);
        next.extend(&service("dns", Protocol::Udp, WEB, &[two.address]));
        with(&next).await;
        assert_eq!(chain("web/tcp/80"), before);
        assert_eq!(nft().adopt().await.unwrap(), next);
    });
}

#[test]
fn what_somebody_else_did_to_the_table_is_put_right() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let wanted = web(&[&one, &two]);
        for harm in [
            "flush chain ip bireme service-shop/web/tcp/80",
            "insert rule ip bireme service-shop/web/tcp/80 drop",
            "flush chain ip bireme dispatch",
            "flush map ip bireme services",
            "add element ip bireme hairpins { 10.9.9.9 . 10.9.9.9 }",
            "add chain ip bireme service-shop/stranger/tcp/80",
            "delete table ip bireme",
        ] {
            with(&wanted).await;
            run(&format!("nft {harm}"));
            with(&wanted).await;
            assert_eq!(nft().adopt().await.unwrap(), wanted, "{harm}");
            assert_eq!(servers(|| ask(WEB, 80)), [one.address, two.address].into(), "{harm}");
        }
    });
}

#[test]
fn tables_of_others_stay_as_they_are() {
    on_a_machine(|network| async move {
        let pod = Pod::start(&network, "1").await;
        run("nft add table ip others");
        run("nft add map ip others services { type ipv4_addr : verdict ; }");
        let others = || (run("nft -a list table ip others"), run("nft -a list table ip bireme-pods"));
        let before = others();
        let nft = with(&web(&[&pod])).await;
        nft.apply(&web(&[&pod]).changes_to(&Rules::default())).await.unwrap();
        nft.remove().await.unwrap();
        nft.remove().await.unwrap();
        assert_eq!(others(), before);
        assert!(!run("nft list tables").contains("bireme\n"));
    });
}

#[test]
fn a_change_that_cannot_be_made_changes_nothing() {
    on_a_machine(|network| async move {
        let pod = Pod::start(&network, "1").await;
        let nft = with(&web(&[&pod])).await;
        let stranger = service("db", Protocol::Tcp, DB, &[pod.address]);
        // The first half could be done; the second takes away what is not there.
        let mut impossible = Rules::default().changes_to(&stranger);
        impossible.merge(service("none", Protocol::Tcp, NODE, &[]).changes_to(&Rules::default()));
        nft.apply(&impossible).await.unwrap_err();
        assert_eq!(nft.adopt().await.unwrap(), web(&[&pod]));
    });
}
