//! port-forward: connections to the ports of a pod.

use std::sync::Arc;

use bireme_core::error::ApiError;

use super::{Target, pod};
use crate::http::Reply;
use crate::limits::too_many;
use crate::query::Query;
use crate::server::Api;
use crate::streaming::{self, Forward, PortForwardProtocol};

pub(super) async fn port_forward(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let ports = ports(&target.call.query)?;
    let place = api.streams.clone().try_acquire_owned().map_err(|_| too_many("streams"))?;
    let on_node = pod::on_node(api, &target, "create", "portforward").await?;
    let accepted =
        streaming::accept::<PortForwardProtocol>(&target.call.headers, target.call.upgrade.take())?;
    if accepted.protocol == PortForwardProtocol::Channels && ports.is_empty() {
        return Err(ApiError::bad_request("you must specify at least 1 port to forward"));
    }
    let forward = Forward { pod: on_node.pod, node: on_node.node, ports };
    Ok(forward.carry(&api.env, accepted, api.closing.clone(), place))
}

/// The ports that a request names, by commas or by repetition.
fn ports(query: &Query) -> Result<Vec<u16>, ApiError> {
    let ports = query.all("ports").flat_map(|ports| ports.split(','));
    let ports: Vec<u16> = ports
        .map(|port| match port.parse() {
            Ok(0) | Err(_) => Err(ApiError::bad_request(format!("{port:?} is not a port"))),
            Ok(port) => Ok(port),
        })
        .collect::<Result<_, _>>()?;
    match ports.len() {
        0..=Forward::MAX_PORTS => Ok(ports),
        count => Err(ApiError::bad_request(format!("{count} ports are more than one request can forward"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_listed_either_way() {
        let ports = |query| ports(&Query::parse(Some(query))).ok();
        assert_eq!(ports("ports=80,443&ports=8080"), Some(vec![80, 443, 8080]));
        assert_eq!(ports(""), Some(vec![]));
        for wrong in ["ports=0", "ports=", "ports=65536", "ports=http"] {
            assert_eq!(ports(wrong), None, "{wrong}");
        }
        assert_eq!(ports(&format!("ports=1{}", ",1".repeat(127))), None);
    }
}
