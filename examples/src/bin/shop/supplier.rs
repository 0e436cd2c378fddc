//! Somebody outside the cluster whom the shop orders from. In the bundled cluster it is a process in a node's own network,
//! which no pod network reaches.

use serde_json::json;

use crate::message::{Request, Response};
use crate::server::Handler;

/// What there is to be had.
const GOODS: [&str; 3] = ["rope", "pitch", "sailcloth"];

/// Makes offers to those who have an account.
pub struct Supplier {
    /// What a customer proves itself with.
    pub token: String,
}

impl Handler for Supplier {
    fn get(&self, request: &Request) -> Response {
        if request.token.as_ref() != Some(&self.token) {
            return Response::text(401, "only for customers");
        }
        let goods = GOODS.iter().find(|goods| request.path.strip_prefix("/order/") == Some(**goods));
        match goods {
            Some(goods) => Response {
                status: 200,
                content_type: "application/json",
                body: json!({ "goods": goods, "days": goods.len() }).to_string(),
            },
            None => Response::text(404, format!("there is only {}", GOODS.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(path: &str, token: Option<&str>) -> u16 {
        let supplier = Supplier { token: "secret".into() };
        supplier.get(&Request { path: path.into(), token: token.map(str::to_owned) }).status
    }

    #[test]
    fn only_customers_get_what_there_is() {
        assert_eq!(status("/order/rope", Some("secret")), 200);
        assert_eq!(status("/order/gold", Some("secret")), 404);
        assert_eq!([status("/order/rope", None), status("/order/rope", Some("guess"))], [401, 401]);
    }
}
