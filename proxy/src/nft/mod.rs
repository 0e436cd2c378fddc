//! The data plane in nftables: one table, changed through the program `nft`.

mod listing;
mod script;

use std::io;
use std::process::{ExitStatus, Output, Stdio};

use bireme_core::network::Cidr;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::rules::{Changes, Rules};

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
}

/// The table of family `ip` that holds all services of a machine, and that nobody else writes.
#[derive(Clone, Debug)]
pub struct Nft {
    table: String,
    service_range: Cidr,
}

impl Nft {
    /// The table called `table`: a letter, then letters, digits and dashes. Packets to addresses of `service_range` that no
    /// service with endpoints has are refused.
    pub fn new(table: &str, service_range: Cidr) -> Self {
        Self { table: table.to_owned(), service_range }
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

    /// Carries the changes out in one transaction: all of them, or none.
    ///
    /// # Errors
    /// [`NftError`].
    pub async fn apply(&self, changes: &Changes) -> Result<(), NftError> {
        if changes.is_empty() {
            return Ok(());
        }
        let script = script::changes(&self.table, changes);
        tracing::trace!(%script, "nft");
        self.run(&["-f", "-"], &script).await.map(drop)
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
