//! The data plane in nftables: one table. The program `nft` sets it up and reads it back; small changes go to the kernel
//! directly.

mod listing;
mod script;
mod steps;
mod transaction;

use std::io;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use bireme_core::network::Cidr;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::conntrack;
use crate::netlink::Connection;
use crate::rules::{Changes, Rules};

/// How many requests go to the kernel directly. More would not fit into what a process may send at once; `nft` asks for
/// more room.
const SMALL: usize = 256;

/// Why the table could not be read or changed. After a failed change the table is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// The program `nft` cannot be started or spoken to.
    #[error("the program nft cannot be used; is it installed?")]
    Program(#[source] io::Error),
    /// The program refused, as when the process is not privileged.
    #[error("nft ended with {status}: {message}")]
    Refused {
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        message: String,
    },
    /// The program listed something that is not JSON.
    #[error("nft listed the table in a form that cannot be read")]
    Listing(#[source] serde_json::Error),
    /// The kernel did not change the table.
    #[error("the kernel does not change the table")]
    Kernel(#[source] io::Error),
}

/// The table of family `ip` that holds all services of a machine, and that nobody else writes.
#[derive(Clone, Debug)]
pub struct Nft {
    table: String,
    service_range: Cidr,
    /// Kept open: when it closes, the kernel waits until what was removed is out of use.
    kernel: Arc<Mutex<Option<Connection>>>,
}

impl Nft {
    /// The table called `table`: a letter, then letters, digits and dashes. Packets to addresses of `service_range` that no
    /// service with endpoints has are refused.
    pub fn new(table: &str, service_range: Cidr) -> Self {
        Self { table: table.to_owned(), service_range, kernel: Arc::default() }
    }

    /// Makes the table what it must be apart from the services, and reads which services it has, if it was there
    /// before. Idempotent; no connection is cut.
    ///
    /// # Errors
    /// [`NftError`].
    pub async fn adopt(&self) -> Result<Rules, NftError> {
        self.run(&["-f", "-"], &script::frame(&self.table, self.service_range)).await?;
        let output = self.run(&["-j", "list", "table", "ip", &self.table], "").await?;
        let listing = serde_json::from_slice(&output.stdout).map_err(NftError::Listing)?;
        Ok(listing::rules(&listing))
    }

    /// Carries the changes out in one transaction: all of them, or none. Then makes the kernel forget the flows that
    /// they end.
    ///
    /// # Errors
    /// [`NftError`].
    pub async fn apply(&self, changes: &Changes) -> Result<(), NftError> {
        if changes.is_empty() {
            return Ok(());
        }
        let requests = transaction::requests(&self.table, changes);
        if requests.len() <= SMALL {
            self.ask_kernel(|connection| connection.transact(requests)).map_err(NftError::Kernel)?;
        } else {
            self.run(&["-f", "-"], &script::changes(&self.table, changes)).await?;
        }
        if !changes.flows_gone.is_empty() {
            match self.ask_kernel(|connection| conntrack::forget(connection, &changes.flows_gone)) {
                Ok(count) => tracing::debug!(count, "flows of datagrams were forgotten"),
                // They end by themselves when nothing is sent for half a minute.
                Err(error) => tracing::warn!(%error, "flows of datagrams cannot be forgotten"),
            }
        }
        Ok(())
    }

    /// Asks over the open connection, or over a new one after one that failed.
    fn ask_kernel<T>(&self, ask: impl FnOnce(&mut Connection) -> io::Result<T>) -> io::Result<T> {
        let mut kernel = self.kernel.lock().expect("nobody panics with the connection");
        let mut connection = match kernel.take() {
            Some(connection) => connection,
            None => Connection::open()?,
        };
        let answer = ask(&mut connection)?;
        *kernel = Some(connection);
        Ok(answer)
    }

    /// Removes the table. Idempotent.
    ///
    /// # Errors
    /// [`NftError`].
    pub async fn remove(&self) -> Result<(), NftError> {
        // Declaring the table first makes its removal succeed also where there is none.
        let table = &self.table;
        self.run(&["-f", "-"], &format!("add table ip {table}\ndelete table ip {table}\n")).await.map(drop)
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Result<Output, NftError> {
        let mut command = Command::new("nft");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(NftError::Program)?;
        let stdin = child.stdin.take();
        let send = async {
            if let Some(mut stdin) = stdin {
                stdin.write_all(input.as_bytes()).await?;
            }
            Ok(())
        };
        // Both at once, since the program may fill its output before it has read its input to the end.
        let (sent, output) = tokio::join!(send, child.wait_with_output());
        let output = output.map_err(NftError::Program)?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(NftError::Refused { status: output.status, message });
        }
        sent.map_err(NftError::Program).map(|()| output)
    }
}
