//! Ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of IPv4 or IPv6 addresses such as `10.244.0.0/16`. Parses from and prints as that notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    first: IpAddr,
    prefix: u8,
}

/// Why a text or a pair of address and prefix length is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not `<address>/<prefix length>`.
    #[error("{0:?} is not of the form <address>/<prefix length>")]
    Syntax(String),
    /// The prefix is longer than the address.
    #[error("prefix length {prefix} is more than {address} has bits")]
    Prefix {
        /// The address given.
        address: IpAddr,
        /// The prefix length given.
        prefix: u8,
    },
    /// Bits are set behind the prefix.
    #[error("{address} is not the first address of a /{prefix}")]
    HostBits {
        /// The address given.
        address: IpAddr,
        /// The prefix length given.
        prefix: u8,
    },
}

impl Cidr {
    /// The range that begins at `first` and shares its first `prefix` bits.
    ///
    /// # Errors
    /// [`CidrError::Prefix`] or [`CidrError::HostBits`] when there is no such range.
    pub fn new(first: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        if prefix > width(first) {
            return Err(CidrError::Prefix { address: first, prefix });
        }
        let cidr = Self { first, prefix };
        if bits(first) & (cidr.size_minus_one()) != 0 {
            return Err(CidrError::HostBits { address: first, prefix });
        }
        Ok(cidr)
    }

    /// The range that holds `address` alone.
    pub fn single(address: IpAddr) -> Self {
        Self { first: address, prefix: width(address) }
    }

    /// The first address, which names the range.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        self.at(self.size_minus_one())
    }

    /// How many leading bits all addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether this is a range of IPv4 addresses.
    pub fn is_ipv4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// Whether `address` lies in the range. An address of the other family does not.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.offset(address).is_some()
    }

    /// Whether all of `other` lies in the range.
    pub fn contains_range(&self, other: &Cidr) -> bool {
        self.prefix <= other.prefix && self.contains(other.first)
    }

    /// Whether the two ranges share an address.
    pub fn overlaps(&self, other: &Cidr) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }

    /// The address `index` places after the first one.
    pub fn nth(&self, index: u128) -> Option<IpAddr> {
        (index <= self.size_minus_one()).then(|| self.at(index))
    }

    /// How many places after the first address `address` lies; the inverse of [`nth`](Self::nth).
    pub fn offset(&self, address: IpAddr) -> Option<u128> {
        if address.is_ipv4() != self.is_ipv4() {
            return None;
        }
        bits(address).checked_sub(bits(self.first)).filter(|offset| *offset <= self.size_minus_one())
    }

    /// The `index`-th of the equal parts with `prefix` bits in common, as the pod range of one node is a part of
    /// the cluster's.
    pub fn subnet(&self, prefix: u8, index: u128) -> Option<Cidr> {
        if prefix < self.prefix || prefix > width(self.first) {
            return None;
        }
        let part = Cidr { first: self.first, prefix };
        // Zero apart, because the size of `::/0` is one more than the arithmetic holds.
        let offset = if index == 0 { 0 } else { part.size_minus_one().checked_add(1)?.checked_mul(index)? };
        Some(Cidr { first: self.nth(offset)?, prefix })
    }

    /// All addresses in order.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let range = *self;
        (0..=range.size_minus_one()).map(move |index| range.at(index))
    }

    /// How far the last address is from the first. (The number of addresses itself overflows for `::/0`.)
    pub(super) fn size_minus_one(&self) -> u128 {
        let free = u32::from(width(self.first) - self.prefix);
        u128::MAX.checked_shr(128 - free).unwrap_or(0)
    }

    fn at(&self, offset: u128) -> IpAddr {
        match self.first {
            // The offset of an IPv4 range is at most 32 bits wide, and so is the sum.
            IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + offset as u32)),
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() + offset)),
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let syntax = || CidrError::Syntax(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(syntax)?;
        // `u8::from_str` takes a leading plus and zeros, which the notation does not have.
        if !prefix.bytes().all(|b| b.is_ascii_digit()) || (prefix.len() > 1 && prefix.starts_with('0')) {
            return Err(syntax());
        }
        Self::new(address.parse().map_err(|_| syntax())?, prefix.parse().map_err(|_| syntax())?)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_it_parsed() {
        for text in ["10.244.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "fd00:1::/64", "::/0", "::1/128"] {
            assert_eq!(cidr(text).to_string(), text);
            let json = serde_json::to_string(&cidr(text)).unwrap();
            assert_eq!(serde_json::from_str::<Cidr>(&json).unwrap(), cidr(text));
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in ["10.0.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0/8", "a/8", "10.0.0.0/8/8"]
        {
            assert_eq!(text.parse::<Cidr>(), Err(CidrError::Syntax(text.to_owned())), "{text}");
        }
        assert!(matches!("10.0.0.0/33".parse::<Cidr>(), Err(CidrError::Prefix { .. })));
        assert!(matches!("10.0.0.1/8".parse::<Cidr>(), Err(CidrError::HostBits { .. })));
        assert!(matches!("fd00::1/64".parse::<Cidr>(), Err(CidrError::HostBits { .. })));
    }

    #[test]
    fn knows_its_first_and_last_address_and_no_other_family() {
        let range = cidr("10.244.3.0/24");
        assert_eq!(range.last(), ip("10.244.3.255"));
        assert!(range.contains(ip("10.244.3.0")) && range.contains(ip("10.244.3.255")));
        assert!(!range.contains(ip("10.244.2.255")) && !range.contains(ip("10.244.4.0")));
        assert!(!cidr("0.0.0.0/0").contains(ip("::")));
        assert_eq!(cidr("0.0.0.0/0").last(), ip("255.255.255.255"));
        assert_eq!(cidr("::/0").last(), IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)));
    }

    #[test]
    fn counts_addresses_from_zero() {
        let range = cidr("10.96.0.0/30");
        assert_eq!(range.nth(3), Some(ip("10.96.0.3")));
        assert_eq!(range.nth(4), None);
        assert_eq!(range.offset(ip("10.96.0.3")), Some(3));
        assert_eq!(range.offset(ip("10.96.0.4")), None);
        assert_eq!(range.iter().count(), 4);
        assert_eq!(cidr("::/0").nth(u128::MAX), Some(cidr("::/0").last()));
    }

    #[test]
    fn is_cut_into_equal_parts() {
        let cluster = cidr("10.244.0.0/16");
        assert_eq!(cluster.subnet(24, 0), Some(cidr("10.244.0.0/24")));
        assert_eq!(cluster.subnet(24, 255), Some(cidr("10.244.255.0/24")));
        assert_eq!(cluster.subnet(24, 256), None);
        assert_eq!(cluster.subnet(16, 0), Some(cluster));
        assert_eq!(cluster.subnet(8, 0), None);
        assert_eq!(cluster.subnet(33, 0), None);
        assert_eq!(cidr("::/0").subnet(0, 0), Some(cidr("::/0")));
        assert_eq!(cidr("::/0").subnet(1, 1), Some(cidr("8000::/1")));
    }

    #[test]
    fn sees_overlap_both_ways() {
        let (wide, narrow, other) = (cidr("10.0.0.0/8"), cidr("10.96.0.0/16"), cidr("10.97.0.0/16"));
        assert!(wide.overlaps(&narrow) && narrow.overlaps(&wide));
        assert!(!narrow.overlaps(&other));
        assert!(wide.contains_range(&narrow) && !narrow.contains_range(&wide));
    }
}
