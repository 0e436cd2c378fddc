//! What the suites share.

use std::io::{self, Write as _};
use std::time::Duration;

use crate::Environment;

/// How long a case waits for what must happen; long, since the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a case can run; says on the real standard error, which is not captured with a test's output, why it cannot.
pub(super) fn can_run(case: &str, missing: Option<String>) -> bool {
    if let Some(missing) = &missing {
        writeln!(io::stderr(), "{case} is not run; missing: {missing}").expect("standard error is open");
    }
    missing.is_none()
}

/// Runs tasks at the same time and collects what they return.
pub(super) async fn together<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let env = Environment::system();
    let handles: Vec<_> = tasks.into_iter().map(|task| env.spawn(task)).collect();
    let mut results = Vec::with_capacity(handles.len());
    for handle in handles {
        results.push(handle.await.expect("the task does not panic"));
    }
    results
}
