//! Commands that change something.

use tokio::io::AsyncReadExt;

use crate::cluster::Cluster;
use crate::objects::web;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_is_applied_compared_and_applied_again() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    let first = kubectl.expect(&format!("apply -f {file}"), "deployment.apps/web created").await;
    assert!(first.contains("service/web created"));
    kubectl.expect(&format!("apply -f {file}"), "deployment.apps/web unchanged").await;
    let file = kubectl.file("web.yaml", &web("web:2"));
    kubectl.refuse(&format!("diff -f {file}"), "+      - image: web:2").await;
    let second = kubectl.expect(&format!("apply -f {file}"), "deployment.apps/web configured").await;
    assert!(second.contains("service/web unchanged"));
    kubectl.expect("get deploy web -o jsonpath={.spec.template.spec.containers[0].image}", "web:2").await;
    kubectl.expect(&format!("delete -f {file}"), "service \"web\" deleted").await;
    kubectl.refuse("get deploy web", "deployments.apps \"web\" not found").await;
}

/// `create deployment` and `create configmap` of kubectl 1.32 send protobuf.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_create_what_they_say() {
    let Some(kubectl) = Cluster::start().await else { return };
    kubectl.expect("create deployment web --image=web:1 --replicas=3 --port=80", "web created").await;
    let path = "{.spec.replicas} {.spec.template.spec.containers[0].ports[0].containerPort}";
    kubectl.expect(&format!("get deploy web -o 'jsonpath={path}'"), "3 80").await;
    kubectl.expect("create configmap c --from-literal=a=b", "configmap/c created").await;
    kubectl.expect("get cm c -o jsonpath={.data.a}", "b").await;
    kubectl.expect("create secret generic s --from-literal=a=b", "secret/s created").await;
    kubectl.expect("get secret s -o jsonpath={.data.a}", "Yg==").await;
    kubectl.expect("create service clusterip svc --tcp=80:8080", "service/svc created").await;
    kubectl.expect("get svc svc -o jsonpath={.spec.ports[0].targetPort}", "8080").await;
    kubectl.expect("create namespace shop", "namespace/shop created").await;
    kubectl.expect("create serviceaccount robot -n shop", "serviceaccount/robot created").await;
    kubectl.expect("run one --image=one:1 --restart=Never", "pod/one created").await;
    kubectl.expect("expose deployment web --port=80", "service/web exposed").await;
    kubectl.refuse("create configmap c", "configmaps \"c\" already exists").await;
    kubectl.refuse("create configmap Bad_Name", "is invalid: metadata.name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_changed_in_every_way() {
    let Some(kubectl) = Cluster::start().await else { return };
    let file = kubectl.file("web.yaml", &web("web:1"));
    kubectl.expect(&format!("create -f {file}"), "deployment.apps/web created").await;
    let image = "get deploy web -o jsonpath={.spec.template.spec.containers[*].image}";
    let replicas = "get deploy web -o jsonpath={.spec.replicas}";
    kubectl.expect("set image deploy/web web=web:2", "image updated").await;
    kubectl.expect(image, "web:2").await;
    kubectl.expect("scale deploy web --replicas=5", "scaled").await;
    kubectl.expect(replicas, "5").await;
    kubectl.expect("patch deploy web -p '{\"spec\":{\"replicas\":6}}'", "patched").await;
    kubectl.expect("patch deploy web --type=merge -p '{\"spec\":{\"paused\":true}}'", "patched").await;
    let operations = "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":6},\
        {\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":7}]";
    kubectl.expect(&format!("patch deploy web --type=json -p '{operations}'"), "patched").await;
    kubectl.expect(replicas, "7").await;
    let side =
        "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"side:1\"}]}}}}";
    kubectl.expect(&format!("patch deploy web -p '{side}'"), "patched").await;
    kubectl.expect(image, "side:1 web:2").await;
    kubectl.expect("label deploy web tier=front", "labeled").await;
    kubectl.expect("get deploy -l tier=front -o name", "deployment.apps/web").await;
    kubectl.expect("annotate deploy web note=hello", "annotated").await;
    kubectl.expect("set env deploy/web --containers=web A=1", "env updated").await;
    kubectl.expect("set resources deploy/web --limits=cpu=1", "resource requirements updated").await;
    let editor = [("EDITOR", "sed -i s/replicas:.7/replicas:\\ 9/")];
    assert_eq!(
        kubectl.run_with("edit deploy web", &editor, "").await.unwrap(),
        "deployment.apps/web edited\n"
    );
    kubectl.expect(replicas, "9").await;
    let now = kubectl.run("get deploy web -o yaml").await.unwrap();
    let stale = kubectl.file("stale.yaml", &now);
    kubectl.expect("label deploy web tier-", "unlabeled").await;
    kubectl.refuse(&format!("replace -f {stale}"), "the object has been modified").await;
    kubectl.refuse("scale deploy web --replicas=-1", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_can_be_waited_for() {
    let Some(kubectl) = Cluster::start().await else { return };
    kubectl.expect("create configmap a --from-literal=x=y", "created").await;
    kubectl.expect("run p --image=p:1", "pod/p created").await;
    let wait = kubectl.run("wait --for=delete pod/p --timeout=20s");
    let delete = async {
        kubectl.expect("delete pod p", "pod \"p\" deleted").await;
    };
    let (waited, ()) = tokio::join!(wait, delete);
    waited.unwrap();
    kubectl.expect("delete cm --all", "configmap \"a\" deleted").await;
    kubectl.refuse("wait --for=jsonpath={.status.phase}=Running pod/p --timeout=1s", "not found").await;
    kubectl.expect("create configmap b", "created").await;
    kubectl.expect("label cm b done=yes", "labeled").await;
    kubectl
        .expect("wait --for=jsonpath={.metadata.labels.done}=yes cm/b --timeout=5s", "condition met")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_refused_and_change_nothing() {
    let Some(kubectl) = Cluster::start().await else { return };
    let unknown = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatta: {x: y}\n";
    let error = kubectl.run_with("create -f -", &[], unknown).await.unwrap_err();
    assert!(error.contains("strict decoding error: unknown field \"datta\""), "{error}");
    let wrong = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many}\n";
    let error = kubectl.run_with("apply -f -", &[], wrong).await.unwrap_err();
    assert!(error.contains("spec.replicas"), "{error}");
    let kind = "apiVersion: v1\nkind: Nothing\nmetadata: {name: a}\n";
    let error = kubectl.run_with("apply -f -", &[], kind).await.unwrap_err();
    assert!(error.contains("no matches for kind \"Nothing\""), "{error}");
    kubectl.expect("get cm,deploy -l app", "").await;
    kubectl.refuse("create configmap a -n none", "namespaces \"none\" not found").await;
    let warned = kubectl.run_with("create --validate=warn -f -", &[], unknown).await.unwrap();
    assert_eq!(warned, "configmap/a created\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_prints_what_happens() {
    let Some(kubectl) = Cluster::start().await else { return };
    kubectl.expect("create configmap a", "created").await;
    let mut watch = kubectl.spawn("get cm a --watch -o name");
    let mut out = watch.stdout.take().unwrap();
    let mut line = [0; 12];
    out.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"configmap/a\n");
    kubectl.expect("label cm a x=y", "labeled").await;
    out.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"configmap/a\n");
    watch.kill().await.unwrap();
}
