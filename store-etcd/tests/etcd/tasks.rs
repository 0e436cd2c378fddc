//! What the tests do at the same time, and how they wait.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{CommitEvent, WatchEvent, WatchStream};
use futures::StreamExt as _;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The next commit of a watch.
pub async fn commit(watch: &mut WatchStream) -> Arc<CommitEvent> {
    loop {
        let next = Environment::system().timeout(PATIENCE, watch.next()).await;
        match next.expect("the watch has something to say in time").unwrap().unwrap() {
            WatchEvent::Commit(commit) => return commit,
            WatchEvent::Progress(_) => {}
        }
    }
}

/// Waits.
pub async fn wait(milliseconds: u64) {
    Environment::system().sleep(Duration::from_millis(milliseconds)).await;
}
