//! What a container leaves behind when it ends: its termination log, or the end of its log.

use bireme_core::runtime::{ContainerStatus, LogOptions, Output};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use tracing::debug;

use crate::agent::Agent;
use crate::pod::declared;
use crate::pod::observed::exit;
use crate::volumes::termination_log;

/// The most that is told of a termination log, in bytes.
const MESSAGE_LIMIT: u64 = 4096;
/// The most that is told of a log instead: bytes and lines.
const LOG_LIMIT: usize = 2048;
const LOG_LINES: u64 = 80;

/// The last word of a container that has ended; empty when it left none or it cannot be read.
pub(super) async fn read(agent: &Agent, uid: &str, pod: &Pod, container: &ContainerStatus) -> String {
    let file = termination_log(uid, &container.name, container.attempt);
    let message = match agent.config.host.files.read_end(&file, MESSAGE_LIMIT).await {
        Ok(message) => String::from_utf8_lossy(&message).into_owned(),
        Err(error) => {
            debug!(container = %container.name, %error, "a termination log cannot be read");
            String::new()
        }
    };
    let failed = exit(container).is_some_and(|exit| exit.code != 0);
    let declared = declared::by_name(declared::spec(pod), &container.name);
    let policy = declared.and_then(|declared| declared.spec.termination_message_policy.as_deref());
    if !message.is_empty() || !failed || policy != Some("FallbackToLogsOnError") {
        return message;
    }
    end_of_log(agent, container).await
}

async fn end_of_log(agent: &Agent, container: &ContainerStatus) -> String {
    let options = LogOptions { tail: Some(LOG_LINES), ..LogOptions::default() };
    let mut text = Vec::new();
    match agent.runtime.logs(&container.id, &options).await {
        Ok(mut log) => {
            while let Some(Ok(chunk)) = log.next().await {
                let (Output::Stdout(bytes) | Output::Stderr(bytes)) = chunk.output;
                text.extend_from_slice(&bytes);
            }
        }
        Err(error) => debug!(container = %container.name, %error, "a log cannot be read"),
    }
    let from = text.len().saturating_sub(LOG_LIMIT);
    String::from_utf8_lossy(&text[from..]).into_owned()
}
