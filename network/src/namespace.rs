//! Reaching into a pod's network namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use bireme_core::Environment;
use nix::sched::{CloneFlags, setns};
use tokio::sync::oneshot;

use crate::kernel::Kernel;

/// An open network namespace: it stays what it is, and exists at least as long as this value does.
pub(crate) struct Namespace {
    file: File,
    kernel: Kernel,
}

impl Namespace {
    /// Opens the namespace at `path` and a connection to the kernel from inside it.
    ///
    /// A socket belongs for ever to the namespace in which it was made. So a thread goes in, makes it and ends; no
    /// thread of the runtime ever leaves its own namespace.
    pub(crate) async fn open(path: &Path, env: &Environment) -> io::Result<Self> {
        let file = File::open(path)?;
        let inside = file.try_clone()?;
        let runtime = tokio::runtime::Handle::current();
        let (sender, receiver) = oneshot::channel();
        std::thread::Builder::new().name("bireme-netns".to_owned()).spawn(move || {
            let connection =
                setns(&inside, CloneFlags::CLONE_NEWNET).map_err(io::Error::from).and_then(|()| {
                    let _context = runtime.enter();
                    rtnetlink::new_connection()
                });
            // The receiver is gone when the caller was dropped, and with it any use for the connection.
            drop(sender.send(connection));
        })?;
        let connection =
            receiver.await.map_err(|_| io::Error::other("the thread inside the namespace died"))?;
        let (connection, handle, _unsolicited) = connection?;
        env.spawn(connection);
        Ok(Self { file, kernel: Kernel::new(handle) })
    }

    /// The network inside.
    pub(crate) fn kernel(&self) -> &Kernel {
        &self.kernel
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
