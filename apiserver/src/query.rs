//! The parameters in a request's query.

use std::time::Duration;

use bireme_core::client::{
    DeleteOptions, FieldValidation, ListOptions, Propagation, VersionMatch, WatchFrom, WatchOptions,
};
use bireme_core::error::{ApiError, Reason};
use bireme_core::selector::{FieldSelector, LabelSelector};
use bireme_core::store::Revision;

/// The decoded query, looked up by name. The first of several equal names counts, except where all are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Query {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Query(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The value of a parameter; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is on or off; `1`, and a name without value, are on.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.first(name) {
            None | Some("false" | "False" | "0") => Ok(false),
            Some("" | "true" | "True" | "1") => Ok(true),
            Some(other) => Err(invalid(name, other, "must be true or false")),
        }
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| invalid(name, text, "must be a number in range"))
    }

    fn labels(&self) -> Result<LabelSelector, ApiError> {
        let text = self.text("labelSelector").unwrap_or_default();
        LabelSelector::parse(text)
            .map_err(|error| ApiError::bad_request(format!("unable to parse labelSelector: {error}")))
    }

    fn fields(&self) -> Result<FieldSelector, ApiError> {
        let text = self.text("fieldSelector").unwrap_or_default();
        FieldSelector::parse(text)
            .map_err(|error| ApiError::bad_request(format!("unable to parse fieldSelector: {error}")))
    }

    fn revision(&self) -> Result<Option<Revision>, ApiError> {
        Ok(self.number("resourceVersion")?.map(Revision))
    }

    fn version_match(&self) -> Result<Option<VersionMatch>, ApiError> {
        match self.text("resourceVersionMatch") {
            None => Ok(None),
            Some("Exact") => Ok(Some(VersionMatch::Exact)),
            Some("NotOlderThan") => Ok(Some(VersionMatch::NotOlderThan)),
            Some(other) => Err(invalid("resourceVersionMatch", other, "must be Exact or NotOlderThan")),
        }
    }

    /// What a list selects.
    pub(crate) fn list_options(&self, namespace: Option<&str>) -> Result<ListOptions, ApiError> {
        if self.text("sendInitialEvents").is_some() {
            return Err(bad_option("sendInitialEvents is forbidden for list"));
        }
        let options = ListOptions {
            namespace: namespace.map(str::to_owned),
            labels: self.labels()?,
            fields: self.fields()?,
            limit: self.number("limit")?.filter(|limit| *limit > 0),
            continue_token: self.text("continue").map(str::to_owned),
            revision: self.revision()?,
            version_match: self.version_match()?,
        };
        match (options.version_match, options.revision) {
            (Some(_), None) => {
                Err(bad_option("resourceVersionMatch is forbidden unless resourceVersion is provided"))
            }
            (Some(_), _) if options.continue_token.is_some() => {
                Err(bad_option("resourceVersionMatch is forbidden when continue is provided"))
            }
            (Some(VersionMatch::Exact), Some(Revision(0))) => {
                Err(bad_option("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
            }
            (_, Some(Revision(1..))) if options.continue_token.is_some() => {
                Err(ApiError::bad_request("specifying resource version is not allowed when using continue"))
            }
            _ => Ok(options),
        }
    }

    /// What a watch selects, and where it begins.
    pub(crate) fn watch_options(&self, namespace: Option<&str>) -> Result<WatchOptions, ApiError> {
        let (revision, version_match) = (self.revision()?, self.version_match()?);
        let from = if self.flag("sendInitialEvents")? {
            if version_match != Some(VersionMatch::NotOlderThan) {
                return Err(bad_option(
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ));
            }
            WatchFrom::InitialEvents(revision)
        } else if version_match.is_some() && self.text("sendInitialEvents").is_none() {
            return Err(bad_option(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        } else {
            match revision {
                None => WatchFrom::Now,
                Some(Revision(0)) => WatchFrom::Any,
                Some(revision) => WatchFrom::After(revision),
            }
        };
        Ok(WatchOptions {
            namespace: namespace.map(str::to_owned),
            labels: self.labels()?,
            fields: self.fields()?,
            from,
            bookmarks: self.flag("allowWatchBookmarks")?,
            timeout: self.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        })
    }

    /// Whether the write is only tried.
    pub(crate) fn dry_run(&self) -> Result<bool, ApiError> {
        let mut dry = false;
        for value in self.all("dryRun").filter(|value| !value.is_empty()) {
            match value {
                "All" => dry = true,
                other => return Err(invalid("dryRun", other, "supported values: \"All\"")),
            }
        }
        Ok(dry)
    }

    /// What to do about unknown fields.
    pub(crate) fn field_validation(&self) -> Result<FieldValidation, ApiError> {
        match self.text("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some(other) => {
                Err(invalid("fieldValidation", other, "supported values: \"Ignore\", \"Strict\", \"Warn\""))
            }
        }
    }

    /// What the query says about a deletion; its body may say more.
    pub(crate) fn delete_options(&self) -> Result<DeleteOptions, ApiError> {
        let propagation = match self.text("propagationPolicy") {
            Some(policy) => Some(propagation(policy)?),
            None if self.text("orphanDependents").is_some() && self.flag("orphanDependents")? => {
                Some(Propagation::Orphan)
            }
            None => None,
        };
        Ok(DeleteOptions {
            grace_period_seconds: self.number("gracePeriodSeconds")?,
            propagation,
            dry_run: self.dry_run()?,
            ..DeleteOptions::default()
        })
    }
}

/// The propagation policy of this name.
pub(crate) fn propagation(policy: &str) -> Result<Propagation, ApiError> {
    match policy {
        "Background" => Ok(Propagation::Background),
        "Foreground" => Ok(Propagation::Foreground),
        "Orphan" => Ok(Propagation::Orphan),
        other => Err(invalid(
            "propagationPolicy",
            other,
            "supported values: \"Background\", \"Foreground\", \"Orphan\"",
        )),
    }
}

fn invalid(name: &str, value: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("invalid parameter {name}: {value:?}: {why}"))
}

/// Upstream's answer to options that contradict each other.
fn bad_option(why: &str) -> ApiError {
    ApiError::new(Reason::Invalid, format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_begins_where_its_parameters_say() {
        for (query, expected) in [
            ("", WatchFrom::Now),
            ("resourceVersion=", WatchFrom::Now),
            ("resourceVersion=0", WatchFrom::Any),
            ("resourceVersion=7", WatchFrom::After(Revision(7))),
            ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", WatchFrom::InitialEvents(None)),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=3",
                WatchFrom::InitialEvents(Some(Revision(3))),
            ),
        ] {
            assert_eq!(Query::parse(Some(query)).watch_options(None).unwrap().from, expected, "{query}");
        }
        assert!(Query::parse(Some("sendInitialEvents=true")).watch_options(None).is_err());
        assert!(
            Query::parse(Some("resourceVersionMatch=Exact&resourceVersion=1")).watch_options(None).is_err()
        );
    }

    #[test]
    fn list_parameters_are_read_and_contradictions_refused() {
        let query = "labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn&limit=5&resourceVersion=0";
        let options = Query::parse(Some(query)).list_options(Some("shop")).unwrap();
        assert_eq!((options.namespace.as_deref(), options.limit), (Some("shop"), Some(5)));
        assert_eq!(options.labels.to_string(), "a=b");
        assert_eq!(options.fields.required_value("spec.nodeName"), Some("n"));
        assert_eq!(options.revision, Some(Revision(0)));
        for bad in [
            "limit=x",
            "labelSelector=a%20b",
            "fieldSelector=x",
            "resourceVersion=abc",
            "resourceVersionMatch=Exact",
            "resourceVersionMatch=Exact&resourceVersion=0",
            "resourceVersionMatch=Newest&resourceVersion=1",
            "continue=x&resourceVersion=1",
        ] {
            assert!(Query::parse(Some(bad)).list_options(None).is_err(), "{bad}");
        }
    }

    #[test]
    fn write_parameters_allow_only_what_exists() {
        let query = Query::parse(Some(
            "dryRun=All&fieldValidation=Strict&propagationPolicy=Orphan&gracePeriodSeconds=0",
        ));
        assert!(query.dry_run().unwrap());
        assert_eq!(query.field_validation().unwrap(), FieldValidation::Strict);
        let delete = query.delete_options().unwrap();
        assert_eq!((delete.grace_period_seconds, delete.propagation), (Some(0), Some(Propagation::Orphan)));
        assert!(Query::parse(Some("dryRun=Server")).dry_run().is_err());
        assert!(Query::parse(Some("fieldValidation=strict")).field_validation().is_err());
        assert!(Query::parse(Some("propagationPolicy=None")).delete_options().is_err());
    }
}
