//! A document: its schemas and its paths.

use std::sync::Arc;

use bireme_registry::resource::DynStrategy;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{merge, paths, schemas};

/// The document of one version of one group.
pub(super) fn build(kinds: &[Arc<dyn DynStrategy>]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut roots = Vec::new();
    for strategy in kinds {
        let reference = strategy.json_schema(&mut generator);
        roots.push(schemas::target(reference.as_value()).unwrap_or_default().to_owned());
    }
    let mut definitions = generator.take_definitions(true);
    definitions.iter_mut().for_each(|(name, schema)| schemas::to_openapi(name, schema));
    for (strategy, root) in kinds.iter().zip(&roots) {
        merge::annotate(&mut definitions, root, strategy.schema());
        let kind = strategy.kind();
        let identity = json!([{"group": kind.group(), "version": kind.version(), "kind": kind.name()}]);
        if let Some(Value::Object(schema)) = definitions.get_mut(root) {
            // Of the fields of a whole object upstream requires none, metadata neither.
            schema.remove("required");
            schema.insert("x-kubernetes-group-version-kind".to_owned(), identity);
        }
    }
    let mut all_paths = Map::new();
    for (strategy, root) in kinds.iter().zip(&roots) {
        paths::add(&mut all_paths, strategy.as_ref(), root);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": crate::version::git_version()},
        "paths": all_paths,
        "components": {"schemas": definitions},
    })
}
