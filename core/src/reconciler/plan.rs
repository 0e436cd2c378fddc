//! What a reconciler wants done.

use std::sync::Arc;

use jiff::Timestamp;

use super::change::merge_patch;
use super::{ObjectRef, ReconcileError};
use crate::client::{DeleteOptions, Part, Patch, Preconditions, Propagation};
use crate::error::ApiError;
use crate::events::Note;
use crate::object::{Kind, Object, ObjectKey, Resource};

/// What to do about a target, and when to look at it again without any change.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What to do, in order; see [`Reconciler`](super::Reconciler) for how it is carried out.
    pub commands: Vec<Command>,
    /// When to look again even if nothing changes.
    pub requeue_at: Option<Timestamp>,
    /// What to read from the API before deciding. If there is any, nothing else of the plan is done: the
    /// reconciler is called again, with the answers in [`View::live`](super::View::live).
    pub need_live: Vec<ObjectRef>,
    /// Of which kinds to read all objects of a namespace, likewise; the answers are in
    /// [`View::live_list`](super::View::live_list).
    pub need_live_lists: Vec<(Kind, String)>,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create an object. Not done, and not an error, when the namespace is being deleted.
    Create {
        /// The object, at revision zero.
        object: Arc<Object>,
        /// The events to tell of it.
        announce: Option<Announcement>,
    },
    /// Replace a part of an object that is still at the object's revision.
    Update {
        /// The object as it shall be.
        object: Arc<Object>,
        /// The part that is meant.
        part: Part,
    },
    /// Change a part of an object. What must hold is in the patch (`metadata.resourceVersion`, `metadata.uid`).
    Patch {
        /// The object.
        target: ObjectRef,
        /// The part that is meant.
        part: Part,
        /// The change.
        patch: Patch,
    },
    /// Delete an object. One that is gone already is no error.
    Delete {
        /// The object.
        target: ObjectRef,
        /// How, and what must hold.
        options: DeleteOptions,
        /// The events to tell of it.
        announce: Option<Announcement>,
    },
    /// Delete all objects of a kind in a namespace, whether a cache has them or not.
    DeleteAll {
        /// The kind.
        kind: Kind,
        /// The namespace.
        namespace: String,
    },
    /// Tell of something that happened.
    Record(Note),
}

/// The events that a create or delete is told by, such as `SuccessfulCreate` and `FailedCreate`.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The object that the events are about: the one that wants the create or delete.
    pub regarding: Arc<Object>,
    /// The reason of the event when it went well.
    pub success: &'static str,
    /// The reason of the event when it failed.
    pub failure: &'static str,
}

/// What a command wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// [`Command::Create`].
    Create,
    /// [`Command::Update`].
    Update,
    /// [`Command::Patch`].
    Patch,
    /// [`Command::Delete`] and [`Command::DeleteAll`].
    Delete,
}

/// Why the last plan for a target was not carried out to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was wanted.
    pub verb: Verb,
    /// Of which kind of object.
    pub kind: Kind,
    /// Why it failed.
    pub error: ApiError,
}

impl Plan {
    /// Nothing to do.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// First read these.
    pub fn need_live(objects: Vec<ObjectRef>) -> Self {
        Self { need_live: objects, ..Self::default() }
    }

    /// Whether something has to be read before the plan is one.
    pub fn needs_reads(&self) -> bool {
        !self.need_live.is_empty() || !self.need_live_lists.is_empty()
    }

    /// Also does this.
    pub fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Also creates this.
    ///
    /// # Errors
    ///
    /// When the object cannot be encoded.
    pub fn create<K: Resource>(
        &mut self,
        object: K,
        announce: Option<Announcement>,
    ) -> Result<(), ReconcileError> {
        self.push(Command::Create { object: Arc::new(Object::from_typed(object)?), announce });
        Ok(())
    }

    /// Also changes a part of an object from what it is to what it shall be, provided that it still is that.
    /// If the two are equal, nothing is done.
    ///
    /// The change is a merge patch of the differences, so that fields which this program does not know stay.
    ///
    /// # Errors
    ///
    /// When an object cannot be encoded.
    pub fn change<K: Resource>(&mut self, from: &K, to: &K, part: Part) -> Result<(), ReconcileError> {
        if let Some(patch) = merge_patch(from, to)? {
            let metadata = from.metadata();
            let namespace = metadata.namespace.as_deref().filter(|_| Kind::of::<K>().is_namespaced());
            let key = ObjectKey::new(namespace, metadata.name.as_deref().unwrap_or_default());
            let patch = Patch::Merge(patch.to_string().into());
            self.push(Command::Patch { target: ObjectRef::to::<K>(key), part, patch });
        }
        Ok(())
    }

    /// Also deletes just this incarnation of an object.
    pub fn delete(&mut self, object: &Object, announce: Option<Announcement>) {
        let options = DeleteOptions::of_uid(object.uid());
        self.push(Command::Delete { target: object.into(), options, announce });
    }

    /// Also deletes an object that is still at this revision, in a certain manner.
    pub fn delete_exactly(&mut self, object: &Object, propagation: Propagation) {
        let preconditions =
            Preconditions { uid: Some(object.uid().to_owned()), revision: Some(object.revision()) };
        let options = DeleteOptions { preconditions, propagation: Some(propagation), ..Default::default() };
        self.push(Command::Delete { target: object.into(), options, announce: None });
    }

    /// Also tells of something that happened.
    pub fn record(&mut self, event: Note) {
        self.push(Command::Record(event));
    }

    /// Looks again at this time, or earlier if the plan says so already.
    pub fn requeue_at(&mut self, time: Timestamp) {
        self.requeue_at = Some(self.requeue_at.map_or(time, |known| known.min(time)));
    }

    /// The objects of a type that the plan creates.
    pub fn created<K: Resource>(&self) -> Vec<Arc<K>> {
        let of = |command: &Command| match command {
            Command::Create { object, .. } => object.typed().ok(),
            _ => None,
        };
        self.commands.iter().filter_map(of).collect()
    }

    /// The objects that the plan deletes.
    pub fn deleted(&self) -> Vec<&ObjectRef> {
        let deletes = self.commands.iter().filter(|command| matches!(command, Command::Delete { .. }));
        deletes.filter_map(Command::target).collect()
    }

    /// The events that the plan tells, by reason.
    pub fn recorded(&self) -> Vec<&str> {
        let events = self.commands.iter().filter_map(|command| match command {
            Command::Record(event) => Some(event.reason.as_str()),
            _ => None,
        });
        events.collect()
    }

    /// The merge patches that the plan applies to a part of an object.
    pub fn patches(&self, object: &ObjectRef, wanted: Part) -> Vec<serde_json::Value> {
        let of = |command: &Command| match command {
            Command::Patch { target, part, patch: Patch::Merge(patch) } if target == object => {
                (*part == wanted).then(|| serde_json::from_slice(patch).ok()).flatten()
            }
            _ => None,
        };
        self.commands.iter().filter_map(of).collect()
    }
}

impl Command {
    /// The one object that is changed or deleted; none for a create (whose name may not be known) and an event.
    pub fn target(&self) -> Option<&ObjectRef> {
        match self {
            Command::Patch { target, .. } | Command::Delete { target, .. } => Some(target),
            Command::Create { .. }
            | Command::Update { .. }
            | Command::DeleteAll { .. }
            | Command::Record(_) => None,
        }
    }
}
