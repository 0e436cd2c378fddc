//! The first tier: a page with what the second tier says.

use serde_json::Value;

use crate::Identity;
use crate::message::{self, Request, Response};
use crate::server::Handler;

/// Shows the stock to people.
pub struct Web {
    /// Who answers.
    pub identity: Identity,
    /// The page's heading.
    pub greeting: String,
    /// The name and port of the second tier's Service.
    pub api: String,
}

impl Handler for Web {
    fn get(&self, request: &Request) -> Response {
        if request.path != "/" {
            return Response::text(404, "there is only /");
        }
        match message::ask(&self.api, "/stock", None) {
            Ok((200, body)) => self.page(&body),
            Ok((status, body)) => Response::text(502, format!("{} answers {status}: {body}", self.api)),
            Err(error) => Response::text(502, format!("{} does not answer: {error}", self.api)),
        }
    }
}

impl Web {
    fn page(&self, answer: &str) -> Response {
        let pretty = serde_json::from_str::<Value>(answer).map(|answer| format!("{answer:#}"));
        let web = &self.identity;
        let body = format!(
            "<!doctype html>\n<title>Shop</title>\n<h1>{}</h1>\n\
             <p>Page by pod {} (host {}) on node {}, version {}.\n<pre>\n{}\n</pre>\n",
            escape(&self.greeting),
            escape(&web.pod),
            escape(&web.hostname),
            escape(&web.node),
            escape(&web.version),
            escape(&pretty.unwrap_or_else(|_| answer.to_owned())),
        );
        Response { status: 200, content_type: "text/html; charset=utf-8", body }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(api: &str) -> Web {
        let identity =
            Identity { pod: "w-1".into(), node: "n".into(), hostname: "w-1".into(), version: "2".into() };
        Web { identity, greeting: "<Hello>".into(), api: api.into() }
    }

    #[test]
    fn a_second_tier_that_is_not_there_is_a_bad_gateway_that_names_it() {
        // Port 1 of the loopback address refuses at once.
        let root = Request { path: "/".into(), token: None };
        let response = web("127.0.0.1:1").get(&root);
        assert_eq!(response.status, 502);
        assert!(response.body.contains("127.0.0.1:1"), "{}", response.body);
    }

    #[test]
    fn the_page_names_both_pods_and_escapes_what_it_shows() {
        let body = web("api").page(r#"{"api":{"pod":"a-1"}}"#).body;
        assert!(body.contains("pod w-1") && body.contains(r#""pod": "a-1""#), "{body}");
        assert!(body.contains("&lt;Hello>"), "{body}");
    }
}
