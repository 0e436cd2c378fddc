//! An API server on a store in memory: everything that `kubectl` can do with objects, and no node to run them on.
//!
//! `cargo run -p bireme-apiserver --example memory_server -- <folder>` writes `<folder>/kubeconfig` and serves until it
//! is killed.

use std::path::PathBuf;
use std::sync::Arc;

use bireme_apiserver::pki::{Pki, kubeconfig, write_private};
use bireme_apiserver::{ApiServer, Config};
use bireme_core::Environment;
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, Registry, RegistryOptions};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: memory_server <folder>")?);
    let env = Environment::system();
    let pki = Pki::open(&folder, &env, &[])?;
    let registry =
        Registry::open(Arc::new(MemoryStore::new()), env.clone(), RegistryOptions::default()).await?;
    let bootstrap = BootstrapOptions {
        certificate_authority: Some(pki.authority_pem().to_owned()),
        ..BootstrapOptions::default()
    };
    registry.bootstrap(&bootstrap).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    let path = folder.join("kubeconfig");
    write_private(&path, &kubeconfig("bireme", &url, pki.authority_pem(), pki.admin()))?;
    println!("serving {url}\nexport KUBECONFIG={}", path.display());
    let server = ApiServer::new(registry, Config::default(), env);
    server.serve(listener, pki.server_config()?.into(), CancellationToken::new()).await;
    Ok(())
}
