//! Carrying a plan out.

use std::mem::discriminant;
use std::sync::Arc;

use futures::future::join_all;

use super::written::Written;
use super::{Announcement, Command, Failure, ObjectRef, Verb};
use crate::client::{Client, DeleteOptions, Deletion, ListOptions, WriteOptions};
use crate::error::{ApiError, Reason};
use crate::events::{Note, Recorder, Severity};
use crate::object::{Kind, Object};

/// How many deletes are under way at once.
const DELETES_AT_ONCE: usize = 32;

/// Speaks to the API for one controller.
pub(super) struct Carrier {
    pub(super) client: Arc<dyn Client>,
    pub(super) recorder: Recorder,
    pub(super) options: WriteOptions,
}

/// What a command did.
enum Effect {
    Wrote(Arc<Object>),
    Deleted(ObjectRef, Deletion),
    FoundGone(ObjectRef, Option<String>),
    /// Nothing that a cache would show.
    Unseen,
    /// The namespace is going: nothing more can be done in it, nor need be.
    Pointless,
}

impl Carrier {
    /// Does what the commands say, in order, up to the first failure; adjacent creates in batches of 1, 2, 4, …,
    /// adjacent deletes at once. Notes in `written` what the caches have to show afterwards.
    pub(super) async fn carry_out(&self, commands: &[Command], written: &mut Written) -> Result<(), Failure> {
        let mut rest = commands;
        while let Some(first) = rest.first() {
            let alike = |command: &&Command| discriminant(*command) == discriminant(first);
            let (mut run, later) = rest.split_at(rest.iter().take_while(alike).count());
            rest = later;
            let mut width = if matches!(first, Command::Delete { .. }) { DELETES_AT_ONCE } else { 1 };
            while !run.is_empty() {
                let (batch, others) = run.split_at(width.min(run.len()));
                run = others;
                if !self.batch(batch, written).await? {
                    return Ok(());
                }
                if matches!(first, Command::Create { .. }) {
                    width *= 2;
                }
            }
        }
        Ok(())
    }

    /// Does all of the commands at once; answers whether there is a point in going on.
    async fn batch(&self, commands: &[Command], written: &mut Written) -> Result<bool, Failure> {
        let (mut failure, mut pointless) = (None, false);
        for outcome in join_all(commands.iter().map(|command| self.perform(command))).await {
            match outcome {
                Ok(Effect::Wrote(object)) => written.wrote(&object),
                Ok(Effect::Deleted(target, deletion)) => written.deleted(&target, &deletion),
                Ok(Effect::FoundGone(target, uid)) => written.found_gone(&target, uid.as_deref()),
                Ok(Effect::Unseen) => {}
                Ok(Effect::Pointless) => pointless = true,
                Err(failed) => {
                    written.failed(failed.kind, &failed.error);
                    failure.get_or_insert(failed);
                }
            }
        }
        failure.map_or(Ok(!pointless), Err)
    }

    async fn perform(&self, command: &Command) -> Result<Effect, Failure> {
        let failed = |verb, kind| move |error| Failure { verb, kind, error };
        match command {
            Command::Create { object, announce } => {
                self.create(object, announce.as_ref()).await.map_err(failed(Verb::Create, object.kind()))
            }
            Command::Update { object, part } => {
                let updated = self.client.update(object, *part, &self.options).await;
                updated.map(Effect::Wrote).map_err(failed(Verb::Update, object.kind()))
            }
            Command::Patch { target, part, patch } => {
                let patched = self.client.patch(target.kind, &target.key, *part, patch, &self.options).await;
                patched.map(Effect::Wrote).map_err(failed(Verb::Patch, target.kind))
            }
            Command::Delete { target, options, announce } => self
                .delete(target, options, announce.as_ref())
                .await
                .map_err(failed(Verb::Delete, target.kind)),
            Command::DeleteAll { kind, namespace } => {
                self.delete_all(*kind, namespace).await.map_err(failed(Verb::Delete, *kind))
            }
            Command::Record(event) => {
                self.recorder.record(event.clone());
                Ok(Effect::Unseen)
            }
        }
    }

    async fn create(&self, object: &Object, announce: Option<&Announcement>) -> Result<Effect, ApiError> {
        let created = self.client.create(object, &self.options).await;
        if let Err(error) = &created
            && is_terminating(error)
        {
            return Ok(Effect::Pointless);
        }
        if let Some(announce) = announce {
            let kind = object.kind();
            let outcome = created.as_ref().map(|object| told("Created", kind, object.name()));
            self.announce(announce, outcome.map_err(|error| format!("Error creating: {error}")));
        }
        created.map(Effect::Wrote)
    }

    async fn delete(
        &self,
        target: &ObjectRef,
        options: &DeleteOptions,
        announce: Option<&Announcement>,
    ) -> Result<Effect, ApiError> {
        let deleted = self.client.delete(target.kind, &target.key, options).await;
        if deleted.as_ref().is_err_and(ApiError::is_not_found) {
            return Ok(Effect::FoundGone(target.clone(), options.preconditions.uid.clone()));
        }
        if let Some(announce) = announce {
            let outcome = deleted.as_ref().map(|_| told("Deleted", target.kind, target.key.name()));
            self.announce(announce, outcome.map_err(|error| format!("Error deleting: {error}")));
        }
        deleted.map(|deletion| Effect::Deleted(target.clone(), deletion))
    }

    async fn delete_all(&self, kind: Kind, namespace: &str) -> Result<Effect, ApiError> {
        let (list, options) = (ListOptions::namespaced(namespace), DeleteOptions::default());
        self.client.delete_collection(kind, &list, &options).await?;
        // Nobody plans by what is left of these: they are deleted because no cache has them.
        Ok(Effect::Unseen)
    }

    fn announce(&self, announce: &Announcement, outcome: Result<String, String>) {
        let (severity, reason, message) = match outcome {
            Ok(message) => (Severity::Normal, announce.success, message),
            Err(message) => (Severity::Warning, announce.failure, message),
        };
        self.recorder.record(Note::new(&announce.regarding, severity, reason, message));
    }
}

fn told(verb: &str, kind: Kind, name: &str) -> String {
    format!("{verb} {}: {name}", kind.name().to_lowercase())
}

/// Whether the namespace of what was to be created is being deleted.
fn is_terminating(error: &ApiError) -> bool {
    error.reason() == Reason::Forbidden
        && error.causes().iter().any(|cause| cause.reason == "NamespaceTerminating")
}
