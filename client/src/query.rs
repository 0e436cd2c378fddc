//! Options as query parameters.

use bireme_core::client::{
    DeleteOptions, FieldValidation, ListOptions, Patch, Propagation, VersionMatch, WatchFrom, WatchOptions,
    WriteOptions,
};
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};

/// Query parameters, in the order in which they are added.
pub(crate) struct Query(Serializer<'static, String>);

impl Query {
    fn new() -> Self {
        Self(Serializer::new(String::new()))
    }

    fn add(&mut self, name: &str, value: &str) {
        self.0.append_pair(name, value);
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, &value.to_string());
        }
    }

    /// The path with the parameters behind it.
    pub(crate) fn on(mut self, path: &str) -> String {
        let query = self.0.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// Of a list.
pub(crate) fn list(options: &ListOptions) -> Query {
    let mut query = selection(&options.labels, &options.fields);
    query.add_some("limit", options.limit);
    query.add_some("continue", options.continue_token.as_deref());
    query.add_some("resourceVersion", options.revision);
    query.add_some(
        "resourceVersionMatch",
        options.version_match.map(|version_match| match version_match {
            VersionMatch::Exact => "Exact",
            VersionMatch::NotOlderThan => "NotOlderThan",
        }),
    );
    query
}

/// Of a watch.
pub(crate) fn watch(options: &WatchOptions) -> Query {
    let mut query = selection(&options.labels, &options.fields);
    query.add("watch", "true");
    match options.from {
        WatchFrom::Now => {}
        WatchFrom::Any => query.add("resourceVersion", "0"),
        WatchFrom::After(revision) => query.add("resourceVersion", &revision.to_string()),
        WatchFrom::InitialEvents(revision) => {
            query.add("sendInitialEvents", "true");
            query.add("resourceVersionMatch", "NotOlderThan");
            query.add_some("resourceVersion", revision);
        }
    }
    // The end of the initial events is a bookmark.
    if options.bookmarks || matches!(options.from, WatchFrom::InitialEvents(_)) {
        query.add("allowWatchBookmarks", "true");
    }
    query.add_some("timeoutSeconds", options.timeout.map(|timeout| timeout.as_secs().max(1)));
    query
}

/// Of a create, update or patch.
pub(crate) fn write(options: &WriteOptions) -> Query {
    let mut query = Query::new();
    query.add_some("fieldManager", options.manager.as_deref());
    query.add_some("dryRun", options.dry_run.then_some("All"));
    query.add(
        "fieldValidation",
        match options.validation {
            FieldValidation::Ignore => "Ignore",
            FieldValidation::Warn => "Warn",
            FieldValidation::Strict => "Strict",
        },
    );
    query
}

/// Of a patch: a write, and for an apply whether to take over fields.
pub(crate) fn patch(patch: &Patch, options: &WriteOptions) -> Query {
    let mut query = write(options);
    if let Patch::Apply { force, .. } = patch {
        query.add("force", if *force { "true" } else { "false" });
    }
    query
}

fn selection(
    labels: &bireme_core::selector::LabelSelector,
    fields: &bireme_core::selector::FieldSelector,
) -> Query {
    let mut query = Query::new();
    query.add_some("labelSelector", (!labels.is_everything()).then_some(labels));
    query.add_some("fieldSelector", (!fields.is_everything()).then_some(fields));
    query
}

/// The body of a delete.
pub(crate) fn delete_body(options: &DeleteOptions) -> Value {
    let mut preconditions = Map::new();
    if let Some(uid) = &options.preconditions.uid {
        preconditions.insert("uid".to_owned(), json!(uid));
    }
    if let Some(revision) = options.preconditions.revision {
        preconditions.insert("resourceVersion".to_owned(), json!(revision.to_string()));
    }
    let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
    if !preconditions.is_empty() {
        body["preconditions"] = preconditions.into();
    }
    if let Some(seconds) = options.grace_period_seconds {
        body["gracePeriodSeconds"] = seconds.into();
    }
    if let Some(propagation) = options.propagation {
        body["propagationPolicy"] = json!(match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        });
    }
    if options.dry_run {
        body["dryRun"] = json!(["All"]);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_core::selector::{FieldSelector, LabelSelector};
    use bireme_core::store::Revision;

    #[test]
    fn selectors_are_escaped_and_zero_is_not_unset() {
        let options = ListOptions {
            labels: LabelSelector::parse("app in (a,b)").unwrap(),
            fields: FieldSelector::equals("spec.nodeName", "n1"),
            revision: Some(Revision::ZERO),
            ..ListOptions::default()
        };
        let expected =
            "/x?labelSelector=app+in+%28a%2Cb%29&fieldSelector=spec.nodeName%3Dn1&resourceVersion=0";
        assert_eq!(list(&options).on("/x"), expected);
        assert_eq!(list(&ListOptions::default()).on("/x"), "/x");
    }

    #[test]
    fn a_watch_list_asks_for_initial_events_and_their_end() {
        let options = WatchOptions { from: WatchFrom::InitialEvents(None), ..WatchOptions::default() };
        let expected =
            "/x?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        assert_eq!(watch(&options).on("/x"), expected);
    }

    #[test]
    fn a_delete_says_only_what_was_asked_for() {
        assert_eq!(
            delete_body(&DeleteOptions::default()),
            json!({"apiVersion": "v1", "kind": "DeleteOptions"})
        );
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::of_uid("u") };
        let body = delete_body(&options);
        assert_eq!((&body["preconditions"], &body["gracePeriodSeconds"]), (&json!({"uid": "u"}), &json!(0)));
    }
}
