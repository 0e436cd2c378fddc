//! Answers reach their callers wherever those run.

use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use futures::future::join_all;
use tokio::runtime::{Builder, Runtime};

use super::*;

const CALLERS: u64 = 64;

/// As many commits at once as make a group whose answers a task gives.
async fn commit_together(store: SledStore) {
    let keys = (0..CALLERS).map(|caller| format!("/{caller}"));
    let commits = keys.map(|key| store.commit(Commit::new().put(Key::from(key), "x".into())));
    let mut revisions: Vec<_> = join_all(commits).await.into_iter().map(|made| made.unwrap().0).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=CALLERS).collect::<Vec<_>>());
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a future on this thread, without a runtime.
fn block_on(future: impl Future<Output = ()>) {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    while future.as_mut().poll(&mut context) == Poll::Pending {
        std::thread::park();
    }
}

#[test]
fn callers_in_another_runtime_than_the_one_that_opened_the_store_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    // From here on nobody drives it.
    let idle = runtime();
    let store = idle.block_on(open(folder.path())).unwrap();
    runtime().block_on(commit_together(store));
}

#[test]
fn callers_outside_of_any_runtime_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = runtime().block_on(open(folder.path())).unwrap();
    block_on(commit_together(store));
}

#[test]
fn callers_that_outlive_their_runtime_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = runtime().block_on(open(folder.path())).unwrap();
    let gone = runtime();
    let inside = gone.handle().clone();
    drop(gone);
    let _inside = inside.enter();
    block_on(commit_together(store));
}
