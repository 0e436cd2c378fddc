//! The proxy as a whole: what is written to the API is done to packets.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bireme_core::Environment;
use bireme_proxy::{Proxy, ProxyConfig};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::machine::{NODE, PORT, Pod, ask, on_a_machine, run};

const WEB: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 77);

/// Waits until the service is as `expected`; the kernel's table follows the API without telling anybody.
async fn until(expected: impl Fn() -> bool) {
    let env = Environment::system();
    for _ in 0..500 {
        if expected() {
            return;
        }
        env.sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds");
}

fn server_of(address: Ipv4Addr, port: u16) -> Result<IpAddr, ErrorKind> {
    ask(address, port).map(|answer| answer.server).map_err(|error| error.kind())
}

#[test]
fn services_follow_the_api_and_outlive_the_proxy() {
    on_a_machine(|network| async move {
        let (one, two) = (Pod::start(&network, "1").await, Pod::start(&network, "2").await);
        let cluster = Cluster::start().await;
        let start = || {
            let stop = CancellationToken::new();
            let proxy = Proxy::new(ProxyConfig::default(), &cluster.env, &cluster.informers);
            (stop.clone(), cluster.env.spawn(proxy.run(stop)))
        };
        let (stop, running) = start();
        let ports = json!([{"port": 80, "targetPort": PORT, "nodePort": 30077}]);
        cluster.service("web", json!({"type": "NodePort", "clusterIP": WEB, "ports": ports})).await;
        cluster.endpoints("web", PORT, &[one.address]).await;
        until(|| server_of(WEB, 80) == Ok(one.address)).await;
        assert_eq!(server_of(NODE, 30077), Ok(one.address));

        cluster.endpoints("web", PORT, &[two.address]).await;
        until(|| server_of(WEB, 80) == Ok(two.address)).await;

        stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(server_of(WEB, 80), Ok(two.address), "while nobody looks after it");
        cluster.endpoints("web", PORT, &[one.address]).await;
        let (_stop, _running) = start();
        until(|| server_of(WEB, 80) == Ok(one.address)).await;

        cluster.endpoints("web", PORT, &[]).await;
        until(|| server_of(WEB, 80) == Err(ErrorKind::ConnectionRefused)).await;
        cluster.endpoints("web", PORT, &[one.address]).await;
        until(|| server_of(WEB, 80) == Ok(one.address)).await;
        cluster.delete_service("web").await;
        until(|| server_of(WEB, 80) == Err(ErrorKind::ConnectionRefused)).await;
        assert!(!run("nft list table ip bireme").contains("default/web"));
    });
}

#[test]
fn a_table_that_somebody_removed_is_restored_with_the_next_change() {
    on_a_machine(|network| async move {
        let pod = Pod::start(&network, "1").await;
        let cluster = Cluster::start().await;
        let proxy = Proxy::new(ProxyConfig::default(), &cluster.env, &cluster.informers);
        let _running = cluster.env.spawn(proxy.run(CancellationToken::new()));
        let ports = json!([{"port": 80, "targetPort": PORT}]);
        cluster.service("web", json!({"clusterIP": WEB, "ports": ports})).await;
        cluster.endpoints("web", PORT, &[pod.address]).await;
        until(|| server_of(WEB, 80) == Ok(pod.address)).await;
        run("nft delete table ip bireme");
        cluster.service("db", json!({"clusterIP": "10.96.0.78", "ports": ports})).await;
        cluster.endpoints("db", PORT, &[pod.address]).await;
        until(|| run("nft list ruleset").contains("service-default/db")).await;
        assert_eq!(server_of(WEB, 80), Ok(pod.address));
        assert_eq!(server_of([10, 96, 0, 78].into(), 80), Ok(pod.address));
    });
}
