//! The pods that are measured with. No scheduler looks at them, as when upstream's figures were taken.

use std::sync::LazyLock;

use bireme_core::Environment;
use serde_json::{Value, json};

use crate::load::{self, Load, Request};
use crate::program::Program;

/// Where the pods are.
pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";
/// Stands where a pod's name comes.
const NAME_OF_POD: &str = "<name>";
/// Connections that are enough to be limited by the server.
const FILLERS: usize = 64;

/// The request that creates the pod with this number.
///
/// All but the name is made once: the load must not cost more than it has to, on the cores that it shares with the
/// server.
pub(crate) fn create(number: usize) -> Request {
    static AROUND: LazyLock<[String; 2]> = LazyLock::new(|| {
        let pod = template().to_string();
        let (before, behind) = pod.split_once(NAME_OF_POD).unwrap_or((&pod, ""));
        [before.to_owned(), behind.to_owned()]
    });
    let [before, behind] = &*AROUND;
    Request::post(PODS, format!("{before}load-{number}{behind}").into_bytes())
}

/// The path of the pod with this number.
pub(crate) fn path(number: usize) -> String {
    format!("{PODS}/load-{number}")
}

/// Creates the pods with numbers from `begin` up to `end`.
pub(crate) async fn fill(
    program: &Program,
    env: &Environment,
    begin: usize,
    end: usize,
) -> anyhow::Result<()> {
    let loads = Load::open_many(program, env, FILLERS).await?;
    load::rush(loads, env, end - begin, move |number| create(begin + number)).await?;
    Ok(())
}

/// Deletes all pods.
pub(crate) async fn clear(program: &Program, env: &Environment) -> anyhow::Result<()> {
    Load::open(program, env).await?.send(Request::delete(PODS)).await?;
    Ok(())
}

fn template() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": NAME_OF_POD, "labels": {"app": "load", "tier": "bench"},
            "annotations": {"bireme.dev/filler": "x".repeat(400)}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "bireme.dev/busybox:1",
            "command": ["sleep", "3600"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 30, "restartPolicy": "Always"}
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_as_large_as_the_table_says() {
        let body = create(12345).body;
        assert!((1000..1200).contains(&body.len()), "{} bytes", body.len());
        let pod: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(pod["metadata"]["name"], "load-12345");
    }
}
