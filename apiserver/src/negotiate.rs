//! Which form of an answer a client takes.

use bireme_core::error::{ApiError, Reason};
use http::HeaderMap;
use http::header::ACCEPT;

/// The form that objects are answered in. All of them are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Object,
    /// As rows of a table.
    Table,
    /// Their metadata alone; also in lists, which are then `PartialObjectMetadataList`s.
    Metadata,
}

/// The form that discovery is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiscoveryForm {
    /// One document for each path.
    Plain,
    /// Everything at once, in this version of `apidiscovery.k8s.io`.
    Aggregated(&'static str),
}

/// One media range of an `Accept` header.
#[derive(Debug, Default)]
struct Range<'a> {
    media: &'a str,
    quality: f32,
    kind: Option<&'a str>,
    group: Option<&'a str>,
    version: Option<&'a str>,
}

impl Range<'_> {
    fn means_json(&self) -> bool {
        matches!(self.media, "application/json" | "application/*" | "*/*")
    }
}

/// The form of objects that is most wanted among those that can be had.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    let choose = |range: &Range<'_>| match (range.kind, range.group, range.version) {
        (None, ..) => Some(Form::Object),
        (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => Some(Form::Table),
        (
            Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
            Some("meta.k8s.io"),
            Some("v1" | "v1beta1"),
        ) => Some(Form::Metadata),
        _ => None,
    };
    first_of(headers, choose).unwrap_or(Ok(Form::Object)).map_err(|()| {
        not_acceptable(
            "application/json, application/json;as=Table;v=v1;g=meta.k8s.io, \
            application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        )
    })
}

/// The form of discovery that is most wanted.
pub(crate) fn discovery_form(headers: &HeaderMap) -> Result<DiscoveryForm, ApiError> {
    let choose = |range: &Range<'_>| match (range.kind, range.group, range.version) {
        (None, ..) => Some(DiscoveryForm::Plain),
        (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => {
            Some(DiscoveryForm::Aggregated("v2"))
        }
        (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2beta1")) => {
            Some(DiscoveryForm::Aggregated("v2beta1"))
        }
        _ => None,
    };
    first_of(headers, choose)
        .unwrap_or(Ok(DiscoveryForm::Plain))
        .map_err(|()| not_acceptable("application/json"))
}

/// Whether plain JSON is taken, which is all that some documents are served in.
pub(crate) fn requires_json(headers: &HeaderMap) -> Result<(), ApiError> {
    first_of(headers, |_| Some(())).unwrap_or(Ok(())).map_err(|()| not_acceptable("application/json"))
}

/// The first choice among the JSON ranges, by quality, then order; none without a header.
fn first_of<T>(headers: &HeaderMap, choose: impl Fn(&Range<'_>) -> Option<T>) -> Option<Result<T, ()>> {
    let mut ranges: Vec<Range<'_>> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(parse_range)
        .filter(|range| !range.media.is_empty())
        .collect();
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    let found = ranges.iter().filter(|range| range.means_json() && range.quality > 0.0).find_map(choose);
    Some(found.ok_or(()))
}

fn parse_range(text: &str) -> Range<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut range = Range { media: parts.next().unwrap_or_default(), quality: 1.0, ..Range::default() };
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "q" => range.quality = value.trim().parse().unwrap_or(0.0),
            "as" => range.kind = Some(value.trim()),
            "g" => range.group = Some(value.trim()),
            "v" => range.version = Some(value.trim()),
            _ => {}
        }
    }
    range
}

fn not_acceptable(offered: &str) -> ApiError {
    let message = format!("only the following media types are accepted: {offered}");
    ApiError::new(Reason::NotAcceptable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_most_wanted_form_that_can_be_had_is_chosen() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;\
            g=meta.k8s.io,application/json";
        for (accept, expected) in [
            ("application/json", Some(Form::Object)),
            ("*/*", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object)),
            ("application/json, */*", Some(Form::Object)),
            (table, Some(Form::Table)),
            ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", Some(Form::Metadata)),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
                Some(Form::Metadata),
            ),
            ("application/json;q=0.5,application/json;as=Table;g=meta.k8s.io;v=v1", Some(Form::Table)),
            ("application/json;as=Table;g=meta.k8s.io;v=v9,application/json;q=0.1", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf", None),
            ("application/yaml", None),
            ("application/json;as=Bundle;g=meta.k8s.io;v=v1", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(form(&accepting(accept)).ok(), expected, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new()).unwrap(), Form::Object);
        assert_eq!(form(&accepting("text/html")).unwrap_err().reason(), Reason::NotAcceptable);
    }

    #[test]
    fn discovery_is_negotiated_by_version() {
        let new = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
            application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        assert_eq!(discovery_form(&accepting(new)).unwrap(), DiscoveryForm::Aggregated("v2"));
        let old =
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        assert_eq!(discovery_form(&accepting(old)).unwrap(), DiscoveryForm::Aggregated("v2beta1"));
        assert_eq!(discovery_form(&accepting("application/json")).unwrap(), DiscoveryForm::Plain);
    }
}
