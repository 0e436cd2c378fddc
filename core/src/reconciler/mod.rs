//! The [`Reconciler`] contract, and the [`Controller`] that runs one.
//!
//! A reconciler decides; it does nothing. It is a function from what the caches hold to a [`Plan`]: a list of
//! API commands with what must hold for each. The controller carries plans out, and owns all that makes this
//! hard: the queue, back-off, slow start, and never deciding on a state older than its own last write. So a
//! reconciler needs no executor, clock or client to be tested: build a [`View`], call it, look at the plan.

mod carry_out;
mod change;
mod controller;
mod error;
mod plan;
mod target;
mod view;
mod written;

pub use change::merge_patch;
pub use controller::Controller;
pub use error::ReconcileError;
pub use plan::{Announcement, Command, Failure, Plan, Verb};
pub use target::ObjectRef;
pub use view::{Live, View, ViewBuilder};

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::cache::{Delta, Index};
use crate::object::{Kind, Resource};

/// Brings one object, and what belongs to it, closer to its desired state.
///
/// # Purity
///
/// [`reconcile`](Reconciler::reconcile) and [`targets`](Reconciler::targets) are functions of their arguments:
/// the same view, target and time give the same answer. They do not read a clock, draw random numbers, block or
/// keep a memory of earlier calls. Time passes into them as `now`; a generated name is asked of the API server by
/// `generateName`.
///
/// # Level-triggering
///
/// A target says that something may have changed, never what. Several changes are one call; calls without any
/// change happen and must plan nothing. Whatever an earlier plan left undone (it failed, the process died) must
/// follow again from the state that is.
///
/// # Plans
///
/// Commands are carried out in order, and the first that fails ends the plan: the target comes again after a
/// back-off. Each command states what must hold for it (a resource version, a uid), so that one planned on an old
/// state fails instead of doing harm; such conflicts are expected and come again quietly. Adjacent creates run
/// as a slow start (1, 2, 4, … at once, none after a failure), adjacent deletes run at once.
///
/// # What a view may be
///
/// Each kind's cache is at some revision, not all at the same. For a target that was written for before, the
/// caches of all watched kinds have reached these writes, deletions included. They may lack what others wrote a
/// moment ago; where acting on that is not harmless (adopting an object, deleting it because its owner is absent),
/// the plan asks for live reads first ([`Plan::need_live`]) and `reconcile` is called again with their answers.
pub trait Reconciler: Send + Sync + 'static {
    /// The name of the controller, such as `deployment-controller`: field manager and source of its events.
    fn name(&self) -> &'static str;

    /// The kinds that it looks at. It is called when one of their objects changes, and its views hold these kinds
    /// and no others.
    fn watches(&self) -> Vec<Watch>;

    /// Which targets a change concerns. Called for every change of a watched kind, so it must be cheap. The view
    /// already holds the change; at the start every object is told as added.
    ///
    /// # Errors
    ///
    /// When an object cannot be read; it is reported, and the change leads to nothing.
    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError>;

    /// What to do about a target now. A target that does not exist (any more) is called for too.
    ///
    /// # Errors
    ///
    /// When an object cannot be read or makes no sense; the target comes again after a back-off. A panic is
    /// treated likewise and reported as the bug that it is; other targets are not affected.
    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError>;
}

/// A kind that a reconciler looks at, and how it finds objects of the kind other than by key and owner.
#[derive(Clone)]
pub struct Watch {
    /// The kind.
    pub kind: Kind,
    /// The indexes that its views need.
    pub indexes: Vec<Index>,
}

impl Watch {
    /// The kind of a `k8s_openapi` type, without further index.
    pub fn of<K: Resource>() -> Self {
        Self::kind(Kind::of::<K>())
    }

    /// A kind, without further index.
    pub fn kind(kind: Kind) -> Self {
        Self { kind, indexes: Vec::new() }
    }

    /// The same with an index.
    pub fn indexed(mut self, index: Index) -> Self {
        self.indexes.push(index);
        self
    }
}
