//! Which objects of a kind a list or watch selects.

use std::borrow::Cow;

use bireme_core::error::ApiError;
use bireme_core::selector::{FieldSelector, LabelSelector};

use super::Cached;
use super::channels::Topic;
use crate::resource::SelectableField;
use crate::table::KindEntry;

/// A namespace, a label selector and a field selector together.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    namespace: Option<String>,
    namespaced: bool,
    labels: LabelSelector,
    fields: FieldSelector,
    selectable: &'static [SelectableField],
}

impl Filter {
    pub(crate) fn new(
        entry: &KindEntry,
        namespace: Option<&str>,
        labels: &LabelSelector,
        fields: &FieldSelector,
    ) -> Result<Self, ApiError> {
        let selectable = entry.strategy.selectable();
        for requirement in &fields.requirements {
            let field = requirement.field.as_str();
            let known = field == "metadata.name"
                || (field == "metadata.namespace" && entry.kind.is_namespaced())
                || selectable.iter().any(|known| known.label == field);
            if !known {
                return Err(ApiError::bad_request(format!(
                    "Unable to find \"{}\" that match label selector \"{labels}\", field selector \"{fields}\": \
                     field label not supported: {field}",
                    entry.kind.qualified_plural()
                )));
            }
        }
        // A selection by namespace field is one by namespace; the narrower form finds its range faster.
        let namespaced = entry.kind.is_namespaced();
        let namespace = namespace.filter(|_| namespaced).map(str::to_owned);
        Ok(Self { namespace, namespaced, labels: labels.clone(), fields: fields.clone(), selectable })
    }

    /// The namespace that all selected objects are in, if there is one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().or_else(|| self.fields.required_value("metadata.namespace"))
    }

    /// The narrowest topic that all selected objects are in.
    pub(crate) fn topic(&self) -> Topic {
        let namespace = self.namespace();
        match (self.fields.required_value("metadata.name"), namespace) {
            (Some(name), None) if !self.namespaced => return Topic::Object(name.into()),
            (Some(name), Some(namespace)) if self.namespaced => {
                return Topic::Object(format!("{namespace}/{name}").into());
            }
            _ => {}
        }
        let node = SelectableField::node(self.selectable)
            .and_then(|node| self.fields.required_value(self.selectable[node].label));
        match (node, namespace) {
            (Some(node), _) => Topic::Node(node.into()),
            (None, Some(namespace)) => Topic::Namespace(namespace.into()),
            (None, None) => Topic::All,
        }
    }

    /// Whether all objects (of the namespace) are selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    pub(crate) fn matches(&self, cached: &Cached) -> bool {
        let object = &cached.object;
        if self.namespace.as_deref().is_some_and(|namespace| object.namespace() != Some(namespace)) {
            return false;
        }
        self.labels.matches(&object.metadata().labels)
            && self.fields.matches(|field| match field {
                "metadata.name" => Some(Cow::Borrowed(object.name())),
                "metadata.namespace" => object.namespace().map(Cow::Borrowed),
                _ => {
                    let index = self.selectable.iter().position(|known| known.label == field)?;
                    Some(Cow::Borrowed(cached.field(self.selectable, index)))
                }
            })
    }
}
