//! Deleting: with preconditions, finalizers and dependants.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Client, Resource, ResourceExt};
use serde_json::json;

use super::{config_map, config_maps, refusal};

both_ways!(
    what_is_deleted_is_told_and_gone,
    preconditions_are_kept,
    a_finalizer_holds_what_is_deleted,
    dependants_go_before_with_or_without_their_owner,
    a_selection_is_deleted_at_once,
    a_namespace_goes_with_what_is_in_it,
);

async fn what_is_deleted_is_told_and_gone(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    maps.delete("a", &DeleteParams::default().dry_run()).await.unwrap();
    let deleted = maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(deleted.right().is_some_and(|status| status.is_success()));
    assert_eq!(refusal(maps.delete("a", &DeleteParams::default()).await), (404, "NotFound".into()));
}

async fn preconditions_are_kept(client: Client) {
    let maps = config_maps(&client);
    let made = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let only = |uid: Option<String>, resource_version| {
        DeleteParams::default().preconditions(Preconditions { uid, resource_version })
    };
    assert_eq!(refusal(maps.delete("a", &only(Some("other".into()), None)).await).0, 409);
    assert_eq!(refusal(maps.delete("a", &only(None, Some("1".into()))).await).0, 409);
    maps.delete("a", &only(made.uid(), made.resource_version())).await.unwrap();
}

async fn a_finalizer_holds_what_is_deleted(client: Client) {
    let maps = config_maps(&client);
    let mut held = config_map("a", "1");
    held.metadata.finalizers = Some(vec!["example.com/hold".into()]);
    maps.create(&PostParams::default(), &held).await.unwrap();
    let deleted = maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(
        deleted.left().is_some_and(|held| held.metadata.deletion_timestamp.is_some()),
        "it is still there"
    );
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("a", &PatchParams::default(), &release).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

/// An owner and what it owns, which blocks its deletion in the foreground.
async fn family(client: &Client) -> ConfigMap {
    let maps = config_maps(client);
    let owner = maps.create(&PostParams::default(), &config_map("owner", "1")).await.unwrap();
    let mut owned = config_map("owned", "2");
    owned.metadata.owner_references = owner.controller_owner_ref(&()).map(|reference| vec![reference]);
    maps.create(&PostParams::default(), &owned).await.unwrap();
    owner
}

async fn dependants_go_before_with_or_without_their_owner(client: Client) {
    let maps = config_maps(&client);
    let gone = async |name| {
        await_condition(maps.clone(), name, |map: Option<&ConfigMap>| map.is_none()).await.unwrap();
    };
    let owner = family(&client).await;
    maps.delete("owner", &DeleteParams::background()).await.unwrap();
    await_condition(maps.clone(), "owner", is_deleted(&owner.uid().unwrap())).await.unwrap();
    gone("owned").await;

    family(&client).await;
    maps.delete("owner", &DeleteParams::foreground()).await.unwrap();
    gone("owner").await;
    assert!(maps.get_opt("owned").await.unwrap().is_none());

    family(&client).await;
    maps.delete("owner", &DeleteParams::orphan()).await.unwrap();
    gone("owner").await;
    assert!(maps.get("owned").await.unwrap().owner_references().is_empty());
}

async fn a_selection_is_deleted_at_once(client: Client) {
    let maps = config_maps(&client);
    for (name, value) in [("a", "1"), ("b", "2"), ("c", "2")] {
        maps.create(&PostParams::default(), &config_map(name, value)).await.unwrap();
    }
    let selection = ListParams::default().labels("value=2");
    maps.delete_collection(&DeleteParams::default(), &selection).await.unwrap();
    let left = maps.list(&ListParams::default().labels("value")).await.unwrap();
    assert_eq!(left.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["a"]);
}

async fn a_namespace_goes_with_what_is_in_it(client: Client) {
    let namespaces = Api::<Namespace>::all(client.clone());
    let mut team = Namespace::default();
    team.metadata.name = Some("team".into());
    namespaces.create(&PostParams::default(), &team).await.unwrap();
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "team");
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    namespaces.delete("team", &DeleteParams::default()).await.unwrap();
    await_condition(namespaces, "team", |team: Option<&Namespace>| team.is_none()).await.unwrap();
    assert!(maps.list(&ListParams::default()).await.unwrap().items.is_empty());
}
