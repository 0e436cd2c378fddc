//! The few questions that xtask asks of Docker Engine, over its socket; no Docker client is needed.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::http::{self, Response};

/// The label that every container of a bireme cluster carries, with the cluster's name as its value.
/// Containers without it are somebody else's and are never touched.
const CLUSTER_LABEL: &str = "bireme.dev/cluster";
/// A slower answer counts as none; removing a container is the slowest request made here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Docker Engine, by its socket.
pub struct Docker {
    socket: PathBuf,
}

/// A container of a bireme cluster.
#[derive(Debug, PartialEq)]
pub struct Container {
    /// Docker's id.
    pub id: String,
    /// Docker's name for it.
    pub name: String,
    /// The cluster that it belongs to.
    pub cluster: String,
}

impl Docker {
    /// The engine that `DOCKER_HOST` names, or the one on the usual socket.
    pub fn from_environment() -> anyhow::Result<Docker> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        match host.strip_prefix("unix://") {
            Some(path) => Ok(Docker { socket: path.into() }),
            None if host.is_empty() => Ok(Docker { socket: "/var/run/docker.sock".into() }),
            None => bail!("Docker Engine: DOCKER_HOST is `{host}`; only a unix:// socket will do"),
        }
    }

    /// Where it answers.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its version; an error when nothing answers.
    pub fn version(&self) -> anyhow::Result<String> {
        let answer: Value = serde_json::from_str(&self.ask("GET", "/version")?.body)?;
        Ok(answer["Version"].as_str().context("Docker does not say its version")?.to_owned())
    }

    /// The containers of all bireme clusters, running or not.
    pub fn cluster_containers(&self) -> anyhow::Result<Vec<Container>> {
        // {"label":["bireme.dev/cluster"]}, in the form that a URL takes.
        let filter = format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", CLUSTER_LABEL.replace('/', "%2F"));
        let path = format!("/containers/json?all=true&filters={filter}");
        let list: Vec<Value> = serde_json::from_str(&self.ask("GET", &path)?.body)?;
        list.iter().map(container).collect::<Option<_>>().context("Docker's list of containers")
    }

    /// Kills and removes a container with its anonymous volumes. One that is already gone is no error.
    pub fn remove(&self, container: &Container) -> anyhow::Result<()> {
        let path = format!("/containers/{}?force=true&v=true", container.id);
        match self.send("DELETE", &path)?.status {
            200..300 | 404 | 409 => Ok(()),
            status => bail!("Docker did not remove container {}: status {status}", container.name),
        }
    }

    fn ask(&self, method: &str, path: &str) -> anyhow::Result<Response> {
        let answer = self.send(method, path)?;
        if answer.status != 200 {
            bail!("Docker answered {method} {path} with status {}: {}", answer.status, answer.body.trim());
        }
        Ok(answer)
    }

    fn send(&self, method: &str, path: &str) -> anyhow::Result<Response> {
        let stream = UnixStream::connect(&self.socket).with_context(|| self.socket.display().to_string())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        http::request(stream, method, "docker", path)
    }
}

fn container(value: &Value) -> Option<Container> {
    Some(Container {
        id: value["Id"].as_str()?.to_owned(),
        name: value["Names"][0].as_str()?.trim_start_matches('/').to_owned(),
        cluster: value["Labels"][CLUSTER_LABEL].as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_read_from_dockers_list() {
        let value = serde_json::json!({
            "Id": "abc", "Names": ["/pod"], "Labels": {"bireme.dev/cluster": "c", "other": "x"},
        });
        let expected = Container { id: "abc".into(), name: "pod".into(), cluster: "c".into() };
        assert_eq!(container(&value), Some(expected));
        assert_eq!(container(&serde_json::json!({"Names": []})), None);
    }
}
