//! Images, as the pull policy of a container asks for them.

use std::time::Duration;

use bireme_core::events::Severity;
use bireme_core::object::Object;
use bireme_core::runtime::RuntimeError;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::outcome::StepError;
use super::registry_auth;
use crate::agent::Agent;
use crate::pod::declared;

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

impl PullPolicy {
    fn of(container: &Container, image: &str) -> Self {
        match container.image_pull_policy.as_deref() {
            Some("Always") => Self::Always,
            Some("Never") => Self::Never,
            Some("IfNotPresent") => Self::IfNotPresent,
            // The API server fills this in; the rule is the same.
            _ if is_moving(image) => Self::Always,
            _ => Self::IfNotPresent,
        }
    }
}

/// Whether a reference means `latest`, said or unsaid.
fn is_moving(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Sees to it that a container's image is present.
pub(super) async fn ensure(agent: &Agent, object: &Object, pod: &Pod, name: &str) -> Result<(), StepError> {
    let declared = declared::by_name(declared::spec(pod), name);
    let container = declared.map(|declared| declared.spec).ok_or_else(|| invalid(""))?;
    let image = container.image.as_deref().unwrap_or_default();
    if image.is_empty() || image.contains(char::is_whitespace) {
        let error = invalid(image);
        agent.note(object, Some(name), Severity::Warning, "InspectFailed", &error.message);
        return Err(error);
    }
    let present = match agent.runtime.image(image).await {
        Ok(present) => present.is_some(),
        Err(error) => return Err(failed(agent, object, name, image, &error)),
    };
    match PullPolicy::of(container, image) {
        PullPolicy::Never if !present => {
            let message = format!("Container image \"{image}\" is not present with pull policy of Never");
            agent.note(object, Some(name), Severity::Warning, "ErrImageNeverPull", &message);
            Err(StepError::new("ErrImageNeverPull", message))
        }
        PullPolicy::Never | PullPolicy::IfNotPresent if present => {
            let message = format!("Container image \"{image}\" already present on machine");
            agent.note(object, Some(name), Severity::Normal, "Pulled", message);
            Ok(())
        }
        _ => pull(agent, object, pod, name, image).await,
    }
}

fn invalid(image: &str) -> StepError {
    StepError::new(
        "InvalidImageName",
        format!("Failed to apply default image tag \"{image}\": invalid reference"),
    )
}

async fn pull(agent: &Agent, object: &Object, pod: &Pod, name: &str, image: &str) -> Result<(), StepError> {
    let asked = agent.env.instant();
    agent.note(object, Some(name), Severity::Normal, "Pulling", format!("Pulling image \"{image}\""));
    // The semaphore is never closed; if it were, pulling without a limit is better than not at all.
    let permit = agent.pulls.acquire().await.ok();
    let begun = agent.env.instant();
    let auth = registry_auth::for_image(pod, image, agent.sources.configs.as_ref()).await;
    let pulled = match auth {
        Ok(auth) => agent.runtime.pull_image(image, auth.as_ref()).await,
        Err(error) => Err(RuntimeError::Pull { reference: image.to_owned(), detail: error.to_string() }),
    };
    drop(permit);
    let pulled = pulled.map_err(|error| failed(agent, object, name, image, &error))?;
    let (took, waited) = (agent.env.instant().since(begun), agent.env.instant().since(asked));
    let message = format!(
        "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {} bytes.",
        seconds(took),
        seconds(waited),
        pulled.size
    );
    agent.note(object, Some(name), Severity::Normal, "Pulled", message);
    Ok(())
}

fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        millis if millis < 1000 => format!("{millis}ms"),
        millis => format!("{}.{:03}s", millis / 1000, millis % 1000),
    }
}

fn failed(agent: &Agent, object: &Object, name: &str, image: &str, error: &RuntimeError) -> StepError {
    let message = error.to_string();
    let told = format!("Failed to pull image \"{image}\": {message}");
    agent.note(object, Some(name), Severity::Warning, "Failed", told);
    agent.note(object, Some(name), Severity::Warning, "Failed", "Error: ErrImagePull");
    StepError::new("ErrImagePull", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_latest_moves() {
        for (image, moves) in [
            ("web", true),
            ("web:latest", true),
            ("web:1", false),
            ("registry:5000/web", true),
            ("registry:5000/web:1", false),
            ("web@sha256:abc", false),
        ] {
            assert_eq!(is_moving(image), moves, "{image}");
            let policy = PullPolicy::of(&Container::default(), image);
            assert_eq!(policy == PullPolicy::Always, moves, "{image}");
        }
    }
}
