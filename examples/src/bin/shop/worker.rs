//! The worker: orders goods from the supplier, one after the other, and writes down what it has ordered.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::message::{self, Request, Response};
use crate::server::Handler;

/// How many orders are told.
const TOLD: usize = 5;

/// Tells what was ordered, from the ledger.
pub struct Worker {
    /// The file that the init container began.
    pub ledger: PathBuf,
}

impl Handler for Worker {
    fn get(&self, request: &Request) -> Response {
        if request.path != "/orders" {
            return Response::text(404, "there is only /orders");
        }
        match fs::read_to_string(&self.ledger) {
            Ok(ledger) => {
                let lines: Vec<_> = ledger.lines().collect();
                Response::text(200, lines[lines.len().saturating_sub(TOLD)..].join("\n"))
            }
            Err(error) => Response::text(500, format!("{}: {error}", self.ledger.display())),
        }
    }
}

/// Where orders go.
pub struct Orders {
    /// The name and port of the supplier's Service.
    pub supplier: String,
    /// The file with the token of the shop's account, which a Secret is mounted as.
    pub token: PathBuf,
    /// What is ordered, in turn.
    pub goods: Vec<String>,
    /// How long between two orders.
    pub pause: Duration,
}

impl Orders {
    /// Orders without end. What the supplier does not take is written down as well, and ordered again in its turn.
    pub fn place(&self, ledger: &Path) -> io::Result<()> {
        for goods in self.goods.iter().cycle() {
            let entry = self.order(goods).unwrap_or_else(|error| format!("{goods}: not ordered, {error}"));
            println!("{entry}");
            writeln!(OpenOptions::new().append(true).open(ledger)?, "{entry}")?;
            thread::sleep(self.pause);
        }
        Ok(())
    }

    fn order(&self, goods: &str) -> io::Result<String> {
        let token = fs::read_to_string(&self.token)?;
        let (status, body) = message::ask(&self.supplier, &format!("/order/{goods}"), Some(token.trim()))?;
        if status != 200 {
            return Ok(format!("{goods}: refused with {status}, {}", body.trim()));
        }
        let answer: Value = serde_json::from_str(&body)?;
        Ok(format!("{goods}: ordered, here in {} days", answer["days"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supplier_that_cannot_be_asked_is_written_down() {
        let folder = std::env::temp_dir().join(format!("shop-worker-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (ledger, token) = (folder.join("ledger"), folder.join("token"));
        fs::write(&ledger, "opened\n").unwrap();
        fs::write(&token, "secret\n").unwrap();
        // Port 1 of the loopback address refuses at once; the ledger that is gone ends the orders.
        let supplier = "127.0.0.1:1".to_owned();
        let orders = Orders { supplier, token, goods: vec!["rope".into()], pause: Duration::from_millis(1) };
        let other = ledger.clone();
        let ending = thread::spawn(move || {
            while !fs::read_to_string(&other).unwrap().contains("rope") {
                thread::yield_now();
            }
            let told = Worker { ledger: other.clone() }.get(&Request { path: "/orders".into(), token: None });
            fs::remove_file(&other).unwrap();
            told
        });
        assert!(orders.place(&ledger).is_err());
        let told = ending.join().unwrap();
        assert!(told.body.contains("rope: not ordered, Connection refused"), "{}", told.body);
        fs::remove_dir_all(folder).unwrap();
    }
}
