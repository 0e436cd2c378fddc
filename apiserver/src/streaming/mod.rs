//! Connections that are taken over: exec, attach and port-forward, each over WebSocket or SPDY.
//!
//! A request is [accepted](accept) when client and server have a [`Protocol`] in common; what is carried on its
//! connection then is either a [`session`] with a process or the [ports](port_forward) of a pod.

mod channels;
mod port_forward;
mod session;
mod spdy;
mod upgrade;

pub(crate) use port_forward::{Forward, PortForwardProtocol};
pub(crate) use session::{SessionProtocol, carry, remote_session};
pub(crate) use upgrade::{Protocol, accept, cannot_upgrade, names};

use std::time::Duration;

/// How long a client may take to close its side when the server has said that all is done.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
