//! What the API says about itself.

use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{GroupVersion, GroupVersionKind};
use kube::discovery::{self, Discovery, Scope, verbs};

both_ways!(
    all_groups_are_found_in_one_way_or_the_other,
    one_kind_is_found_by_itself,
    everything_that_is_found_can_be_listed,
    the_version_is_told,
);

async fn all_groups_are_found_in_one_way_or_the_other(client: Client) {
    let plain = Discovery::new(client.clone()).run().await.unwrap();
    let aggregated = Discovery::new(client.clone()).run_aggregated().await.unwrap();
    let names = |discovery: &Discovery| -> Vec<String> {
        discovery.groups_alphabetical().iter().map(|group| group.name().to_owned()).collect()
    };
    assert_eq!(names(&plain), names(&aggregated));
    for discovery in [plain, aggregated] {
        assert!(discovery.has_group("apps") && discovery.has_group("events.k8s.io"));
        let gvk = GroupVersionKind::gvk("apps", "v1", "Deployment");
        let (resource, capabilities) = discovery.resolve_gvk(&gvk).unwrap();
        assert_eq!((resource.plural.as_str(), &capabilities.scope), ("deployments", &Scope::Namespaced));
        assert!(capabilities.supports_operation(verbs::PATCH));
        let subresources: Vec<&str> =
            capabilities.subresources.iter().map(|(resource, _)| resource.plural.as_str()).collect();
        assert!(subresources.iter().any(|name| name.ends_with("scale")), "{subresources:?}");
    }
    let some = Discovery::new(client).filter(&["batch"]).run().await.unwrap();
    assert_eq!(names(&some), ["batch"]);
}

async fn one_kind_is_found_by_itself(client: Client) {
    let core = discovery::group(&client, "").await.unwrap();
    let (pod, _) = core.recommended_kind("Pod").unwrap();
    assert_eq!((pod.api_version.as_str(), pod.plural.as_str()), ("v1", "pods"));
    let batch = discovery::pinned_group(&client, &GroupVersion::gv("batch", "v1")).await.unwrap();
    assert!(batch.recommended_kind("CronJob").is_some());
    let none = discovery::group(&client, "nobody.example.com").await;
    assert!(none.is_err());
}

async fn everything_that_is_found_can_be_listed(client: Client) {
    let discovery = Discovery::new(client.clone()).run().await.unwrap();
    let mut listed = 0;
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if !capabilities.supports_operation(verbs::LIST) {
                continue;
            }
            let all = Api::<DynamicObject>::all_with(client.clone(), &resource);
            let list = all.list(&ListParams::default().limit(10)).await;
            list.unwrap_or_else(|error| panic!("{}: {error}", resource.plural));
            all.list_metadata(&ListParams::default()).await.unwrap();
            listed += 1;
        }
    }
    assert!(listed > 20, "{listed}");
}

async fn the_version_is_told(client: Client) {
    let version = client.apiserver_version().await.unwrap();
    assert_eq!(version.major, "1");
    assert!(version.git_version.starts_with("v1."), "{}", version.git_version);
    assert!(client.list_core_api_versions().await.unwrap().versions.contains(&"v1".to_owned()));
}
