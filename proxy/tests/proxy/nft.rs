//! The table, and what it does to packets.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use bireme_core::object::ObjectKey;
use bireme_proxy::nft::Nft;
use bireme_proxy::rules::{Backends, Behind, Endpoint, Frontend, Memory, Protocol, Rules, ServicePort};
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
        frontends: [(Frontend::Service(address.into(), protocol, 80), Behind::Port(port.clone()))].into(),
        backends: [(port, Backends { protocol, endpoints, sticky: None })].into(),
        hairpins: pods.iter().copied().collect(),
        ..Rules::default()
    }
}

fn web(pods: &[&Pod]) -> Rules {
    service("web", Protocol::Tcp, WEB, &pods.iter().map(|pod| pod.address).collect::<Vec<_>>())
}

fn exposed(mut rules: Rules) -> Rules {
    let port = rules.backends.keys().next().unwrap().clone();
    rules.frontends.insert(Frontend::Node(Protocol::Tcp, NODE_PORT), Behind::Port(port));
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

/// The same rules, but that the endpoints remember their clients.
fn sticky(mut rules: Rules, seconds: u32) -> Rules {
    for (port, backends) in &mut rules.backends {
        backends.sticky = Some(seconds);
        let memory = |endpoint: &Endpoint| Memory { port: port.clone(), endpoint: *endpoint };
        rules.memories.extend(backends.endpoints.iter().map(|endpoint| (memory(endpoint), seconds)));
    }
    rules
}

#[test]
fn a_client_that_is_remembered_gets_the_endpoint_that_it_had() {
    on_a_machine(|network| async move {
        let (one, two, three) = (
            Pod::start(&network, "1").await,
            Pod::start(&network, "2").await,
            Pod::start(&network, "3").await,
        );
        let all = sticky(web(&[&one, &two, &three]), 3600);
        let nft = with(&all).await;
        assert_eq!(nft.adopt().await.unwrap(), all);
        let of_machine = servers(|| ask(WEB, 80));
        assert_eq!(of_machine.len(), 1, "the machine always gets the same");
        let clients = [&one, &two, &three].map(|client| servers(|| client.ask(WEB, 80)));
        assert!(clients.iter().all(|servers| servers.len() == 1), "so does every pod: {clients:?}");
        // Another endpoint goes: who was not there stays where it was.
        let had = *of_machine.first().unwrap();
        let left: Vec<_> = [&one, &two, &three].into_iter().filter(|pod| pod.address == had).collect();
        let fewer = sticky(web(&left), 3600);
        nft.apply(&all.changes_to(&fewer)).await.unwrap();
        assert_eq!(servers(|| ask(WEB, 80)), of_machine);
        nft.apply(&fewer.changes_to(&all)).await.unwrap();
        assert_eq!(servers(|| ask(WEB, 80)), of_machine);
        // Its own endpoint goes, and comes back as a stranger.
        let others: Vec<_> = [&one, &two, &three].into_iter().filter(|pod| pod.address != had).collect();
        let fewer = sticky(web(&others), 3600);
        nft.apply(&all.changes_to(&fewer)).await.unwrap();
        let moved = servers(|| ask(WEB, 80));
        assert!(moved.len() == 1 && moved != of_machine);
        nft.apply(&fewer.changes_to(&all)).await.unwrap();
        assert_eq!(servers(|| ask(WEB, 80)), moved);
        // Without affinity it is anybody again, and nothing is left of it.
        nft.apply(&all.changes_to(&web(&[&one, &two, &three]))).await.unwrap();
        assert_eq!(servers(|| ask(WEB, 80)).len(), 3);
        assert!(!run("nft list table ip bireme").contains("clients-"));
    });
}

#[test]
fn what_somebody_else_did_to_the_memory_of_clients_is_put_right() {
    on_a_machine(|network| async move {
        let pod = Pod::start(&network, "1").await;
        let wanted = sticky(web(&[&pod]), 3600);
        let set = format!("clients-service-shop/web/tcp/80/{}/{PORT}", pod.address);
        let chain = "chain ip bireme service-shop/web/tcp/80";
        for harm in [
            format!("add set ip bireme {set}/1 {{ type ipv4_addr; flags dynamic,timeout; timeout 9s; }}"),
            format!("flush {chain}; delete set ip bireme {set}"),
            format!(
                "flush {chain}; delete set ip bireme {set}; add set ip bireme {set} {{ type ipv4_addr; flags dynamic,timeout; timeout 9s; }}; \
                add rule ip bireme service-shop/web/tcp/80 meta l4proto tcp ip saddr @{set} dnat to {}:{PORT}",
                pod.address
            ),
        ] {
            with(&wanted).await;
            let status = std::process::Command::new("nft").arg(&harm).status().unwrap();
            assert!(status.success(), "{harm}");
            with(&wanted).await;
            let present = nft().adopt().await.unwrap();
            assert_eq!((&present.backends, present.memories.len()), (&wanted.backends, 1), "{harm}");
            assert_eq!(ask(WEB, 80).unwrap().server, pod.address, "{harm}");
        }
    });
}

#[test]
fn a_client_is_forgotten_when_its_time_is_over() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let brief = sticky(web(&[&one, &two]), 1);
        let nft = with(&sticky(web(&[&one, &two]), 3600)).await;
        let first = ask(WEB, 80).unwrap().server;
        // Another time for the same endpoints: those who were remembered for the old one are forgotten.
        nft.apply(&sticky(web(&[&one, &two]), 3600).changes_to(&brief)).await.unwrap();
        assert_eq!(nft.adopt().await.unwrap(), brief);
        let mut seen = std::collections::BTreeSet::from([first]);
        while seen.len() < 2 {
            seen.extend(servers(|| ask(WEB, 80)));
            std::thread::sleep(std::time::Duration::from_millis(1_100));
        }
    });
}

#[test]
fn an_address_outside_the_range_refuses_for_a_service_without_endpoints() {
    on_a_machine(|network| async move {
        let (server, client) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let outside = Ipv4Addr::new(198, 51, 100, 7);
        run("ip route add 198.51.100.0/24 dev lo");
        let with_endpoint = exposed(service("web", Protocol::Tcp, outside, &[server.address]));
        let mut without = Rules::default();
        for frontend in with_endpoint.frontends.keys() {
            without.frontends.insert(*frontend, Behind::Nobody);
        }
        let nft = with(&without).await;
        assert_eq!(nft.adopt().await.unwrap(), without);
        let refused = |result: io::Result<_>| result.unwrap_err().kind() == ErrorKind::ConnectionRefused;
        for (address, port) in [(outside, 80), (NODE, NODE_PORT)] {
            assert!(refused(client.ask(address, port)) && refused(ask(address, port)), "{address}");
        }
        nft.apply(&without.changes_to(&with_endpoint)).await.unwrap();
        for (address, port) in [(outside, 80), (NODE, NODE_PORT)] {
            assert_eq!(client.ask(address, port).unwrap().server, server.address);
            assert_eq!(ask(address, port).unwrap().server, server.address);
        }
        nft.apply(&with_endpoint.changes_to(&without)).await.unwrap();
        assert!(refused(client.ask(outside, 80)) && refused(ask(NODE, NODE_PORT)));
    });
}

#[test]
fn datagrams_of_one_sender_do_not_go_on_to_an_endpoint_that_is_gone() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let dns = |pod: &Pod| {
            let mut rules = service("dns", Protocol::Udp, DB, &[pod.address]);
            let port = rules.backends.keys().next().unwrap().clone();
            rules.frontends.insert(Frontend::Node(Protocol::Udp, NODE_PORT), Behind::Port(port));
            rules
        };
        let nft = with(&dns(&one)).await;
        let senders = [(DB, 80), (NODE, NODE_PORT)].map(|to| (UdpSocket::bind("0.0.0.0:0").unwrap(), to));
        let answers = || {
            senders.each_ref().map(|(socket, (address, port))| {
                socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
                socket.send_to(b"?", (*address, *port)).unwrap();
                let mut buffer = [0; 64];
                let length = socket.recv(&mut buffer).unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                text.split(' ').next().unwrap().parse::<IpAddr>().unwrap()
            })
        };
        assert_eq!(answers(), [one.address; 2]);
        nft.apply(&dns(&one).changes_to(&dns(&two))).await.unwrap();
        assert_eq!(answers(), [two.address; 2]);
        // A restart that finds another state than it wants does the same.
        with(&dns(&one)).await;
        assert_eq!(answers(), [one.address; 2]);
    });
}

/// Small changes go to the kernel directly, large ones through `nft`: both must mean the same.
#[test]
fn both_ways_to_the_kernel_say_the_same() {
    on_a_machine(|_| async move {
        let named = |index: u8, protocol, pods: &[u8]| {
            let pods: Vec<IpAddr> = pods.iter().map(|last| [10, 244, 0, *last].into()).collect();
            service(&format!("s{index}"), protocol, Ipv4Addr::new(10, 96, 0, index), &pods)
        };
        let mut small = exposed(sticky(named(1, Protocol::Tcp, &[1, 2, 3]), 60));
        small.extend(&named(2, Protocol::Udp, &[4]));
        small.extend(&named(3, Protocol::Sctp, &[5, 6]));
        small.frontends.insert(Frontend::Service([192, 0, 2, 1].into(), Protocol::Tcp, 80), Behind::Nobody);
        small.frontends.insert(Frontend::Node(Protocol::Udp, 30000), Behind::Nobody);
        let nft = with(&small).await;
        let listing = || run("nft list table ip bireme");
        let directly = listing();
        assert_eq!(nft.adopt().await.unwrap(), small);
        let mut large = small.clone();
        (10..150).for_each(|index| large.extend(&named(index, Protocol::Tcp, &[index])));
        nft.apply(&small.changes_to(&large)).await.unwrap();
        assert_eq!(nft.adopt().await.unwrap(), large);
        nft.remove().await.unwrap();
        let nft = with(&large).await;
        assert_eq!(nft.adopt().await.unwrap(), large);
        nft.apply(&large.changes_to(&small)).await.unwrap();
        assert_eq!(nft.adopt().await.unwrap(), small);
        let chains = |listing: String| {
            let mut lines: Vec<_> = listing.lines().map(|line| line.trim().to_owned()).collect();
            lines.sort();
            lines
        };
        assert_eq!(chains(listing()), chains(directly));
    });
}
