//! Commits to etcd, for comparison: one member on the same disk and machine.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use bireme_core::Environment;
use bireme_store_etcd::{EtcdStore, Options};

/// An etcd that is killed when this is dropped.
pub struct Etcd(Child);

impl Etcd {
    /// Starts `etcd`, which must be on the PATH, with its files in `folder`, and opens a store in it.
    pub async fn start(folder: &Path, env: &Environment) -> anyhow::Result<(Etcd, EtcdStore)> {
        let (clients, peers) = (address()?, address()?);
        let log = std::fs::File::create(folder.join("etcd.log"))?;
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(folder.join("etcd"));
        for listener in ["--listen-client-urls", "--advertise-client-urls"] {
            command.args([listener, &clients]);
        }
        command.args(["--listen-peer-urls", &peers]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let etcd = Etcd(command.spawn().context("starting etcd (Debian's etcd-server)")?);
        let store = EtcdStore::open(&Options::new([clients]), env).await?;
        Ok((etcd, store))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It is gone already if this fails.
        if self.0.kill().is_ok() {
            self.0.wait().ok();
        }
    }
}

/// The URL of a port that is free.
fn address() -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(format!("http://{}", listener.local_addr()?))
}
