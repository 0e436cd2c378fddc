//! One agent of a machine looks after its Services; the next takes over when it is gone.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};

use bireme::core::cache::Informers;
use bireme::{Environment, HostNetwork};
use tokio::io::AsyncReadExt as _;
use tokio::net::{UnixListener, UnixStream};
use tracing::{error, info};

/// Waits for its turn, and then runs the service proxy and cluster DNS until it is dropped.
pub(crate) async fn serve_in_turn(
    name: &str,
    network: &HostNetwork,
    env: &Environment,
    informers: &Informers,
) {
    let result = async {
        let post = take_turn(name).await?;
        info!("this agent looks after the machine's Services");
        let _services = network.serve(env, informers).await?;
        // Whoever waits connects, and hears of the end by the end of the connection.
        let mut waiting = Vec::new();
        loop {
            waiting.push(post.accept().await?.0);
        }
        #[expect(unreachable_code, reason = "the loop ends by an error or by being dropped")]
        anyhow::Ok(())
    };
    if let Err(failure) = result.await {
        error!(failure = format!("{failure:#}"), "the machine's Services are looked after no longer");
    }
}

/// The post is an abstract socket: it exists for exactly as long as the process that holds it.
async fn take_turn(name: &str) -> anyhow::Result<UnixListener> {
    let address = SocketAddr::from_abstract_name(format!("bireme-services-{name}"))?;
    loop {
        match StdListener::bind_addr(&address) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(UnixListener::from_std(listener)?);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => wait_for_end(&address).await?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns when the holder of the post is gone.
async fn wait_for_end(address: &SocketAddr) -> anyhow::Result<()> {
    let stream = match StdStream::connect_addr(address) {
        Ok(stream) => stream,
        // It went between the two calls.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    stream.set_nonblocking(true)?;
    let ended = UnixStream::from_std(stream)?.read(&mut [0]).await;
    match ended {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error.into()),
    }
}
