//! Lists in pages.

use serde_json::json;

use super::kit::*;
use crate::client::ListOptions;
use crate::error::Reason;
use crate::selector::LabelSelector;

fn page(site: &Site, limit: usize, token: Option<String>) -> ListOptions {
    ListOptions { limit: Some(limit), continue_token: token, ..site.everything() }
}

pub(super) async fn pages_show_the_state_of_the_first_one(site: &Site) {
    site.create_secrets(&["a", "b", "c", "d", "e"]).await;
    let first = site.list(page(site, 2, None)).await;
    assert_eq!((names(&first), first.remaining), (vec!["a", "b"], Some(3)));
    site.delete(SECRETS, "c", Default::default()).await;
    site.create_secrets(&["bb"]).await;
    let second = site.list(page(site, 2, first.continue_token)).await;
    assert_eq!((names(&second), second.remaining), (vec!["c", "d"], Some(1)));
    assert_eq!(second.revision, first.revision);
    let third = site.list(page(site, 2, second.continue_token)).await;
    assert_eq!((names(&third), &third.continue_token, third.remaining), (vec!["e"], &None, None));
}

pub(super) async fn a_page_that_ends_with_the_last_object_has_no_token(site: &Site) {
    site.create_secrets(&["a", "b"]).await;
    let list = site.list(page(site, 2, None)).await;
    assert_eq!((names(&list), &list.continue_token, list.remaining), (vec!["a", "b"], &None, None));
}

pub(super) async fn pages_of_a_selection_do_not_tell_how_many_remain(site: &Site) {
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "x")] {
        site.create(site.secret(name, json!({"app": app}))).await;
    }
    let selected = |token| ListOptions {
        labels: LabelSelector::parse("app=x").expect("it is a selector"),
        ..page(site, 2, token)
    };
    let first = site.list(selected(None)).await;
    assert_eq!((names(&first), first.remaining), (vec!["a", "c"], None));
    let second = site.list(selected(first.continue_token)).await;
    assert_eq!((names(&second), &second.continue_token), (vec!["e"], &None));
}

pub(super) async fn an_invented_token_is_refused(site: &Site) {
    let error = refused(site.client.list(SECRETS, &page(site, 1, Some("invented".to_owned()))).await);
    assert_eq!((error.reason(), error.status().code), (Reason::BadRequest, Some(400)), "{error}");
}
