//! The server of the example application, a shop: `shop web` answers people, and asks `shop api`, which it reaches by
//! the name of its Service, for the stock. `shop worker` orders goods from a supplier outside the cluster, whom
//! `shop supplier` plays.
//!
//! It is one static program, so that its image needs nothing else. Its settings come from the environment,
//! as the manifests in `examples/shop` give them.

mod api;
mod message;
mod server;
mod supplier;
mod web;
mod worker;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Who answers, so that one sees requests spread over pods.
struct Identity {
    /// The pod's name, from `POD_NAME`.
    pod: String,
    /// The node's name, from `NODE_NAME`.
    node: String,
    /// The host name that the container sees.
    hostname: String,
    /// The version of the image.
    version: String,
}

impl Identity {
    fn read() -> Identity {
        let file = |path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let hostname = file("/proc/sys/kernel/hostname");
        Identity {
            pod: variable("POD_NAME", &hostname),
            node: variable("NODE_NAME", ""),
            version: file("/etc/shop-version"),
            hostname,
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "pod": self.pod, "node": self.node, "hostname": self.hostname, "version": self.version,
        })
    }
}

fn main() -> ExitCode {
    let role = std::env::args().nth(1).unwrap_or_default();
    let result = match role.as_str() {
        "api" => run(api::Api {
            identity: Identity::read(),
            stock: variable("STOCK_FILE", "/config/stock.json").into(),
            worker: variable("WORKER_ADDRESS", "shop-worker:8080"),
        }),
        "supplier" => run(supplier::Supplier { token: variable("TOKEN", "") }),
        "worker" => work(),
        "web" => run(web::Web {
            identity: Identity::read(),
            greeting: variable("GREETING", "Welcome"),
            api: variable("API_ADDRESS", "shop-api:8080"),
        }),
        other => Err(format!("the role is `web`, `api`, `worker` or `supplier`, not `{other}`").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(tier: impl server::Handler) -> Result<(), Box<dyn std::error::Error>> {
    let listen = variable("LISTEN", "0.0.0.0:8080");
    let drain: u64 = variable("DRAIN_SECONDS", "2").parse().map_err(|_| "DRAIN_SECONDS is no number")?;
    server::serve(&listen, Duration::from_secs(drain), tier)
}

/// Orders, and tells what was ordered.
fn work() -> Result<(), Box<dyn std::error::Error>> {
    let ledger: PathBuf = variable("LEDGER_FILE", "/ledger/orders.txt").into();
    let pause: u64 = variable("PAUSE_SECONDS", "2").parse().map_err(|_| "PAUSE_SECONDS is no number")?;
    let orders = worker::Orders {
        supplier: variable("SUPPLIER_ADDRESS", "shop-supplier:80"),
        token: variable("TOKEN_FILE", "/account/token").into(),
        goods: variable("GOODS", "rope").split(',').map(|goods| goods.trim().to_owned()).collect(),
        pause: Duration::from_secs(pause),
    };
    let written = ledger.clone();
    thread::spawn(move || {
        // The pod is of no use without its ledger, and begins anew.
        if let Err(error) = orders.place(&written) {
            eprintln!("shop: {}: {error}", written.display());
            std::process::exit(1);
        }
    });
    run(worker::Worker { ledger })
}

/// An environment variable, or what it is when not set.
fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}
