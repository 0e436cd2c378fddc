//! The contract of `PodNetwork`, kept in the kernel.

use crate::machine::{Pod, ask, node, on_a_machine, open, run, wait_until};
use bireme_core::network::{Attachment, NetworkError, PodNetwork as _};

const NODE_1: [u8; 4] = [10, 245, 0, 1];
const NODE_2: [u8; 4] = [10, 245, 0, 2];

#[test]
fn a_sandbox_keeps_its_address_and_what_is_missing_is_completed() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let pod = Pod::new();
        let address = pod.attach(&network, "one").await;
        let port = pod.serve();
        run(&format!("ip route delete {address}/32"));
        pod.run(|| run("ip route delete default"));
        assert_eq!(pod.attach(&network, "one").await, address);
        ask(address, port).unwrap();
        assert_eq!(network.attachments().await.unwrap().len(), 1);
    });
}

#[test]
fn a_successor_lists_its_own_nodes_attachments_from_the_kernel() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let other = node(&machine, "10.244.2.0/24", NODE_2).await;
        let (one, two, foreign) = (Pod::new(), Pod::new(), Pod::new());
        let mut expected = Vec::new();
        for (pod, sandbox) in [(&two, "two"), (&one, "one")] {
            let address = pod.attach(&network, sandbox).await;
            expected.insert(0, Attachment { sandbox: sandbox.to_owned(), address });
        }
        foreign.attach(&other, "foreign").await;
        drop(network);
        let successor = node(&open(), "10.244.1.0/24", NODE_1).await;
        assert_eq!(successor.attachments().await.unwrap(), expected);
        let three = Pod::new();
        let third = three.attach(&successor, "three").await;
        assert!(expected.iter().all(|attachment| attachment.address != third));
        assert_eq!(one.attach(&successor, "one").await, expected[0].address);
    });
}

#[test]
fn detaching_frees_the_address_and_may_be_repeated() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/30", NODE_1).await;
        let (one, two, three) = (Pod::new(), Pod::new(), Pod::new());
        let first = one.attach(&network, "one").await;
        two.attach(&network, "two").await;
        let refused = network.attach(&three.request("three")).await;
        assert!(matches!(refused, Err(NetworkError::Exhausted { .. })), "{refused:?}");
        network.detach("one").await.unwrap();
        network.detach("one").await.unwrap();
        assert_eq!(three.attach(&network, "three").await, first);
        assert!(one.run(|| run("ip -o link")).lines().all(|link| !link.contains("eth0")));
    });
}

#[test]
fn an_address_that_somebody_else_routes_is_not_given_out() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/30", NODE_1).await;
        run("ip route add 10.244.1.1/32 dev lo");
        let pod = Pod::new();
        assert_eq!(pod.attach(&network, "one").await.to_string(), "10.244.1.2");
    });
}

#[test]
fn sixteen_sandboxes_at_once_get_sixteen_addresses() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let pods: Vec<_> = (0..16).map(|_| Pod::new()).collect();
        let attach = pods.iter().enumerate().map(|(index, pod)| {
            let network = network.clone();
            async move { pod.attach(&network, &format!("sandbox-{index}")).await }
        });
        let addresses = futures::future::join_all(attach).await;
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), 16);
        assert_eq!(network.attachments().await.unwrap().len(), 16);
    });
}

#[test]
fn a_namespace_that_goes_away_takes_its_attachment_with_it() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let pod = Pod::new();
        let address = pod.attach(&network, "one").await;
        drop(pod);
        wait_until("the end of the link", || !run("ip -o link").contains("bm")).await;
        assert_eq!(network.attachments().await.unwrap(), []);
        assert!(!run("ip route").contains(&format!("{address} dev")));
        network.detach("one").await.unwrap();
    });
}

#[test]
fn a_sandbox_that_came_back_in_another_namespace_is_connected_there() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let (before, after) = (Pod::new(), Pod::new());
        let address = before.attach(&network, "one").await;
        assert_eq!(after.attach(&network, "one").await, address);
        let port = after.serve();
        ask(address, port).unwrap();
    });
}

#[test]
fn a_missing_namespace_is_an_error_that_leaves_nothing_behind() {
    on_a_machine(|machine| async move {
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let links = run("ip -o link");
        let mut request = Pod::new().request("one");
        request.netns = "/proc/1/ns/none".into();
        let refused = network.attach(&request).await;
        assert!(matches!(refused, Err(NetworkError::Namespace { .. })), "{refused:?}");
        request.netns = "/proc/self/ns/uts".into();
        let refused = network.attach(&request).await;
        assert!(matches!(refused, Err(NetworkError::Namespace { .. })), "{refused:?}");
        assert_eq!(run("ip -o link"), links);
    });
}

#[test]
fn teardown_by_a_later_process_leaves_nothing_of_the_cluster_and_all_of_the_rest() {
    on_a_machine(|machine| async move {
        run("ip link add uplink type veth peer name world");
        run("ip link set uplink alias 10.244.1.9");
        run("ip address add 10.245.0.77/32 dev lo");
        run("nft add table ip others");
        let state =
            || ["ip -o link", "ip route show table all", "nft list ruleset", "ip -o address"].map(run);
        let before = state();
        machine.prepare().await.unwrap();
        let network = node(&machine, "10.244.1.0/24", NODE_1).await;
        let (one, two) = (Pod::new(), Pod::new());
        one.attach(&network, "one").await;
        two.attach(&network, "two").await;
        assert_ne!(state(), before);
        let later = open();
        later.teardown().await.unwrap();
        // iptables leaves the empty chains of its own table behind, which the test before had none of.
        run("nft delete table ip filter");
        assert_eq!(state(), before);
        later.teardown().await.unwrap();
    });
}

#[test]
fn an_address_of_a_node_comes_and_goes() {
    on_a_machine(|machine| async move {
        machine.ensure_address(NODE_1.into()).await.unwrap();
        machine.ensure_address(NODE_1.into()).await.unwrap();
        machine.ensure_address(NODE_2.into()).await.unwrap();
        machine.remove_address(NODE_1.into()).await.unwrap();
        machine.remove_address(NODE_1.into()).await.unwrap();
        let addresses = run("ip -o address show lo");
        assert!(
            addresses.contains("10.245.0.2/32 scope global lo:bireme") && !addresses.contains("10.245.0.1"),
            "{addresses}"
        );
    });
}
