//! What the labels of a container keep beside its marks: what it was made from, and how it ended.

use std::collections::{BTreeMap, HashMap};

use bireme_core::runtime::{Exit, asked_for};
use jiff::Timestamp;

const IMAGE: &str = "bireme.dev/image";
const IMAGE_ID: &str = "bireme.dev/image-id";
const STOP_SIGNAL: &str = "bireme.dev/stop-signal";
const STDIN_ONCE: &str = "bireme.dev/stdin-once";
const STARTED_AT: &str = "bireme.dev/started-at";
const FINISHED_AT: &str = "bireme.dev/finished-at";
const EXIT_CODE: &str = "bireme.dev/exit-code";
const OOM_KILLED: &str = "bireme.dev/oom-killed";
const MESSAGE: &str = "bireme.dev/message";
const HOST_NETWORK: &str = "bireme.dev/host-network";
const OWN: [&str; 10] = [
    HOST_NETWORK,
    IMAGE,
    IMAGE_ID,
    STOP_SIGNAL,
    STDIN_ONCE,
    STARTED_AT,
    FINISHED_AT,
    EXIT_CODE,
    OOM_KILLED,
    MESSAGE,
];

/// containerd takes 4,096 bytes for a label's key and value together.
const LONGEST_MESSAGE: usize = 4000;

/// What a container was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The image, as the pod names it.
    pub(crate) image: String,
    pub(crate) image_id: String,
    /// The number of the signal that asks it to end.
    pub(crate) stop_signal: u32,
    pub(crate) stdin_once: bool,
}

impl Made {
    pub(crate) fn labels(&self) -> HashMap<String, String> {
        let labels = [
            (IMAGE, self.image.clone()),
            (IMAGE_ID, self.image_id.clone()),
            (STOP_SIGNAL, self.stop_signal.to_string()),
            (STDIN_ONCE, self.stdin_once.to_string()),
        ];
        labels.map(|(key, value)| (key.to_owned(), value)).into()
    }

    pub(crate) fn read(labels: &HashMap<String, String>) -> Option<Made> {
        Some(Made {
            image: labels.get(IMAGE)?.clone(),
            image_id: labels.get(IMAGE_ID)?.clone(),
            stop_signal: labels.get(STOP_SIGNAL)?.parse().ok()?,
            stdin_once: labels.get(STDIN_ONCE)?.parse().ok()?,
        })
    }
}

/// The id of the image that a container was made from.
pub(crate) fn image_id(labels: &HashMap<String, String>) -> Option<&str> {
    labels.get(IMAGE_ID).map(String::as_str)
}

/// Whether a sandbox uses the node's network.
pub(crate) fn host_network(uses: bool) -> Option<(String, String)> {
    uses.then(|| (HOST_NETWORK.to_owned(), "true".to_owned()))
}

pub(crate) fn is_host_network(labels: &HashMap<String, String>) -> bool {
    labels.contains_key(HOST_NETWORK)
}

pub(crate) fn started(at: Timestamp) -> (String, String) {
    (STARTED_AT.to_owned(), at.to_string())
}

pub(crate) fn started_at(labels: &HashMap<String, String>) -> Option<Timestamp> {
    labels.get(STARTED_AT)?.parse().ok()
}

/// The labels that keep how a container ended.
pub(crate) fn ended(exit: &Exit) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (EXIT_CODE.to_owned(), exit.code.to_string()),
        (OOM_KILLED.to_owned(), exit.oom_killed.to_string()),
        (FINISHED_AT.to_owned(), exit.finished_at.to_string()),
    ]);
    labels.extend(exit.started_at.map(started));
    if let Some(message) = &exit.message {
        let mut end = message.len().min(LONGEST_MESSAGE);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        labels.insert(MESSAGE.to_owned(), message[..end].to_owned());
    }
    labels
}

/// How a container ended, if that was kept.
pub(crate) fn exit(labels: &HashMap<String, String>) -> Option<Exit> {
    let code = labels.get(EXIT_CODE)?.parse().ok()?;
    let finished_at = labels.get(FINISHED_AT)?.parse().ok()?;
    Some(Exit {
        code,
        oom_killed: labels.get(OOM_KILLED).is_some_and(|oom| oom == "true"),
        started_at: started_at(labels).map(|at| at.min(finished_at)),
        finished_at,
        message: labels.get(MESSAGE).cloned(),
    })
}

/// The labels that a specification gave.
pub(crate) fn of_specification(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    let mut asked = asked_for(labels);
    asked.retain(|key, _| !OWN.contains(&key.as_str()));
    asked
}

/// containerd's filter for what carries all these labels.
pub(crate) fn filter(labels: Vec<(&str, String)>) -> String {
    let terms: Vec<_> = labels.into_iter().map(|(key, value)| format!("labels.{key:?}=={value:?}")).collect();
    terms.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_back_as_it_was_kept() {
        let exit_of = |started_at, message: Option<String>| Exit {
            code: 137,
            oom_killed: true,
            started_at,
            finished_at: Timestamp::from_second(20).unwrap(),
            message,
        };
        let started = Timestamp::from_second(10).ok();
        for kept in [exit_of(started, None), exit_of(None, Some("no such file".to_owned()))] {
            assert_eq!(exit(&ended(&kept)), Some(kept));
        }
        let long = exit(&ended(&exit_of(None, Some("é".repeat(4000))))).unwrap();
        assert_eq!(long.message.unwrap(), "é".repeat(2000), "cut between two characters");
        assert_eq!(exit(&HashMap::new()), None);
    }

    #[test]
    fn what_a_container_was_made_from_is_read_back_and_not_shown_as_a_label() {
        let made = Made { image: "i".into(), image_id: "sha256:1".into(), stop_signal: 3, stdin_once: true };
        let mut labels = made.labels();
        assert_eq!(Made::read(&labels), Some(made));
        labels.insert("tier".into(), "front".into());
        assert_eq!(of_specification(labels), BTreeMap::from([("tier".to_owned(), "front".to_owned())]));
    }

    #[test]
    fn a_filter_asks_for_every_label() {
        let labels = vec![("bireme.dev/node", "n".to_owned()), ("role", "a\"b".to_owned())];
        assert_eq!(filter(labels), r#"labels."bireme.dev/node"=="n",labels."role"=="a\"b""#);
    }
}
