//! The example application, and every step of its walk-through in `examples/README.md`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::harness::{Kubectl, Namespace, eventually, namespace};

const LIMIT: Duration = Duration::from_secs(60);
pub const NODE_PORT: u16 = 30080;
pub const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");

/// The shop in the namespace `default`, where its manifests put it; deleted when dropped.
struct Shop {
    space: Namespace,
    kubectl: Kubectl,
}

impl Shop {
    fn open() -> Option<Shop> {
        let space = namespace("beside-the-shop")?;
        let shop = Shop { kubectl: space.cluster().kubectl().clone(), space };
        shop.wait_for_pods("app in (shop,supplier)", 0);
        shop.kubectl.run(&format!("apply -f {MANIFESTS}"));
        // The nodes of a test have addresses of their own.
        let supplier = format!(r#"{{"endpoints":[{{"addresses":["{}"]}}]}}"#, shop.node_address("node-1"));
        shop.kubectl.run(&format!("patch endpointslice shop-supplier-1 --type=merge --patch='{supplier}'"));
        shop.rolled_out();
        Some(shop)
    }

    fn rolled_out(&self) {
        for tier in ["shop-api", "shop-web", "shop-worker"] {
            self.kubectl.run(&format!("rollout status deployment/{tier} --timeout=120s"));
        }
    }

    /// Waits until there are so many pods with a label, none of them on its way out.
    fn wait_for_pods(&self, label: &str, wanted: usize) {
        eventually(LIMIT, "there are as many pods as wanted", || {
            let pods = self.kubectl.run(&format!("get pods --output=name --selector='{label}'"));
            (pods.lines().count() == wanted).then_some(())
        });
    }

    /// Where a node answers to a person's browser.
    fn address(&self, node: &str) -> String {
        format!("{}:{NODE_PORT}", self.node_address(node))
    }

    fn node_address(&self, node: &str) -> String {
        self.kubectl.field(&format!("node/{node}"), ".status.addresses[?(@.type==\"InternalIP\")].address")
    }

    /// What a node answers.
    fn page(&self, node: &str) -> Result<String, String> {
        get(&self.address(node))
    }

    fn good_page(&self) -> String {
        eventually(LIMIT, "the shop answers", || self.page("node-1").ok())
    }
}

/// Somebody who reloads the page all the time.
struct Visitor {
    leave: Arc<AtomicBool>,
    visit: JoinHandle<(usize, Vec<String>)>,
}

impl Visitor {
    fn come(shop: &Shop) -> Visitor {
        let address = shop.address("node-3");
        let leave = Arc::new(AtomicBool::new(false));
        let left = leave.clone();
        let visit = thread::spawn(move || {
            let (mut pages, mut failures) = (0, Vec::new());
            while !left.load(Ordering::SeqCst) {
                match get(&address) {
                    Ok(_) => pages += 1,
                    Err(failure) => failures.push(failure),
                }
            }
            (pages, failures)
        });
        Visitor { leave, visit }
    }

    /// Has seen pages, and nothing else.
    fn was_served_throughout(self) {
        self.leave.store(true, Ordering::SeqCst);
        let (pages, failures) = self.visit.join().expect("visiting does not panic");
        assert!(pages >= 10, "only {pages} pages");
        assert_eq!(failures, Vec::<String>::new(), "beside {pages} pages");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if thread::panicking() {
            self.kubectl.show();
        }
        drop(self.kubectl.output(&format!("delete -f {MANIFESTS} --wait=false --ignore-not-found")));
        drop(self.kubectl.output("delete service --selector=app=shop --wait=false --ignore-not-found"));
        drop(self.kubectl.output("uncordon node-2"));
    }
}

pub fn get(address: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET / HTTP/1.0\r\nHost: shop\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(answer) } else { Err(answer) }
}

#[test]
fn the_shop_answers_on_every_node_and_its_first_tier_reaches_the_second_by_name() {
    let Some(shop) = Shop::open() else { return };
    let greeting = shop.kubectl.field("configmap/shop", ".data.greeting");
    for node in ["node-1", "node-2", "node-3"] {
        let page = eventually(LIMIT, "a node answers", || shop.page(node).ok());
        assert!(page.contains(&greeting), "the greeting comes from the ConfigMap: {page}");
        assert!(page.contains("oars") && page.contains(r#""pod": "shop-api-"#), "the stock: {page}");
    }
    let nodes =
        shop.kubectl.run("get pods --output=jsonpath='{.items[*].spec.nodeName}' --selector=app=shop");
    for node in ["node-1", "node-2", "node-3"] {
        assert!(nodes.contains(node), "pods are on all nodes: {nodes}");
    }
    let service = shop.kubectl.field("service/shop-web", ".spec.clusterIP");
    let inside = shop.kubectl.run(&format!("exec deployment/shop-api -- wget -q -O - http://{service}/"));
    assert!(inside.contains("oars"), "pods reach the Service's own address: {inside}");
    let inside = shop.kubectl.run("exec deployment/shop-api -- wget -q -O - http://shop-web/");
    assert!(inside.contains("oars"), "and its short name: {inside}");
}

#[test]
fn requests_are_spread_over_the_pods_of_a_tier() {
    let Some(shop) = Shop::open() else { return };
    let mut seen = std::collections::BTreeSet::new();
    eventually(LIMIT, "both pods of the first tier and all three of the second have answered", || {
        let page = shop.page("node-1").unwrap_or_default();
        let words = page.split(|character: char| !character.is_alphanumeric() && character != '-');
        seen.extend(words.filter(|word| word.starts_with("shop-") && word.len() > 12).map(str::to_owned));
        let count = |tier: &str| seen.iter().filter(|pod| pod.starts_with(tier)).count();
        (count("shop-web-") == 2 && count("shop-api-") == 3).then_some(())
    });
}

#[test]
fn the_worker_orders_from_outside_the_cluster_and_is_told_when_nobody_is_there() {
    let Some(shop) = Shop::open() else { return };
    let says = |what: &str| {
        let told = format!("the page says {what:?}");
        eventually(LIMIT, &told, || shop.page("node-1").ok().filter(|page| page.contains(what)))
    };
    let page = says("rope: ordered, here in 4 days");
    assert!(page.contains("ledger of shop-worker-"), "the init container began the ledger: {page}");
    let worker =
        shop.kubectl.run("get pods --selector=tier=worker --output=jsonpath='{.items[0].status.podIP}'");
    let found =
        shop.kubectl.run("exec deployment/shop-api -- nslookup shop-worker.default.svc.cluster.local");
    assert!(found.contains(&worker), "the name of the headless Service has its pod's address: {found}");
    shop.kubectl.run("delete endpointslice shop-supplier-1");
    says("not ordered, Connection refused");
    // In the form of old, which becomes a slice.
    let endpoints = serde_json::json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "shop-supplier", "labels": {"app": "shop"}},
        "subsets": [{"addresses": [{"ip": shop.node_address("node-1")}], "ports": [{"name": "http", "port": 8090}]}],
    });
    shop.kubectl.run_with_input("apply -f -", &endpoints.to_string());
    eventually(LIMIT, "orders are taken again", || {
        let page = shop.page("node-1").ok()?;
        let orders = page.split("orders").nth(1)?;
        (orders.contains(": ordered") && !orders.contains("not ordered")).then_some(())
    });
    shop.kubectl.run("delete endpoints shop-supplier");
    eventually(LIMIT, "the slice goes with the Endpoints", || {
        let slices = "get endpointslices --selector=kubernetes.io/service-name=shop-supplier --output=name";
        shop.kubectl.run(slices).is_empty().then_some(())
    });
}

#[test]
fn a_load_balancer_and_an_external_address_lead_to_the_shop() {
    let Some(shop) = Shop::open() else { return };
    let kubectl = &shop.kubectl;
    let front = "--type=LoadBalancer --port=8081 --target-port=http";
    kubectl.run(&format!("expose deployment shop-web --name=shop-front {front} --external-ip=192.0.2.7"));
    let ingress = |service: &str| {
        let addresses = kubectl.field(&format!("service/{service}"), ".status.loadBalancer.ingress[*].ip");
        addresses.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let nodes = eventually(LIMIT, "the service has the addresses of all nodes", || {
        Some(ingress("shop-front")).filter(|addresses| addresses.len() == 3)
    });
    let row = kubectl.run("get service shop-front");
    assert!(nodes.iter().all(|address| row.contains(address)) && row.contains("192.0.2.7"), "{row}");
    for address in &nodes {
        let page = eventually(LIMIT, "a node takes the port", || get(&format!("{address}:8081")).ok());
        assert!(page.contains("oars"), "{page}");
    }
    let inside = kubectl.run("exec deployment/shop-api -- wget -q -O - http://192.0.2.7:8081/");
    assert!(inside.contains("oars"), "pods reach the external address: {inside}");

    kubectl.run(&format!("expose deployment shop-web --name=shop-rival {front}"));
    eventually(LIMIT, "the second service says why it waits", || {
        kubectl.run("events --for=service/shop-rival").contains("PortInUse").then_some(())
    });
    assert_eq!(ingress("shop-rival"), [""; 0]);
    kubectl.run("delete service shop-front");
    let heir = eventually(LIMIT, "the second service has the port", || ingress("shop-rival").pop());
    eventually(LIMIT, "it answers", || get(&format!("{heir}:8081")).ok());
    kubectl.run("delete service shop-rival");
    eventually(LIMIT, "the port is closed", || get(&format!("{heir}:8081")).is_err().then_some(()));
}

#[test]
fn the_walk_through_scales_updates_rolls_back_breaks_and_drains_the_shop() {
    let Some(shop) = Shop::open() else { return };
    let kubectl = &shop.kubectl;
    kubectl.run("scale deployment shop-web --replicas=4");
    shop.rolled_out();
    shop.wait_for_pods("tier=web", 4);

    let visitor = Visitor::come(&shop);
    kubectl.run("set image deployment/shop-web web=bireme.dev/shop:2");
    shop.rolled_out();
    assert!(shop.good_page().contains("version 2."), "{}", shop.good_page());
    kubectl.run("rollout history deployment/shop-web");
    kubectl.run("rollout undo deployment/shop-web");
    shop.rolled_out();
    assert!(shop.good_page().contains("version 1."), "{}", shop.good_page());
    visitor.was_served_throughout();
    shop.wait_for_pods("tier=web", 4);

    let victim = kubectl.run("get pods --selector=tier=web --output=jsonpath='{.items[0].metadata.name}'");
    kubectl.run(&format!("exec {victim} -- kill 1"));
    kubectl.run(&format!(
        "wait pod/{victim} --timeout=90s --for=jsonpath='{{.status.containerStatuses[0].restartCount}}'=1"
    ));

    kubectl.run("drain node-2 --ignore-daemonsets --force --delete-emptydir-data --timeout=120s");
    shop.rolled_out();
    let nodes = kubectl.run("get pods --output=jsonpath='{.items[*].spec.nodeName}' --selector=app=shop");
    assert!(!nodes.contains("node-2"), "{nodes}");
    let page = eventually(LIMIT, "the drained node still leads to the shop", || shop.page("node-2").ok());
    assert!(page.contains("oars"), "{page}");
    kubectl.run("uncordon node-2");

    kubectl.run(&format!("delete -f {MANIFESTS} --timeout=90s"));
    shop.wait_for_pods("app=shop", 0);
    assert!(shop.page("node-1").is_err(), "the node port is closed");
    shop.space.run("get namespace default");
}
