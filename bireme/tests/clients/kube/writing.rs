//! Creating, reading and replacing.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DynamicObject, GetParams, ObjectMeta, PostParams, TypeMeta};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt, discovery};
use serde_json::json;

use super::{config_map, config_maps, deployment, refusal};

both_ways!(
    what_is_created_can_be_read_and_replaced,
    a_writer_that_is_behind_changes_nothing,
    an_entry_is_made_or_changed,
    nothing_comes_of_a_dry_run,
    names_are_made_up_on_request,
    a_kind_known_only_at_run_time_is_written_like_any_other,
);

async fn what_is_created_can_be_read_and_replaced(client: Client) {
    let maps = config_maps(&client);
    let made = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert!(made.uid().is_some() && made.creation_timestamp().is_some() && made.resource_version().is_some());
    assert_eq!(made.namespace().as_deref(), Some("default"));
    assert_eq!(maps.get("a").await.unwrap(), made);
    assert_eq!(maps.get_with("a", &GetParams::any()).await.unwrap(), made);
    let metadata = maps.get_metadata("a").await.unwrap();
    assert_eq!(metadata.metadata, made.metadata);

    let changed = ConfigMap { data: Some([("key".into(), "2".into())].into()), ..made.clone() };
    let replaced = maps.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_eq!((replaced.uid(), &replaced.data), (made.uid(), &changed.data));
    assert_ne!(replaced.resource_version(), made.resource_version());
    // A replacement that changes nothing is no new revision.
    assert_eq!(maps.replace("a", &PostParams::default(), &replaced).await.unwrap(), replaced);
}

async fn a_writer_that_is_behind_changes_nothing(client: Client) {
    let (maps, params) = (config_maps(&client), PostParams::default());
    let made = maps.create(&params, &config_map("a", "1")).await.unwrap();
    assert_eq!(refusal(maps.create(&params, &made).await).0, 400, "a resource version on creation");
    let again = maps.create(&params, &config_map("a", "1")).await;
    assert_eq!(refusal(again), (409, "AlreadyExists".into()));
    let mut newer = config_map("a", "2");
    newer.metadata.resource_version = made.resource_version();
    let newer = maps.replace("a", &params, &newer).await.unwrap();
    assert_eq!(refusal(maps.replace("a", &params, &made).await), (409, "Conflict".into()));
    assert_eq!(maps.get("a").await.unwrap(), newer);
    assert_eq!(refusal(maps.get("b").await), (404, "NotFound".into()));
    assert!(maps.get_opt("b").await.unwrap().is_none());
    let elsewhere = Api::<ConfigMap>::namespaced(client, "nowhere");
    assert_eq!(refusal(elsewhere.create(&params, &config_map("a", "1")).await), (404, "NotFound".into()));
}

async fn an_entry_is_made_or_changed(client: Client) {
    let (maps, params) = (config_maps(&client), PostParams::default());
    for value in ["1", "2"] {
        let entry = maps.entry("a").await.unwrap();
        let mut entry = entry.or_insert(|| config_map("a", "0")).and_modify(|map| {
            map.data.get_or_insert_default().insert("key".into(), value.into());
        });
        entry.commit(&params).await.unwrap();
        assert_eq!(maps.get("a").await.unwrap().data.unwrap()["key"], value);
    }
}

async fn nothing_comes_of_a_dry_run(client: Client) {
    let (maps, dry) = (config_maps(&client), PostParams { dry_run: true, ..PostParams::default() });
    assert!(maps.create(&dry, &config_map("a", "1")).await.unwrap().uid().is_some());
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

async fn names_are_made_up_on_request(client: Client) {
    let namespaces = Api::<Namespace>::all(client);
    let metadata = ObjectMeta { generate_name: Some("team-".into()), ..ObjectMeta::default() };
    let nameless = Namespace { metadata, ..Namespace::default() };
    let one = namespaces.create(&PostParams::default(), &nameless).await.unwrap().name_any();
    let two = namespaces.create(&PostParams::default(), &nameless).await.unwrap().name_any();
    assert!(one.starts_with("team-") && two.starts_with("team-") && one != two, "{one} {two}");
}

async fn a_kind_known_only_at_run_time_is_written_like_any_other(client: Client) {
    let kind = GroupVersionKind::gvk("apps", "v1", "Deployment");
    let (resource, _) = discovery::pinned_kind(&client, &kind).await.unwrap();
    assert_eq!(resource.plural, "deployments");
    let deployments = Api::<DynamicObject>::default_namespaced_with(client, &resource);
    let made = deployments.create(&PostParams::default(), &deployment("web", 1)).await.unwrap();
    assert_eq!(made.types, Some(TypeMeta { api_version: "apps/v1".into(), kind: "Deployment".into() }));
    assert_eq!(made.data["spec"]["strategy"]["type"], json!("RollingUpdate"));
    let listed = deployments.list(&Default::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.items[0].name_any()), (1, "web".into()));
}
