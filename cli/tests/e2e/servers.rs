//! Several servers on one etcd: all serve, one leads, and another takes over.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Bireme, Etcd, Kubectl, eventually, for_simulation, has};

/// A Lease lasts for 15 seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// What the servers share.
struct Site {
    etcd: Etcd,
    folder: TempDir,
    program: &'static Path,
}

/// One of them.
struct Server {
    bireme: Bireme,
    kubectl: Kubectl,
}

impl Site {
    fn start() -> Option<Site> {
        let program = for_simulation()?;
        if !has("etcd") {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("bireme-e2e-").tempdir().expect("a folder can be made");
        Some(Site { etcd: Etcd::start(folder.path()), folder, program })
    }

    fn server(&self, name: &str) -> Server {
        let folder = self.folder.path().join(name);
        let options = format!("--store=etcd --etcd-servers={}", self.etcd.url);
        let line = format!("server --data={} --listen=127.0.0.1:0 {options}", folder.display());
        let log = self.folder.path().join(format!("{name}.log"));
        let (bireme, kubeconfig) = Bireme::start(&line, &log, "export KUBECONFIG=");
        let cache = self.folder.path().join(format!("{name}-cache"));
        Server { bireme, kubectl: Kubectl::new(self.program, Path::new(&kubeconfig), &cache) }
    }

    /// Gives a server that is not started yet the certificates of another one.
    fn share_certificates(&self, from: &str, to: &str) {
        let [from, to] = [from, to].map(|name| self.folder.path().join(name).join("api"));
        fs::create_dir_all(&to).expect("a folder can be made");
        for file in fs::read_dir(from).expect("the folder can be read") {
            let file = file.expect("the folder can be read").path();
            fs::copy(&file, to.join(file.file_name().expect("it has a name"))).expect("a file can be copied");
        }
    }
}

impl Server {
    fn leader(&self) -> String {
        self.kubectl.field("lease/bireme --namespace=kube-system", ".spec.holderIdentity")
    }

    /// Waits until the ReplicaSet's controller has made so many pods.
    fn wait_for_pods(&self, count: usize) {
        eventually(LIMIT, "the controllers act", || {
            let pods = self.kubectl.run("get pods --output=name --selector=app=web");
            (pods.lines().count() == count).then_some(())
        });
    }
}

#[test]
fn a_server_takes_over_from_one_that_is_killed() {
    let Some(site) = Site::start() else { return };
    let mut first = site.server("first");
    first.kubectl.run("create deployment web --image=web:1 --replicas=2");
    first.wait_for_pods(2);
    site.share_certificates("first", "second");
    let second = site.server("second");
    let leader = first.leader();
    assert_eq!(second.leader(), leader, "one that comes later follows");
    second.kubectl.run("create configmap settings --from-literal=a=one");
    assert_eq!(first.kubectl.field("configmap/settings", ".data.a"), "one", "both serve the same");

    first.bireme.kill();
    second.kubectl.run("scale deployment/web --replicas=3");
    second.wait_for_pods(3);
    assert_ne!(second.leader(), leader);
    let transitions = second.kubectl.field("lease/bireme --namespace=kube-system", ".spec.leaseTransitions");
    assert_eq!(transitions, "1");
}

#[test]
fn a_server_that_ends_gives_the_lead_up_and_one_that_loses_it_ends_with_an_error() {
    let Some(mut site) = Site::start() else { return };
    let mut first = site.server("first");
    first.kubectl.run("create deployment web --image=web:1 --replicas=1");
    first.wait_for_pods(1);
    assert!(first.bireme.end().success());
    let mut second = site.server("second");
    second.wait_for_pods(1);
    let leader =
        eventually(LIMIT, "somebody leads", || Some(second.leader()).filter(|leader| !leader.is_empty()));

    site.etcd.freeze(true);
    let status = second.bireme.wait_for_the_end();
    assert!(!status.success(), "{status}");
    let words = second.bireme.last_words();
    assert!(words.contains("the lead is lost"), "{words}");
    site.etcd.freeze(false);
    let third = site.server("second");
    third.kubectl.run("scale deployment/web --replicas=2");
    third.wait_for_pods(2);
    assert_ne!(third.leader(), leader);
}
