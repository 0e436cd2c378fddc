//! Packets through the pod network: who reaches whom, and as whom.

use std::io::ErrorKind;
use std::net::IpAddr;

use crate::machine::{Pod, ask, node, on_a_machine, run};
use bireme_core::network::{AttachRequest, HostPort, PodNetwork as _, Transport};

const NODE_1: [u8; 4] = [10, 245, 0, 1];
const NODE_2: [u8; 4] = [10, 245, 0, 2];

#[test]
fn pods_of_two_nodes_and_the_machine_reach_each_other_untranslated() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network_1 = node(&machine, "10.244.1.0/24", NODE_1).await;
        let network_2 = node(&machine, "10.244.2.0/24", NODE_2).await;
        let (pod_1, pod_2, neighbour) = (Pod::new(), Pod::new(), Pod::new());
        let address_1 = pod_1.attach(&network_1, "one").await;
        let address_2 = pod_2.attach(&network_2, "two").await;
        let address_3 = neighbour.attach(&network_1, "three").await;
        let (port_1, port_2) = (pod_1.serve(), pod_2.serve());
        assert_eq!(pod_1.ask(address_2, port_2).unwrap(), address_1, "to a pod of another node");
        assert_eq!(pod_2.ask(address_1, port_1).unwrap(), address_2, "and back");
        assert_eq!(neighbour.ask(address_1, port_1).unwrap(), address_3, "to a pod of the same node");
        assert_eq!(pod_1.ask(address_1, port_1).unwrap(), address_1, "to itself");
        assert_eq!(ask(address_1, port_1).unwrap(), IpAddr::from(NODE_1), "from the machine");
        assert_eq!(ask(address_2, port_2).unwrap(), IpAddr::from(NODE_2), "from the machine");
    });
}

/// Two pods on two nodes that ask each other, on a machine whose firewall was set up before.
async fn pods_reach_each_other(machine: &bireme_network::Machine) {
    let network_1 = node(machine, "10.244.1.0/24", NODE_1).await;
    let network_2 = node(machine, "10.244.2.0/24", NODE_2).await;
    let (client, server) = (Pod::new(), Pod::new());
    let from = client.attach(&network_1, "client").await;
    let to = server.attach(&network_2, "server").await;
    let port = server.serve();
    assert_eq!(client.ask(to, port).unwrap(), from);
    network_1.detach("client").await.unwrap();
    network_2.detach("server").await.unwrap();
}

#[test]
fn strict_filtering_of_sources_lets_pods_through() {
    on_a_machine(|machine| async move {
        for scope in ["all", "default"] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter"), "1").unwrap();
        }
        machine.prepare().await.unwrap();
        pods_reach_each_other(&machine).await;
    });
}

#[test]
fn dockers_policy_to_drop_does_not_reach_the_pods() {
    on_a_machine(|machine| async move {
        for rule in
            ["-P FORWARD DROP", "-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER"]
        {
            run(&format!("iptables {rule}"));
        }
        let before = run("iptables -S");
        machine.prepare().await.unwrap();
        machine.prepare().await.unwrap();
        let rules = run("iptables -S");
        let ours = rules.lines().filter(|rule| rule.contains("bireme-pods"));
        assert_eq!(ours.filter(|rule| rule.starts_with("-A DOCKER-USER ")).count(), 2, "{rules}");
        pods_reach_each_other(&machine).await;
        machine.teardown().await.unwrap();
        assert_eq!(run("iptables -S"), before);
    });
}

#[test]
fn a_policy_to_drop_without_docker_does_not_reach_the_pods() {
    on_a_machine(|machine| async move {
        run("iptables -P FORWARD DROP");
        let before = run("iptables -S");
        machine.prepare().await.unwrap();
        machine.prepare().await.unwrap();
        assert_eq!(run("iptables -S FORWARD").matches("bireme-pods").count(), 2);
        pods_reach_each_other(&machine).await;
        machine.teardown().await.unwrap();
        assert_eq!(run("iptables -S"), before);
    });
}

#[test]
fn a_pod_reaches_the_world_as_its_machine() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let (pod, world) = (Pod::new(), Pod::new());
        pod.attach(&network, "one").await;
        // The world has no route back to pods: only what comes from the machine is answered.
        run("ip link add uplink type veth peer name world");
        run("ip address add 192.0.2.1/24 dev uplink");
        let thread = world.netns.components().nth(4).unwrap().as_os_str().to_str().unwrap().to_owned();
        run(&format!("ip link set world netns {thread}"));
        world.run(|| {
            run("ip address add 192.0.2.2/24 dev world");
            run("ip link set world up");
        });
        run("ip link set uplink up");
        let port = world.serve();
        let machine_address: IpAddr = [192, 0, 2, 1].into();
        assert_eq!(pod.ask([192, 0, 2, 2].into(), port).unwrap(), machine_address);
    });
}

#[test]
fn an_address_that_no_pod_has_is_refused_at_once() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let pod = Pod::new();
        pod.attach(&network, "one").await;
        let nobody: IpAddr = [10, 244, 1, 200].into();
        assert_eq!(pod.ask(nobody, 80).unwrap_err().kind(), ErrorKind::HostUnreachable);
        assert_eq!(ask(nobody, 80).unwrap_err().kind(), ErrorKind::HostUnreachable);
    });
}

#[test]
fn a_port_of_the_node_leads_to_the_pod_that_takes_it() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network_1 = node(&machine, "10.244.1.0/24", NODE_1).await;
        let network_2 = node(&machine, "10.244.2.0/24", NODE_2).await;
        let (server, client) = (Pod::new(), Pod::new());
        let port = server.serve();
        let leading = |ports: Vec<(Option<IpAddr>, u16)>| {
            let host_ports = ports.into_iter().map(|(address, host_port)| HostPort {
                address,
                protocol: Transport::Tcp,
                port: host_port,
                pod_port: port,
            });
            AttachRequest { host_ports: host_ports.collect(), ..server.request("server") }
        };
        let of_other_node = Some(IpAddr::from(NODE_2));
        let wanted = leading(vec![(None, 8081), (of_other_node, 8082)]);
        let address = network_1.attach(&wanted).await.unwrap();
        let client_address = client.attach(&network_2, "client").await;
        for (node, host_port) in [(NODE_1, 8081), (NODE_2, 8082)] {
            assert_eq!(
                client.ask(node.into(), host_port).unwrap(),
                client_address,
                "the client is seen as itself"
            );
            ask(node.into(), host_port).expect("from the machine");
            assert_ne!(server.ask(node.into(), host_port).unwrap(), address, "the pod reaches itself");
        }
        let refused =
            |node: [u8; 4], port| ask(node.into(), port).unwrap_err().kind() == ErrorKind::ConnectionRefused;
        assert!(refused(NODE_2, 8081) && refused(NODE_1, 8082), "each is of one address");
        // Another agent finds what is there, changes what differs, and takes it away with the pod.
        let successor = node(&machine, "10.244.1.0/24", NODE_1).await;
        successor.attach(&wanted).await.unwrap();
        successor.attach(&leading(vec![(None, 8083)])).await.unwrap();
        ask(NODE_1.into(), 8083).unwrap();
        assert!(refused(NODE_1, 8081) && refused(NODE_2, 8082), "what the pod does not take any more");
        let last = node(&machine, "10.244.1.0/24", NODE_1).await;
        last.detach("server").await.unwrap();
        assert!(refused(NODE_1, 8083));
        assert!(!run("nft list table ip bireme-pods").contains("elements"), "nothing is left");
    });
}
