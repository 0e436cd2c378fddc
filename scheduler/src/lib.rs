//! The default [`Scheduler`](bireme_core::scheduler::Scheduler) and what feeds it.
//!
//! * [`DefaultScheduler`]: a framework of [`Filter`]s and [`Score`]s with upstream's plugins; pure.
//! * [`SchedulingQueue`]: which pod is next, and which of those that fit nowhere a change could help; pure, too.
//! * [`SchedulerLoop`]: follows pods and nodes, asks a scheduler, and binds through the API.
//!
//! The loop takes any `Scheduler`, so that another algorithm replaces [`DefaultScheduler`] and nothing else.

mod binding;
mod default;
mod framework;
mod plugins;
mod queue;
mod run;

pub use default::DefaultScheduler;
pub use framework::{Filter, NodeFilter, NodeScore, Score};
pub use plugins::{
    LeastAllocated, NodeAffinity, NodeName, NodePorts, NodeResourcesBalancedAllocation, NodeResourcesFit,
    NodeUnschedulable, TaintToleration,
};
pub use queue::{QueueConfig, SchedulingQueue};
pub use run::{SchedulerConfig, SchedulerLoop};
