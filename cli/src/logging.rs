//! What is logged, to standard error.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging by a filter; warnings alone unless one is given.
pub(crate) fn start(filter: Option<&String>) {
    let quiet = || Targets::new().with_default(Level::WARN);
    let (targets, complaint) = match filter.map(|filter| filter.parse::<Targets>()) {
        None => (quiet(), None),
        Some(Ok(targets)) => (targets, None),
        Some(Err(error)) => (quiet(), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(targets).with(lines).init();
    if let Some(error) = complaint {
        tracing::warn!(%error, "the log filter cannot be understood; logging warnings");
    }
}
