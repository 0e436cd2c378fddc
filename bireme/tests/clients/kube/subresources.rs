//! Status and scale, and Events as controllers write them.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::events::v1::Event as StoredEvent;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_deployment_completed;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::wait::await_condition;
use kube::{Client, Resource, ResourceExt};
use serde_json::json;

use super::{config_map, config_maps, deployment, json_of, pod};

both_ways!(
    a_scale_is_read_patched_and_replaced,
    a_status_changes_apart_from_all_else,
    an_event_that_happens_again_is_counted,
    a_deployment_is_restarted_and_a_node_cordoned,
);

async fn a_scale_is_read_patched_and_replaced(client: Client) {
    let deployments = Api::<Deployment>::default_namespaced(client);
    deployments.create(&PostParams::default(), &deployment("web", 1)).await.unwrap();
    let mut scale = deployments.get_scale("web").await.unwrap();
    assert_eq!((scale.name_any(), scale.spec.as_ref().unwrap().replicas), ("web".into(), Some(1)));
    scale.spec.as_mut().unwrap().replicas = Some(2);
    scale.metadata.resource_version = None;
    deployments.replace_scale("web", &PostParams::default(), &scale).await.unwrap();
    let three = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let scale = deployments.patch_scale("web", &PatchParams::default(), &three).await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(3));
    await_condition(deployments.clone(), "web", is_deployment_completed()).await.unwrap();
    let status = deployments.get_scale("web").await.unwrap().status.unwrap();
    assert_eq!((status.replicas, status.selector.as_deref()), (3, Some("app=web")));
}

async fn a_status_changes_apart_from_all_else(client: Client) {
    let pods = Api::default_namespaced(client);
    let mut lonely = pod("lonely");
    lonely.spec.as_mut().unwrap().scheduler_name = Some("nobody".into());
    let made = pods.create(&PostParams::default(), &lonely).await.unwrap();
    let patch = json!({"metadata": {"labels": {"app": "other"}}, "status": {"message": "patched"}});
    let patched = pods.patch_status("lonely", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(patched.status.as_ref().unwrap().message.as_deref(), Some("patched"));
    assert_eq!(patched.spec, made.spec);
    let mut both = patched.clone();
    both.status.as_mut().unwrap().message = Some("replaced".into());
    both.labels_mut().insert("tier".into(), "front".into());
    // The object alone leaves its status as it is.
    let replaced = pods.replace("lonely", &PostParams::default(), &both).await.unwrap();
    assert_eq!(replaced.status, patched.status);
    assert_eq!(replaced.labels()["tier"], "front");
    both.metadata.resource_version = replaced.resource_version();
    let replaced = pods.replace_status("lonely", &PostParams::default(), &both).await.unwrap();
    assert_eq!(replaced.status.unwrap().message.as_deref(), Some("replaced"));
    let read = pods.get_status("lonely").await.unwrap();
    assert_eq!(read.metadata.generation, made.metadata.generation);
}

async fn an_event_that_happens_again_is_counted(client: Client) {
    let subject = config_maps(&client).create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let reporter = Reporter { controller: "example.com/tester".into(), instance: Some("one".into()) };
    let recorder = Recorder::new(client.clone(), reporter);
    let event = Event {
        type_: EventType::Normal,
        reason: "Tested".into(),
        note: Some("it works".into()),
        action: "Testing".into(),
        secondary: None,
    };
    for _ in 0..2 {
        recorder.publish(&event, &subject.object_ref(&())).await.unwrap();
    }
    let events = Api::<StoredEvent>::default_namespaced(client.clone());
    let found = events.list(&ListParams::default().fields("reason=Tested,regarding.name=a")).await.unwrap();
    assert_eq!(found.items.len(), 1);
    assert_eq!(json_of(&found.items[0])["series"]["count"], 2);
    let core = Api::<k8s_openapi::api::core::v1::Event>::default_namespaced(client);
    let found = core.list(&ListParams::default().fields("involvedObject.name=a")).await.unwrap();
    assert_eq!(found.items[0].message.as_deref(), Some("it works"));
}

async fn a_deployment_is_restarted_and_a_node_cordoned(client: Client) {
    let deployments = Api::<Deployment>::default_namespaced(client.clone());
    let made = deployments.create(&PostParams::default(), &deployment("web", 1)).await.unwrap();
    let restarted = deployments.restart("web").await.unwrap();
    assert_eq!((made.metadata.generation, restarted.metadata.generation), (Some(1), Some(2)));
    let nodes = Api::<Node>::all(client);
    await_condition(nodes.clone(), "node-1", |node: Option<&Node>| node.is_some()).await.unwrap();
    assert_eq!(nodes.cordon("node-1").await.unwrap().spec.unwrap().unschedulable, Some(true));
    assert_ne!(nodes.uncordon("node-1").await.unwrap().spec.unwrap().unschedulable, Some(true));
}
