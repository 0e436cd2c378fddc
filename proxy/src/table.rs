//! What all services together want of the data plane.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bireme_core::object::ObjectKey;

use crate::rules::{Behind, Changes, Frontend, Rules};

/// The rules of all services, from which the change of one costs what that one costs.
///
/// Where two services claim a frontend, as two authors may with external addresses, it is the first one's until that
/// gives it up: the kernel can only know one.
#[derive(Clone, Debug, Default)]
pub struct ServiceTable {
    services: BTreeMap<ObjectKey, Rules>,
    owners: BTreeMap<Frontend, ObjectKey>,
    /// Who else claims a frontend.
    waiting: BTreeMap<Frontend, BTreeMap<ObjectKey, Behind>>,
    /// How many services have an endpoint at an address.
    hairpins: BTreeMap<IpAddr, usize>,
}

impl ServiceTable {
    /// Puts `rules` in the place of those that the service had; empty ones for a service that is gone.
    pub fn set(&mut self, service: &ObjectKey, mut rules: Rules) -> Changes {
        self.line_up(service, &mut rules);
        let before = self.services.remove(service).unwrap_or_default();
        let mut changes = before.changes_to(&rules);
        for frontend in before.frontends.keys().filter(|frontend| !rules.frontends.contains_key(frontend)) {
            self.owners.remove(frontend);
            if let Some((heir, behind)) = self.next_in_line(frontend) {
                changes.frontends_new.insert(*frontend, behind.clone());
                self.services.entry(heir.clone()).or_default().frontends.insert(*frontend, behind);
                self.owners.insert(*frontend, heir);
            }
        }
        self.owners.extend(rules.frontends.keys().map(|frontend| (*frontend, service.clone())));
        changes.hairpins_new.retain(|address| {
            let count = self.hairpins.entry(*address).or_default();
            *count += 1;
            *count == 1
        });
        changes.hairpins_gone.retain(|address| {
            let left = self.hairpins.get(address).map_or(0, |count| count - 1);
            if left == 0 {
                self.hairpins.remove(address)
            } else {
                self.hairpins.insert(*address, left)
            };
            left == 0
        });
        if rules != Rules::default() {
            self.services.insert(service.clone(), rules);
        }
        changes
    }

    /// Takes out of the rules what belongs to another service, and remembers who wants it.
    fn line_up(&mut self, service: &ObjectKey, rules: &mut Rules) {
        self.waiting.retain(|_, claims| {
            claims.remove(service);
            !claims.is_empty()
        });
        rules.frontends.retain(|frontend, behind| {
            let owner = self.owners.get(frontend).filter(|owner| *owner != service);
            if let Some(owner) = owner {
                tracing::warn!(%service, %owner, ?frontend, "another service has the address and port");
                self.waiting.entry(*frontend).or_default().insert(service.clone(), behind.clone());
            }
            owner.is_none()
        });
    }

    fn next_in_line(&mut self, frontend: &Frontend) -> Option<(ObjectKey, Behind)> {
        let claims = self.waiting.get_mut(frontend)?;
        let next = claims.pop_first();
        if claims.is_empty() {
            self.waiting.remove(frontend);
        }
        next
    }

    /// The rules of all services.
    pub fn rules(&self) -> Rules {
        let mut all = Rules::default();
        self.services.values().for_each(|rules| all.extend(rules));
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::{Backends, Endpoint, Frontend, Memory, Protocol, ServicePort};

    fn key(name: &str) -> ObjectKey {
        ObjectKey::namespaced("shop", name)
    }

    /// A service with one port 80 at 10.96.0.`address` and endpoints 10.244.0.x.
    fn rules(name: &str, address: u8, endpoints: &[u8]) -> Rules {
        let port = ServicePort::new("shop", name, Protocol::Tcp, 80).unwrap();
        let addresses: Vec<IpAddr> = endpoints.iter().map(|last| [10, 244, 0, *last].into()).collect();
        let endpoints = addresses.iter().map(|address| Endpoint { address: *address, port: 8080 }).collect();
        let frontend = Frontend::Service([10, 96, 0, address].into(), Protocol::Tcp, 80);
        if addresses.is_empty() {
            return Rules { frontends: [(frontend, Behind::Nobody)].into(), ..Rules::default() };
        }
        Rules {
            frontends: [(frontend, Behind::Port(port.clone()))].into(),
            backends: [(port, Backends { protocol: Protocol::Tcp, endpoints, sticky: None })].into(),
            hairpins: addresses.into_iter().collect(),
            ..Rules::default()
        }
    }

    #[test]
    fn another_endpoint_changes_the_endpoints_of_its_port_alone() {
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        table.set(&key("db"), rules("db", 2, &[3]));
        let changes = table.set(&key("web"), rules("web", 1, &[2, 4]));
        let expected = Changes {
            backends_set: rules("web", 1, &[2, 4]).backends,
            hairpins_new: [[10, 244, 0, 4].into()].into(),
            ..Changes::default()
        };
        assert_eq!(changes, expected);
    }

    #[test]
    fn the_same_rules_again_change_nothing() {
        let mut table = ServiceTable::default();
        assert!(!table.set(&key("web"), rules("web", 1, &[2])).is_empty());
        assert!(table.set(&key("web"), rules("web", 1, &[2])).is_empty());
        assert!(table.set(&key("db"), Rules::default()).is_empty());
    }

    #[test]
    fn a_service_that_is_gone_takes_all_of_its_rules_with_it() {
        let mut table = ServiceTable::default();
        let web = rules("web", 1, &[2]);
        table.set(&key("web"), web.clone());
        let changes = table.set(&key("web"), Rules::default());
        assert_eq!(changes, web.changes_to(&Rules::default()));
        assert_eq!(
            changes.backends_gone.len() + changes.frontends_gone.len() + changes.hairpins_gone.len(),
            3
        );
        assert_eq!(table.rules(), Rules::default());
    }

    #[test]
    fn an_address_that_moves_between_services_is_given_up_and_taken() {
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        let mut changes = table.set(&key("web"), rules("web", 5, &[2]));
        changes.merge(table.set(&key("db"), rules("db", 1, &[3])));
        let frontend = Frontend::Service([10, 96, 0, 1].into(), Protocol::Tcp, 80);
        assert_eq!(changes.frontends_gone[&frontend].to_string(), "service-shop/web/tcp/80");
        assert_eq!(changes.frontends_new[&frontend].to_string(), "service-shop/db/tcp/80");
    }

    #[test]
    fn a_frontend_that_two_claim_is_the_first_ones_until_that_gives_it_up() {
        let shared = Frontend::Service([10, 96, 0, 1].into(), Protocol::Tcp, 80);
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        let late = table.set(&key("db"), rules("db", 1, &[3]));
        assert!(late.frontends_new.is_empty() && late.backends_set.len() == 1, "{late:?}");
        assert!(table.set(&key("db"), rules("db", 1, &[3])).is_empty(), "to claim it again changes nothing");
        let other = table.set(&key("db"), rules("db", 1, &[3, 4]));
        assert!(other.frontends_new.is_empty() && other.frontends_gone.is_empty());
        assert_eq!(table.rules().frontends[&shared].to_string(), "service-shop/web/tcp/80");

        let handed_over = table.set(&key("web"), rules("web", 5, &[2]));
        assert_eq!(handed_over.frontends_gone[&shared].to_string(), "service-shop/web/tcp/80");
        assert_eq!(handed_over.frontends_new[&shared].to_string(), "service-shop/db/tcp/80");
        assert_eq!(table.rules().frontends[&shared].to_string(), "service-shop/db/tcp/80");
        let gone = table.set(&key("db"), Rules::default());
        assert_eq!(gone.frontends_gone[&shared].to_string(), "service-shop/db/tcp/80");
    }

    #[test]
    fn who_does_not_wait_any_more_inherits_nothing() {
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        table.set(&key("db"), rules("db", 1, &[3]));
        table.set(&key("db"), rules("db", 2, &[3]));
        assert!(table.set(&key("web"), Rules::default()).frontends_new.is_empty());
    }

    #[test]
    fn an_endpoint_of_two_services_is_one_until_both_have_given_it_up() {
        let shared: IpAddr = [10, 244, 0, 2].into();
        let mut table = ServiceTable::default();
        assert!(table.set(&key("web"), rules("web", 1, &[2])).hairpins_new.contains(&shared));
        assert!(table.set(&key("db"), rules("db", 2, &[2])).hairpins_new.is_empty());
        assert!(table.set(&key("web"), Rules::default()).hairpins_gone.is_empty());
        assert!(table.set(&key("db"), Rules::default()).hairpins_gone.contains(&shared));
        assert_eq!(table.rules(), Rules::default());
    }

    #[test]
    fn an_endpoint_that_changes_services_within_a_batch_does_not_change() {
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        let mut changes = table.set(&key("web"), Rules::default());
        changes.merge(table.set(&key("db"), rules("db", 2, &[2])));
        assert!(changes.hairpins_gone.is_empty() && changes.hairpins_new.is_empty());
    }

    #[test]
    fn an_heir_that_goes_in_the_same_batch_inherits_nothing() {
        let mut table = ServiceTable::default();
        table.set(&key("web"), rules("web", 1, &[2]));
        table.set(&key("db"), rules("db", 1, &[3]));
        let mut changes = table.set(&key("web"), Rules::default());
        changes.merge(table.set(&key("db"), Rules::default()));
        assert!(changes.frontends_new.is_empty(), "{changes:?}");
        let gone: Vec<_> = changes.frontends_gone.values().map(ToString::to_string).collect();
        assert_eq!(gone, ["service-shop/web/tcp/80"], "as the kernel has it");
    }

    /// The same rules, but that their endpoints remember clients for so long.
    fn remembering(mut rules: Rules, seconds: Option<u32>) -> Rules {
        let Some(seconds) = seconds else { return rules };
        for (port, backends) in &mut rules.backends {
            backends.sticky = Some(seconds);
            let memory = |endpoint: &Endpoint| Memory { port: port.clone(), endpoint: *endpoint };
            rules.memories.extend(backends.endpoints.iter().map(|endpoint| (memory(endpoint), seconds)));
        }
        rules
    }

    #[test]
    fn only_datagrams_that_lead_elsewhere_now_are_to_be_forgotten() {
        let service = |protocol, endpoints: &[u8]| {
            let mut rules = rules("dns", 1, endpoints);
            let behind = rules.frontends.pop_first().unwrap().1;
            rules.frontends.insert(Frontend::Service([10, 96, 0, 1].into(), protocol, 53), behind);
            rules
        };
        let forgotten = |before: Rules, after: Rules| {
            let mut table = ServiceTable::default();
            table.set(&key("dns"), before);
            let flows = table.set(&key("dns"), after).flows_gone;
            flows.into_iter().map(|flow| flow.endpoint.address.to_string()).collect::<Vec<_>>()
        };
        let udp = |endpoints: &[u8]| service(Protocol::Udp, endpoints);
        assert_eq!(forgotten(udp(&[2, 3]), udp(&[3, 4])), ["10.244.0.2"]);
        assert_eq!(forgotten(udp(&[2, 3]), Rules::default()), ["10.244.0.2", "10.244.0.3"]);
        assert!(forgotten(Rules::default(), udp(&[2])).is_empty());
        assert!(
            forgotten(service(Protocol::Tcp, &[2]), Rules::default()).is_empty(),
            "connections end by themselves"
        );
    }

    /// What the kernel makes of changes: it refuses to delete what is not there, and to add what is.
    fn carried_out(mut kernel: Rules, changes: &Changes) -> Rules {
        for (port, backends) in &changes.backends_set {
            kernel.backends.insert(port.clone(), backends.clone());
        }
        for (frontend, port) in &changes.frontends_gone {
            assert_eq!(kernel.frontends.remove(frontend).as_ref(), Some(port), "{frontend:?}");
        }
        for (frontend, behind) in &changes.frontends_new {
            if let Behind::Port(port) = behind {
                assert!(kernel.backends.contains_key(port), "{port} has no chain");
            }
            assert_eq!(kernel.frontends.insert(*frontend, behind.clone()), None, "{frontend:?}");
        }
        for port in &changes.backends_gone {
            let used = Behind::Port(port.clone());
            assert!(!kernel.frontends.values().any(|behind| *behind == used), "{port} is in use");
            kernel.backends.remove(port);
        }
        for memory in &changes.memories_gone {
            assert!(kernel.memories.remove(memory).is_some(), "{memory}");
        }
        for (memory, seconds) in &changes.memories_new {
            assert_eq!(kernel.memories.insert(memory.clone(), *seconds), None, "{memory}");
        }
        for address in &changes.hairpins_gone {
            assert!(kernel.hairpins.remove(address), "{address}");
        }
        for address in &changes.hairpins_new {
            assert!(kernel.hairpins.insert(*address), "{address}");
        }
        kernel
    }

    proptest! {
        /// Few services, addresses and endpoints, so that they meet.
        #[test]
        fn whatever_becomes_of_services_a_batch_makes_the_kernels_rules_those_of_the_table(
            steps in prop::collection::vec(
                (prop::sample::select(vec!["web", "db", "api"]), prop::option::of((1u8..4, prop::collection::btree_set(2u8..5, 0..3), prop::option::of(1u32..3))), any::<bool>()),
                1..40,
            )
        ) {
            let (mut table, mut kernel, mut batch) = (ServiceTable::default(), Rules::default(), Changes::default());
            for (name, state, ends) in steps {
                let wanted = state.map_or_else(Rules::default, |(address, endpoints, seconds)| {
                    remembering(rules(name, address, &endpoints.into_iter().collect::<Vec<_>>()), seconds)
                });
                batch.merge(table.set(&key(name), wanted));
                if ends {
                    kernel = carried_out(kernel, &std::mem::take(&mut batch));
                    prop_assert_eq!(&kernel, &table.rules());
                }
            }
            prop_assert_eq!(carried_out(kernel, &batch), table.rules());
        }
    }
}
