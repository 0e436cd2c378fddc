//! What clients notice of what happens to pods: five hundred requests a second through a Service, each on a connection of
//! its own.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::harness::{Namespace, eventually, namespace, now};
use crate::manifests::deployment;

const CLIENTS: u32 = 25;
const REQUESTS_PER_SECOND: u32 = 500;
const LIMIT: Duration = Duration::from_secs(60);
const DONE: &str = "rollout status deployment/web --timeout=120s";

/// What became of a request, and when it began.
type Outcome = (Instant, Result<(), String>);

/// Clients that ask all the time, whatever becomes of what they have asked.
struct Load {
    end: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Outcome>>>,
    begun: Instant,
}

impl Load {
    fn start(address: SocketAddr) -> Load {
        let end = Arc::new(AtomicBool::new(false));
        let begun = now();
        let interval = Duration::from_secs(1) * CLIENTS / REQUESTS_PER_SECOND;
        let client = |number: u32| {
            let end = end.clone();
            let mut due = begun + interval * number / CLIENTS;
            thread::spawn(move || {
                let mut outcomes = Vec::new();
                while !end.load(Ordering::SeqCst) {
                    thread::sleep(due.saturating_duration_since(now()));
                    outcomes.push((now(), ask(address)));
                    due += interval;
                }
                outcomes
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Load { end, clients, begun }
    }

    /// Ends, and says what became of all requests.
    fn outcomes(self) -> Vec<Outcome> {
        self.end.store(true, Ordering::SeqCst);
        let took = self.begun.elapsed().as_secs_f64();
        let ended = self.clients.into_iter().map(|client| client.join().expect("a client does not panic"));
        let outcomes: Vec<_> = ended.flatten().collect();
        let rate = outcomes.len() as f64 / took;
        assert!(rate > 0.9 * f64::from(REQUESTS_PER_SECOND), "only {rate:.0} requests a second");
        outcomes
    }
}

fn ask(address: SocketAddr) -> Result<(), String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /healthz HTTP/1.0\r\nHost: web\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}

/// Four pods behind a Service, which answers.
fn served(space: &Namespace) -> SocketAddr {
    let strategy = "{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";
    // Pods that are told to end answer for two seconds more, as those of a Service should.
    let patient = deployment("web", 4, strategy)
        .replace(r#"value: "0""#, r#"value: "2""#)
        .replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 10");
    space.apply(&patient);
    space.run("expose deployment web --port=80 --target-port=8080");
    space.run(DONE);
    let address = format!("{}:80", space.field("service/web", ".spec.clusterIP"));
    let address = address.parse().expect("a Service has an address");
    eventually(LIMIT, "the Service answers", || ask(address).ok());
    address
}

#[test]
fn no_request_fails_while_pods_are_replaced_and_replaced_again() {
    let Some(space) = namespace("load-rolling") else { return };
    let load = Load::start(served(&space));
    space.run("set image deployment/web shop=bireme.dev/shop:2");
    space.run(DONE);
    space.run("rollout undo deployment/web");
    space.run(DONE);
    let outcomes = load.outcomes();
    let failures: BTreeSet<_> = outcomes.iter().filter_map(|(_, outcome)| outcome.clone().err()).collect();
    assert!(failures.is_empty(), "of {} requests some failed: {failures:?}", outcomes.len());
}

/// The kernel knows of a process that has died only when it is told; until then connections that are drawn for it are
/// refused by the pod's own network, and those that it held break.
#[test]
fn a_killed_container_costs_the_requests_that_went_to_it_and_no_others() {
    let Some(space) = namespace("load-kill") else { return };
    let load = Load::start(served(&space));
    let victim = space.run("get pods --selector=app=web --output=jsonpath='{.items[0].metadata.name}'");
    let container = space.container_id(&victim);
    thread::sleep(Duration::from_secs(1));
    let killed = now();
    space.machine.docker.kill(&container);
    space.run(&format!(
        "wait pod/{victim} --timeout=90s --for=jsonpath='{{.status.containerStatuses[0].restartCount}}'=1"
    ));
    space.run(&format!("wait pod/{victim} --for=condition=Ready --timeout=90s"));
    thread::sleep(Duration::from_secs(1));
    let outcomes = load.outcomes();
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).collect();
    let (asked, window) = (outcomes.len(), Duration::from_secs(5));
    for (begun, outcome) in &failed {
        let text = outcome.as_ref().expect_err("it failed");
        assert!(*begun + window > killed && *begun < killed + window, "long before or after: {text}");
        let is_of_the_dead = text.contains("refused") || text.contains("reset") || text.is_empty();
        assert!(is_of_the_dead, "not a connection that a dead process would refuse or break: {text}");
    }
    // A quarter of what was asked until the rules were changed.
    assert!(failed.len() < 500, "{} of {asked} requests failed", failed.len());
}
