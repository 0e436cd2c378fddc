//! Patches of every type, and server-side apply.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, from_value, json};

use super::{config_map, config_maps, deployment, json_of, message, refusal};

both_ways!(
    every_type_of_patch_does_what_it_says,
    a_list_is_merged_by_its_keys,
    who_applies_owns_what_they_apply,
    applying_takes_back_what_is_no_longer_applied,
    unknown_fields_are_refused_only_on_request,
    metadata_is_patched_alone,
);

async fn every_type_of_patch_does_what_it_says(client: Client) {
    let (maps, params) = (config_maps(&client), PatchParams::default());
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let data = async |patch: Patch<Value>| json_of(&maps.patch("a", &params, &patch).await.unwrap().data);
    let merge = Patch::Merge(json!({"data": {"more": "2"}}));
    assert_eq!(data(merge).await, json!({"key": "1", "more": "2"}));
    let strategic = Patch::Strategic(json!({"data": {"$patch": "replace", "more": "3"}}));
    assert_eq!(data(strategic).await, json!({"more": "3"}));
    let steps = json!([
        {"op": "test", "path": "/data/more", "value": "3"},
        {"op": "move", "from": "/data/more", "path": "/data/key"},
    ]);
    let steps = Patch::Json(from_value(steps).unwrap());
    assert_eq!(data(steps.clone()).await, json!({"key": "3"}));
    // The test of its first step fails now.
    assert_eq!(refusal(maps.patch("a", &params, &steps).await), (422, "Invalid".into()));
    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {"key": "4"}});
    let refused = maps.patch("a", &params, &Patch::Merge(stale)).await;
    assert_eq!(refusal(refused), (409, "Conflict".into()));
}

async fn a_list_is_merged_by_its_keys(client: Client) {
    let deployments = Api::<Deployment>::default_namespaced(client);
    deployments.create(&PostParams::default(), &deployment("web", 1)).await.unwrap();
    let sidecar =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "sim/log"}]}}}});
    let patched =
        deployments.patch("web", &PatchParams::default(), &Patch::Strategic(sidecar)).await.unwrap();
    let containers = patched.spec.unwrap().template.spec.unwrap().containers;
    let mut names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["log", "main"]);
}

fn applied(value: &str) -> Patch<Value> {
    Patch::Apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": value},
    }))
}

async fn who_applies_owns_what_they_apply(client: Client) {
    let maps = config_maps(&client);
    let made = maps.patch("a", &PatchParams::apply("one"), &applied("1")).await.unwrap();
    let managers: Vec<_> = made.managed_fields().iter().map(|entry| entry.manager.clone().unwrap()).collect();
    assert_eq!(managers, ["one"]);
    // The same by the same changes nothing, the same by another shares it.
    let again = maps.patch("a", &PatchParams::apply("one"), &applied("1")).await.unwrap();
    assert_eq!(again.resource_version(), made.resource_version());
    maps.patch("a", &PatchParams::apply("two"), &applied("1")).await.unwrap();

    let other = maps.patch("a", &PatchParams::apply("two"), &applied("2")).await;
    assert_eq!(refusal(other), (409, "Conflict".into()));
    let other = message(maps.patch("a", &PatchParams::apply("two"), &applied("2")).await);
    assert!(other.contains("\"one\"") && other.contains(".data.key"), "{other}");
    let forced = maps.patch("a", &PatchParams::apply("two").force(), &applied("2")).await.unwrap();
    assert_eq!(forced.data.unwrap()["key"], "2");
    assert_eq!(refusal(maps.patch("a", &PatchParams::apply("one"), &applied("1")).await).0, 409);
    let dry = PatchParams { force: true, dry_run: true, ..PatchParams::apply("one") };
    assert_eq!(maps.patch("a", &dry, &applied("3")).await.unwrap().data.unwrap()["key"], "3");
    assert_eq!(maps.get("a").await.unwrap().data.unwrap()["key"], "2");
}

async fn applying_takes_back_what_is_no_longer_applied(client: Client) {
    let (maps, one) = (config_maps(&client), PatchParams::apply("one"));
    let applied = |data: Value| {
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}),
        )
    };
    maps.patch("a", &one, &applied(json!({"mine": "1", "gone": "1"}))).await.unwrap();
    maps.patch("a", &PatchParams::apply("two"), &applied(json!({"theirs": "2"}))).await.unwrap();
    let left = maps.patch("a", &one, &applied(json!({"mine": "1"}))).await.unwrap();
    assert_eq!(json_of(&left.data), json!({"mine": "1", "theirs": "2"}));
}

async fn unknown_fields_are_refused_only_on_request(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let odd = Patch::Merge(json!({"odd": 1}));
    maps.patch("a", &PatchParams::default(), &odd).await.unwrap();
    maps.patch("a", &PatchParams::default().validation_warn(), &odd).await.unwrap();
    let refused = maps.patch("a", &PatchParams::default().validation_strict(), &odd).await;
    assert!(message(refused).contains("unknown field \"odd\""));
}

async fn metadata_is_patched_alone(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let labels = Patch::Merge(json!({"metadata": {"labels": {"tier": "front"}}}));
    let patched = maps.patch_metadata("a", &PatchParams::default(), &labels).await.unwrap();
    assert_eq!(patched.labels()["tier"], "front");
    assert_eq!(maps.get("a").await.unwrap().labels()["value"], "1");
}
