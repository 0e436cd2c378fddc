//! Lists: whole, in pages, by selectors, of metadata alone.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, PostParams, VersionMatch};
use kube::core::{Expression, Selector};
use kube::{Client, ResourceExt};

use super::{config_map, config_maps, pod, refusal};

both_ways!(
    selectors_choose,
    pages_are_of_one_moment,
    a_list_says_of_which_revision_it_is,
    metadata_is_listed_alone,
    fields_choose_pods,
);

const MINE: &str = "metadata.name!=kube-root-ca.crt";

async fn fill(client: &Client) {
    for (name, value) in [("a", "1"), ("b", "2"), ("c", "2")] {
        config_maps(client).create(&PostParams::default(), &config_map(name, value)).await.unwrap();
    }
}

async fn selectors_choose(client: Client) {
    fill(&client).await;
    let names = async |params: ListParams| -> Vec<String> {
        let list = config_maps(&client).list(&params).await.unwrap();
        list.iter().map(ResourceExt::name_any).collect()
    };
    let by = ListParams::default;
    assert_eq!(names(by().fields(MINE)).await, ["a", "b", "c"]);
    assert_eq!(names(by().labels("value=2")).await, ["b", "c"]);
    assert_eq!(names(by().labels("value,value notin (2)")).await, ["a"]);
    assert_eq!(names(by().labels("value=2").fields("metadata.name=c")).await, ["c"]);
    let selector: Selector = Expression::In("value".into(), ["1".into(), "3".into()].into()).into();
    assert_eq!(names(by().labels_from(&selector)).await, ["a"]);
    let unknown = config_maps(&client).list(&by().fields("data.key=1")).await;
    assert_eq!(refusal(unknown), (400, "BadRequest".into()));
}

async fn pages_are_of_one_moment(client: Client) {
    fill(&client).await;
    let maps = config_maps(&client);
    let params = ListParams::default().labels("value").limit(2);
    let first = maps.list(&params).await.unwrap();
    maps.delete("c", &Default::default()).await.unwrap();
    let (token, revision) = (first.metadata.continue_.clone().unwrap(), &first.metadata.resource_version);
    let second = maps.list(&params.continue_token(&token)).await.unwrap();
    assert_eq!(&second.metadata.resource_version, revision);
    assert_eq!(second.metadata.continue_.as_deref().unwrap_or_default(), "");
    let names: Vec<String> = first.iter().chain(&second).map(ResourceExt::name_any).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

async fn a_list_says_of_which_revision_it_is(client: Client) {
    let maps = config_maps(&client);
    let nothing = maps.list(&ListParams::default().labels("value")).await.unwrap();
    let before = nothing.metadata.resource_version.unwrap();
    assert!(nothing.items.is_empty() && before.parse::<u64>().unwrap() > 0);
    fill(&client).await;
    let labelled = || ListParams::default().labels("value");
    let exact = labelled().at(&before).matching(VersionMatch::Exact);
    let exact = maps.list(&exact).await.unwrap();
    assert!(exact.items.is_empty() && exact.metadata.resource_version.as_ref() == Some(&before));
    let later = labelled().at(&before).matching(VersionMatch::NotOlderThan);
    assert_eq!(maps.list(&later).await.unwrap().items.len(), 3);
    maps.list(&labelled().match_any()).await.unwrap();
}

async fn metadata_is_listed_alone(client: Client) {
    fill(&client).await;
    let list = config_maps(&client).list_metadata(&ListParams::default().labels("value=1")).await.unwrap();
    assert_eq!((list.items.len(), list.items[0].name_any()), (1, "a".into()));
    assert_eq!(list.items[0].labels()["value"], "1");
}

async fn fields_choose_pods(client: Client) {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let mut elsewhere = pod("elsewhere");
    elsewhere.spec.as_mut().unwrap().scheduler_name = Some("nobody".into());
    for pod in [pod("here"), elsewhere] {
        pods.create(&PostParams::default(), &pod).await.unwrap();
    }
    super::pods::running(&client, "here").await;
    for (fields, name) in [
        ("spec.nodeName=node-1", "here"),
        ("spec.nodeName=", "elsewhere"),
        ("status.phase=Running", "here"),
        ("status.phase!=Running", "elsewhere"),
        ("spec.schedulerName=nobody", "elsewhere"),
    ] {
        let found =
            Api::<Pod>::all(client.clone()).list(&ListParams::default().fields(fields)).await.unwrap();
        let names: Vec<String> = found.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, [name], "{fields}");
    }
}
