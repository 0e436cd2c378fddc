//! What links are called, and what is written on them.

use std::net::Ipv4Addr;

/// Where every pod finds the host on its link. Link-local and the same everywhere, since no packet carries it.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// The link-layer address of every host end: locally administered, and the same everywhere, since each link has
/// only two ends.
pub(crate) const HOST_MAC: [u8; 6] = [0xee; 6];

/// What a pod's link is called inside the pod.
pub(crate) const POD_LINK: &str = "eth0";

/// The link-layer address of a pod's end, from its address so that it is the same after every attempt.
pub(crate) fn pod_mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x58, a, b, c, d]
}

/// The name of the host's end: the same for the same sandbox, within the fifteen characters that Linux allows.
pub(crate) fn host_link(sandbox: &str) -> String {
    // FNV-1a: short, and the same on every machine and in every release, unlike the standard library's hashes.
    let hash = sandbox.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("bm{:013x}", hash >> 12)
}

/// What is written on the host's end of a link (its alias): whose it is, for whom, and the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) machine: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) sandbox: String,
}

impl Label {
    pub(crate) fn parse(alias: &str) -> Option<Self> {
        let mut words = alias.split(' ');
        let label = Self {
            machine: words.next()?.to_owned(),
            address: words.next()?.parse().ok()?,
            sandbox: words.next()?.to_owned(),
        };
        words.next().is_none().then_some(label)
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.machine, self.address, self.sandbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_by_its_sandbox_within_fifteen_characters() {
        let sandbox = "4f1c".repeat(16);
        assert_eq!(host_link(&sandbox), host_link(&sandbox));
        assert_ne!(host_link(&sandbox), host_link(&sandbox[1..]));
        assert!(host_link(&sandbox).len() <= 15);
        assert_eq!(host_link("a").len(), 15);
    }

    #[test]
    fn a_label_reads_back_as_written() {
        let label = Label {
            machine: "bireme".to_owned(),
            address: Ipv4Addr::new(10, 244, 0, 7),
            sandbox: "4f1c".to_owned(),
        };
        assert_eq!(Label::parse(&label.to_string()), Some(label));
    }

    #[test]
    fn what_others_write_on_their_links_is_no_label() {
        for alias in ["", "uplink", "bireme uplink 1", "bireme 10.0.0.1", "bireme 10.0.0.1 one two"] {
            assert_eq!(Label::parse(alias), None, "{alias}");
        }
    }
}
