//! A pod network that is a table in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{AddressPool, AttachRequest, Attachment, Cidr, NetworkError, PodNetwork};

/// A [`PodNetwork`] for simulated nodes: it keeps the contract and hands out addresses, but no packet flows.
///
/// Clones share the table, as two agents that follow one another on a machine share its kernel. The path of
/// the network namespace is not looked at.
#[derive(Clone, Debug)]
pub struct SimNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    pool: AddressPool,
    attached: BTreeMap<String, IpAddr>,
}

impl SimNetwork {
    /// A network with nothing attached, whose addresses come from `range`.
    pub fn new(range: Cidr) -> Self {
        let state = State { pool: AddressPool::new(range), attached: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between two changes of the state can panic, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PodNetwork for SimNetwork {
    async fn attach(&self, request: &AttachRequest) -> Result<IpAddr, NetworkError> {
        request.check()?;
        let mut state = self.state();
        if let Some(address) = state.attached.get(&request.sandbox) {
            return Ok(*address);
        }
        let address = state.pool.allocate().ok_or(NetworkError::Exhausted { range: state.pool.range() })?;
        state.attached.insert(request.sandbox.clone(), address);
        Ok(address)
    }

    async fn detach(&self, sandbox: &str) -> Result<(), NetworkError> {
        let mut state = self.state();
        if let Some(address) = state.attached.remove(sandbox) {
            state.pool.release(address);
        }
        Ok(())
    }

    async fn attachments(&self) -> Result<Vec<Attachment>, NetworkError> {
        let attached = |(sandbox, address): (&String, &IpAddr)| Attachment {
            sandbox: sandbox.clone(),
            address: *address,
        };
        Ok(self.state().attached.iter().map(attached).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sandbox: &str) -> AttachRequest {
        AttachRequest {
            sandbox: sandbox.to_owned(),
            netns: "/nowhere".into(),
            pod: "default/web".to_owned(),
            host_ports: Vec::new(),
        }
    }

    fn network() -> SimNetwork {
        SimNetwork::new("10.244.1.0/30".parse().unwrap())
    }

    #[tokio::test]
    async fn a_sandbox_keeps_its_address_and_shares_it_with_none() {
        let network = network();
        let one = network.attach(&request("one")).await.unwrap();
        let two = network.attach(&request("two")).await.unwrap();
        assert_ne!(one, two);
        assert_eq!(network.attach(&request("one")).await.unwrap(), one);
    }

    #[tokio::test]
    async fn a_successor_lists_what_its_predecessor_attached() {
        let network = network();
        let address = network.attach(&request("one")).await.unwrap();
        let successor = network.clone();
        drop(network);
        let expected = [Attachment { sandbox: "one".to_owned(), address }];
        assert_eq!(successor.attachments().await.unwrap(), expected);
    }

    #[tokio::test]
    async fn detaching_frees_the_address_and_may_be_repeated() {
        let network = network();
        network.attach(&request("one")).await.unwrap();
        network.attach(&request("two")).await.unwrap();
        assert!(matches!(network.attach(&request("three")).await, Err(NetworkError::Exhausted { .. })));
        network.detach("one").await.unwrap();
        network.detach("one").await.unwrap();
        network.attach(&request("three")).await.unwrap();
        assert_eq!(network.attachments().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_identifier_that_no_network_could_keep_is_refused() {
        for sandbox in ["", "two words", "snowman-☃", &"x".repeat(129)] {
            let refused = network().attach(&request(sandbox)).await;
            assert!(matches!(refused, Err(NetworkError::SandboxName { .. })), "{sandbox}");
        }
    }
}
