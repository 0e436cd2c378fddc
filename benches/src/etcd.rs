//! An etcd with one member on the same disk and machine, for comparison.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// An etcd that is killed when this is dropped.
pub(crate) struct Etcd {
    process: Child,
    url: String,
}

impl Etcd {
    /// Whether there is an etcd to start.
    pub(crate) fn is_here() -> bool {
        let version = Command::new("etcd").arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Starts `etcd`, which must be on the PATH, with its files in `folder`.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Etcd> {
        let (url, peers) = (address()?, address()?);
        let log = std::fs::File::create(folder.join("etcd.log"))?;
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(folder.join("etcd-data"));
        for listener in ["--listen-client-urls", "--advertise-client-urls"] {
            command.args([listener, &url]);
        }
        command.args(["--listen-peer-urls", &peers]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().context("starting etcd (Debian's etcd-server)")?;
        Ok(Etcd { process, url })
    }

    /// Where its clients find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It is gone already if this fails.
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

/// The URL of a port that is free.
fn address() -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(format!("http://{}", listener.local_addr()?))
}
