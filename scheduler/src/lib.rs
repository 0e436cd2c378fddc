//! The default [`Scheduler`](bireme_core::scheduler::Scheduler) and what feeds it.
//!
//! * [`DefaultScheduler`]: examines every node by the [`Filter`]s and [`Score`]s of a [`Profile`], upstream's plugins
//!   unless told otherwise; pure, and indexed.
//! * [`SchedulingQueue`]: which pod is next, and which of those that fit nowhere a change could help; pure, too.
//! * [`SchedulerLoop`]: follows pods and nodes, asks a scheduler, binds through the API, and has pods leave for others.
//! * [`Recording`] and [`simulate`]: a cluster as it is or was, and what a scheduler would do about more pods.
//! * [`configuration`]: profiles from a file of upstream's form.
//!
//! The loop takes any `Scheduler`, so that another algorithm replaces [`DefaultScheduler`] and nothing else.

mod binding;
pub mod configuration;
mod default;
mod framework;
mod index;
mod nominations;
mod plugins;
mod profile;
mod queue;
mod recording;
mod run;
mod simulation;
mod topology;

pub use default::DefaultScheduler;
pub use framework::{Filter, NodeFilter, NodeScore, Normalization, PodShape, Score};
pub use plugins::{
    LeastAllocated, MostAllocated, NodeAffinity, NodeName, NodePorts, NodeResourcesBalancedAllocation,
    NodeResourcesFit, NodeUnschedulable, RequestedToCapacityRatio, TaintToleration,
};
pub use profile::Profile;
pub use queue::{QueueConfig, SchedulingQueue};
pub use recording::{Recording, RecordingError, pods_from_list};
pub use run::{SchedulerConfig, SchedulerLoop};
pub use simulation::{Comparison, Placement, Simulation, Summary, simulate};
