//! The few things that the tests do to containers behind bireme's back, over the engine's socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// A slower answer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Docker Engine.
pub struct Docker {
    socket: PathBuf,
}

/// A container of a cluster, as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container {
    pub id: String,
    /// When its process was started.
    pub started: String,
    pub running: bool,
}

impl Docker {
    /// The engine on the usual socket; an error that says it is missing.
    pub fn reach() -> Result<Docker, String> {
        let docker = Docker { socket: "/var/run/docker.sock".into() };
        match docker.send("GET", "/version") {
            Ok(_) => Ok(docker),
            Err(error) => Err(format!("Docker Engine ({}: {error})", docker.socket.display())),
        }
    }

    /// All containers with a label, running or not, by their ids.
    pub fn containers(&self, label: &str) -> Vec<Container> {
        let filter =
            format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", label.replace('/', "%2F").replace('=', "%3D"));
        let list = self.ask("GET", &format!("/containers/json?all=true&filters={filter}"));
        let ids = list.as_array().into_iter().flatten().filter_map(|container| container["Id"].as_str());
        let mut containers: Vec<_> = ids.filter_map(|id| self.container(id)).collect();
        containers.sort();
        containers
    }

    /// One container; `None` when it is gone.
    pub fn container(&self, id: &str) -> Option<Container> {
        let inspected = self.ask("GET", &format!("/containers/{id}/json"));
        let state = &inspected["State"];
        Some(Container {
            id: inspected["Id"].as_str()?.to_owned(),
            started: state["StartedAt"].as_str()?.to_owned(),
            running: state["Running"].as_bool()?,
        })
    }

    /// Kills a container's process, as `docker kill` does.
    pub fn kill(&self, id: &str) {
        self.ask("POST", &format!("/containers/{id}/kill"));
    }

    /// Kills and removes a container.
    pub fn remove(&self, id: &str) {
        self.ask("DELETE", &format!("/containers/{id}?force=true&v=true"));
    }

    fn ask(&self, method: &str, path: &str) -> Value {
        let body = self.send(method, path).unwrap_or_else(|error| panic!("Docker: {method} {path}: {error}"));
        if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&body).expect("Docker answers in JSON")
        }
    }

    /// HTTP/1.0 asks the other side to close the connection, and to send no chunks.
    fn send(&self, method: &str, path: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.trim().to_owned()).unwrap_or_default())
    }
}
