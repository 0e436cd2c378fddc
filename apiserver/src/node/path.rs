//! The paths of a node's API, as the kubelet has them.

use bireme_core::node_access::{ContainerRef, PodRef};
use bireme_core::object::ObjectKey;
use bireme_core::runtime::{LogOptions, Stdio};
use form_urlencoded::Serializer;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::query::Query;

/// What a path of the API is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NodePath {
    /// `/containerLogs/<namespace>/<pod>/<container>?uid=<uid>`
    Logs(ContainerRef),
    /// `/exec/<namespace>/<pod>/<uid>/<container>`
    Exec(ContainerRef),
    /// `/attach/<namespace>/<pod>/<uid>/<container>`
    Attach(ContainerRef),
    /// `/portForward/<namespace>/<pod>/<uid>`
    PortForward(PodRef),
}

impl NodePath {
    /// None when nothing is there.
    pub(super) fn parse(path: &str, query: &Query) -> Option<NodePath> {
        let segments: Vec<String> = path
            .strip_prefix('/')?
            .split('/')
            .map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned()))
            .collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match segments.as_slice() {
            ["containerLogs", namespace, name, container] => {
                NodePath::Logs(in_pod(pod(namespace, name, query.text("uid")?), container))
            }
            ["exec", namespace, name, uid, container] => {
                NodePath::Exec(in_pod(pod(namespace, name, uid), container))
            }
            ["attach", namespace, name, uid, container] => {
                NodePath::Attach(in_pod(pod(namespace, name, uid), container))
            }
            ["portForward", namespace, name, uid] => NodePath::PortForward(pod(namespace, name, uid)),
            _ => return None,
        })
    }

    /// The path with a query, to which parameters are added.
    fn with_query(&self, add: impl FnOnce(&mut Serializer<'_, String>)) -> String {
        let mut query = Serializer::new(String::new());
        let (verb, pod, uid, container) = match self {
            NodePath::Logs(at) => {
                query.append_pair("uid", &at.pod.uid);
                ("containerLogs", &at.pod, None, Some(&at.container))
            }
            NodePath::Exec(at) => ("exec", &at.pod, Some(&at.pod.uid), Some(&at.container)),
            NodePath::Attach(at) => ("attach", &at.pod, Some(&at.pod.uid), Some(&at.container)),
            NodePath::PortForward(pod) => ("portForward", pod, Some(&pod.uid), None),
        };
        add(&mut query);
        let names = [pod.key.namespace().unwrap_or_default(), pod.key.name()];
        let mut path = format!("/{verb}");
        for segment in names.into_iter().chain(uid.map(String::as_str)).chain(container.map(String::as_str)) {
            path.push('/');
            path.extend(utf8_percent_encode(segment, NON_ALPHANUMERIC));
        }
        format!("{path}?{}", query.finish())
    }
}

fn pod(namespace: &str, name: &str, uid: &str) -> PodRef {
    PodRef { key: ObjectKey::new(Some(namespace), name), uid: uid.to_owned() }
}

fn in_pod(pod: PodRef, container: &str) -> ContainerRef {
    ContainerRef { pod, container: container.to_owned() }
}

/// Where a log is read.
pub(super) fn logs(container: &ContainerRef, previous: bool, options: &LogOptions) -> String {
    NodePath::Logs(container.clone()).with_query(|query| {
        flags(query, [("follow", options.follow), ("previous", previous)]);
        if let Some(tail) = options.tail {
            query.append_pair("tailLines", &tail.to_string());
        }
        if let Some(since) = options.since {
            query.append_pair("sinceTime", &since.to_string());
        }
    })
}

/// Where a command is run.
pub(super) fn exec(container: &ContainerRef, command: &[String], stdio: Stdio) -> String {
    NodePath::Exec(container.clone()).with_query(|query| {
        streams(query, stdio);
        for word in command {
            query.append_pair("command", word);
        }
    })
}

/// Where a container's main process is reached.
pub(super) fn attach(container: &ContainerRef, stdio: Stdio) -> String {
    NodePath::Attach(container.clone()).with_query(|query| streams(query, stdio))
}

/// Where a pod's port is reached.
pub(super) fn port_forward(pod: &PodRef, port: u16) -> String {
    NodePath::PortForward(pod.clone()).with_query(|query| {
        query.append_pair("port", &port.to_string());
    })
}

fn streams(query: &mut Serializer<'_, String>, stdio: Stdio) {
    let Stdio { stdin, stdout, stderr, tty } = stdio;
    flags(query, [("stdin", stdin), ("stdout", stdout), ("stderr", stderr), ("tty", tty)]);
}

fn flags<const N: usize>(query: &mut Serializer<'_, String>, flags: [(&str, bool); N]) {
    for (name, _) in flags.into_iter().filter(|(_, on)| *on) {
        query.append_pair(name, "true");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> NodePath {
        let (path, query) = uri.split_once('?').unwrap();
        NodePath::parse(path, &Query::parse(Some(query))).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let web = pod("default", "web-0.x", "6c8e-1");
        let main = in_pod(web.clone(), "main");
        let (command, stdio) = (["sh", "-c", "a & b"].map(str::to_owned), Stdio::default());
        assert_eq!(parse(&logs(&main, true, &LogOptions::default())), NodePath::Logs(main.clone()));
        assert_eq!(parse(&exec(&main, &command, stdio)), NodePath::Exec(main.clone()));
        assert_eq!(parse(&attach(&main, stdio)), NodePath::Attach(main));
        assert_eq!(parse(&port_forward(&web, 80)), NodePath::PortForward(web));
    }

    #[test]
    fn paths_are_the_kubelets() {
        let uri = "/exec/default/web/uid-1/main?command=sh";
        assert_eq!(parse(uri), NodePath::Exec(in_pod(pod("default", "web", "uid-1"), "main")));
        for nothing in ["/", "/exec/default/web/main", "/containerLogs/default/web/main", "/pods"] {
            assert_eq!(NodePath::parse(nothing, &Query::default()), None, "{nothing}");
        }
    }
}
