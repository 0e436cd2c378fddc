"""What programs do with the Python client, step by step; the first step that goes wrong ends it.

Usage: client.py KUBECONFIG. The cluster has one node, whose containers write "one", "two" and "three".
"""

import sys

from kubernetes import client, config, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.stream import stream


def main(kubeconfig):
    config.load_kube_config(kubeconfig)
    for step in (objects, patches, pages, watches, pods, commands, deployments, dynamic, errors):
        step()
        print("done:", step.__name__, flush=True)


def core():
    return client.CoreV1Api()


def config_map(name, value):
    metadata = client.V1ObjectMeta(name=name, labels={"value": value})
    return client.V1ConfigMap(metadata=metadata, data={"key": value})


def objects():
    made = core().create_namespaced_config_map("default", config_map("py", "1"))
    made.data["key"] = "2"
    replaced = core().replace_namespaced_config_map("py", "default", made)
    assert replaced.metadata.uid == made.metadata.uid
    assert core().read_namespaced_config_map("py", "default").data == {"key": "2"}
    refused(409, lambda: core().replace_namespaced_config_map("py", "default", made))
    core().delete_namespaced_config_map("py", "default")
    refused(404, lambda: core().read_namespaced_config_map("py", "default"))


def patches():
    core().create_namespaced_config_map("default", config_map("py", "1"))
    patch = lambda body, **more: core().patch_namespaced_config_map("py", "default", body, **more)
    assert patch({"data": {"more": "2"}}).data == {"key": "1", "more": "2"}
    assert patch([{"op": "remove", "path": "/data/more"}]).data == {"key": "1"}
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "py"}, "data": {"key": "3"}}
    apply = {"_content_type": "application/apply-patch+yaml", "field_manager": "python"}
    refused(409, lambda: patch(applied, **apply))
    assert patch(applied, force=True, **apply).data == {"key": "3"}
    core().delete_namespaced_config_map("py", "default")


def pages():
    for number in range(3):
        core().create_namespaced_config_map("default", config_map(f"page-{number}", "p"))
    found, token = [], None
    while token != "":
        page = core().list_namespaced_config_map("default", label_selector="value=p", limit=2, _continue=token)
        found += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""
    assert found == ["page-0", "page-1", "page-2"], found
    core().delete_collection_namespaced_config_map("default", label_selector="value=p")
    assert not core().list_namespaced_config_map("default", label_selector="value=p").items


def watches():
    since = core().list_namespaced_config_map("default").metadata.resource_version
    core().create_namespaced_config_map("default", config_map("py", "1"))
    core().patch_namespaced_config_map("py", "default", {"data": {"key": "2"}})
    core().delete_namespaced_config_map("py", "default")
    told, watching = [], watch.Watch()
    for event in watching.stream(
        core().list_namespaced_config_map, "default", resource_version=since, timeout_seconds=20
    ):
        told.append((event["type"], event["object"].data["key"]))
        if event["type"] == "DELETED":
            watching.stop()
    assert told == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")], told


def pods():
    spec = client.V1PodSpec(containers=[client.V1Container(name="main", image="sim/service")])
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="py"), spec=spec)
    core().create_namespaced_pod("default", pod)
    watching = watch.Watch()
    for event in watching.stream(
        core().list_namespaced_pod, "default", field_selector="metadata.name=py", timeout_seconds=20
    ):
        if event["object"].status.phase == "Running":
            watching.stop()
    assert core().read_namespaced_pod("py", "default").status.phase == "Running"
    assert core().read_namespaced_pod_log("py", "default") == "one\ntwo\nthree\n"
    lines = watch.Watch().stream(core().read_namespaced_pod_log, "py", "default", follow=True)
    assert [next(lines) for _ in range(3)] == ["one", "two", "three"]


def commands():
    run = lambda command, **more: stream(
        core().connect_get_namespaced_pod_exec, "py", "default", command=command,
        stdout=True, stderr=True, stdin=False, tty=False, **more,
    )
    assert run(["echo", "a b", "c"]).strip() == "a b c"
    for code in (0, 3):
        session = run(["exit", str(code)], _preload_content=False)
        session.run_forever(timeout=20)
        assert session.returncode == code, session.returncode
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="py"))
    core().create_namespaced_pod_eviction("py", "default", eviction)


def deployments():
    labels = {"app": "py"}
    container = {"name": "main", "image": "sim/service"}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "py"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    utils.create_from_dict(client.ApiClient(), deployment, namespace="default")
    apps = client.AppsV1Api()
    apps.patch_namespaced_deployment_scale("py", "default", {"spec": {"replicas": 2}})
    watching = watch.Watch()
    for event in watching.stream(apps.list_namespaced_deployment, "default", timeout_seconds=20):
        if event["object"].status.ready_replicas == 2:
            watching.stop()
    assert apps.read_namespaced_deployment_status("py", "default").status.ready_replicas == 2
    assert apps.read_namespaced_deployment_scale("py", "default").spec.replicas == 2
    apps.delete_namespaced_deployment("py", "default", propagation_policy="Foreground")


def dynamic():
    resource = DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "py"}, "data": {"key": "1"}}
    assert resource.create(body=body, namespace="default").data.key == "1"
    applied = resource.server_side_apply(
        body={**body, "data": {"key": "2"}}, namespace="default", field_manager="python", force_conflicts=True
    )
    assert applied.data.key == "2"
    names = [item.metadata.name for item in resource.get(namespace="default").items]
    assert "py" in names, names
    resource.delete(name="py", namespace="default")


def errors():
    invalid = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="Not A Name"))
    refused(422, lambda: core().create_namespaced_config_map("default", invalid))
    assert client.VersionApi().get_code().major == "1"
    groups = [group.name for group in client.ApisApi().get_api_versions().groups]
    assert "apps" in groups, groups


def refused(code, call):
    try:
        call()
    except ApiException as error:
        assert error.status == code, error
    else:
        raise AssertionError(f"this was not refused with {code}")


main(sys.argv[1])
