//! The second tier: what the shop has in stock.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Identity;
use crate::message::{self, Request, Response};
use crate::server::Handler;

/// Serves the stock from a file that a ConfigMap is mounted as.
pub struct Api {
    /// Who answers.
    pub identity: Identity,
    /// The file, read anew for each request, since the ConfigMap may change.
    pub stock: PathBuf,
    /// The name and port of the worker's Service, which knows what has been ordered.
    pub worker: String,
}

impl Handler for Api {
    fn get(&self, request: &Request) -> Response {
        if request.path != "/stock" {
            return Response::text(404, "there is only /stock");
        }
        match self.stock() {
            Ok(stock) => {
                let body = json!({ "api": self.identity.json(), "stock": stock, "orders": self.orders() });
                Response { status: 200, content_type: "application/json", body: body.to_string() }
            }
            Err(reason) => Response::text(500, reason),
        }
    }
}

impl Api {
    /// The worker's last orders; why there are none, if it cannot be asked. The shop sells without it.
    fn orders(&self) -> Value {
        match message::ask(&self.worker, "/orders", None) {
            Ok((200, orders)) => orders.lines().collect(),
            Ok((status, body)) => format!("{} answers {status}: {body}", self.worker).into(),
            Err(error) => format!("{} does not answer: {error}", self.worker).into(),
        }
    }

    fn stock(&self) -> Result<Value, String> {
        let name = self.stock.display();
        let text = fs::read_to_string(&self.stock).map_err(|error| format!("{name}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(file: &str) -> Api {
        let identity =
            Identity { pod: "p".into(), node: "n".into(), hostname: "p".into(), version: "1".into() };
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/shop"));
        Api { identity, stock: folder.join(file), worker: "127.0.0.1:1".into() }
    }

    #[test]
    fn stock_that_is_missing_or_no_json_is_an_error_that_names_the_file() {
        for file in ["none.json", "api.rs"] {
            let response = api(file).get(&Request { path: "/stock".into(), token: None });
            assert_eq!(response.status, 500);
            assert!(response.body.contains(file), "{}", response.body);
        }
    }

    #[test]
    fn another_path_is_not_found() {
        assert_eq!(api("api.rs").get(&Request { path: "/".into(), token: None }).status, 404);
    }
}
