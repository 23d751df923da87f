//! Addresses: IPv4, IPv6, MAC and world wide names.
//!
//! Two addresses that share a prefix share as long a prefix afterwards, and two that do not, do not. Addresses stay in
//! reserved ranges: private and link-local ones in their own, all others in 240.0.0.0/4 (RFC 1112) and fc00::/8
//! (RFC 4193). The last octet of IPv4 and the last 16 bits of IPv6 stay, so that `.1`, the address of a network and that of
//! all its hosts stay what they are. MACs become locally administered ones.

use super::token::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What becomes of addresses.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    secret: Secret,
    /// First octets of public IPv4 addresses, and what each becomes.
    octets: BTreeMap<u8, u8>,
    /// First 16 bits of global IPv6 addresses, and the octet that each becomes.
    groups: BTreeMap<u16, u8>,
    /// Addresses of networks, which are mapped as networks wherever they stand.
    networks: BTreeSet<(IpAddr, u8)>,
}

impl Addresses {
    pub fn new(secret: Secret) -> Self {
        Addresses { secret, octets: BTreeMap::new(), groups: BTreeMap::new(), networks: BTreeSet::new() }
    }

    /// Takes note of an address, or of a network where it has a prefix length and nothing behind the prefix.
    pub fn learn(&mut self, address: IpAddr, length: Option<u8>) {
        if let Some(length) = length.filter(|length| is_network(address, *length)) {
            self.networks.insert((address, length));
        }
        match address {
            IpAddr::V4(address) if fixed_bits(address) == Some(0) => {
                let first = address.octets()[0];
                let start = self.secret.bytes("octet", &[first])[0] % 15;
                let free = |slot: &u8| !self.octets.values().any(|taken| taken == slot);
                let slot = (0..15).map(|step| 240 + (start + step) % 15).find(free).unwrap_or(240 + start);
                self.octets.entry(first).or_insert(slot);
            }
            IpAddr::V6(address) if is_global(address) => {
                let first = address.segments()[0];
                let start = self.secret.bytes("group", &first.to_be_bytes())[0];
                let free = |slot: &u8| !self.groups.values().any(|taken| taken == slot);
                let slot = (0..=255).map(|step| start.wrapping_add(step)).find(free).unwrap_or(start);
                self.groups.entry(first).or_insert(slot);
            }
            _ => {}
        }
    }

    /// What becomes of an address; with a prefix length, of that network.
    pub fn ip(&self, address: IpAddr, length: Option<u8>) -> IpAddr {
        // A network by its address alone is the widest that is known of it.
        let known = self.networks.iter().find(|(network, _)| *network == address).map(|(_, length)| *length);
        let mapped = match address {
            IpAddr::V4(address) => IpAddr::V4(self.v4(address)),
            IpAddr::V6(address) => IpAddr::V6(self.v6(address)),
        };
        match length.filter(|length| is_network(address, *length)).or(known) {
            Some(length) => ipnet::IpNet::new(mapped, length).map_or(mapped, |network| network.network()),
            None => mapped,
        }
    }

    fn v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let Some(fixed) = fixed_bits(address) else { return address };
        let bits = u128::from(u32::from(address)) << 96;
        let [first, _, _, last] = address.octets();
        let [_, a, b, _] = first_half(self.mixed(bits, if fixed == 0 { 8 } else { fixed }, 24));
        if fixed == 0 {
            let slot = self.octets.get(&first).copied().unwrap_or(240);
            return Ipv4Addr::new(slot, a, b, last);
        }
        Ipv4Addr::new(first, a, b, last)
    }

    fn v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        if let Some(inner) = address.to_ipv4_mapped() {
            return self.v4(inner).to_ipv6_mapped();
        }
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            return address;
        }
        let bits = u128::from(address);
        let first = address.segments()[0];
        let mut octets = match first {
            0xfe80..=0xfebf => address.octets(),
            0xfc00..=0xfdff => self.mixed(bits, 8, 64).to_be_bytes(),
            _ => {
                let mut octets = self.mixed(bits, 16, 64).to_be_bytes();
                octets[0] = 0xfc;
                octets[1] = self.groups.get(&first).copied().unwrap_or_default();
                octets
            }
        };
        octets[8..].copy_from_slice(&self.interface(address).to_be_bytes());
        Ipv6Addr::from(octets)
    }

    /// The part of an IPv6 address behind the network. One that is made of a MAC is made of what becomes of that.
    fn interface(&self, address: Ipv6Addr) -> u64 {
        let low = low_half(address);
        let bytes = low.to_be_bytes();
        if low <= 0xffff {
            return low;
        }
        if bytes[3..5] == [0xff, 0xfe] {
            let mac = [bytes[0] ^ 2, bytes[1], bytes[2], bytes[5], bytes[6], bytes[7]];
            let [a, b, c, d, e, f] = self.mac(mac);
            return u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        }
        low_half(Ipv6Addr::from(self.mixed(u128::from(address), 64, 112)))
    }

    /// Bits `from` to `to`, counted from the left, each turned or not by what stands before it; at least one is.
    fn mixed(&self, bits: u128, from: u32, to: u32) -> u128 {
        let mut out = bits;
        for at in from..to {
            let before = if at == 0 { 0 } else { bits >> (128 - at) };
            let mut seed = before.to_be_bytes().to_vec();
            seed.push(at.try_into().unwrap_or(u8::MAX));
            let turn = self.secret.bytes("bit", &seed)[0] & 1 == 1;
            let last = at + 1 == to && out == bits;
            if turn || last {
                out ^= 1 << (127 - at);
            }
        }
        out
    }

    /// A locally administered address of one card (IEEE 802). Those of nobody and of groups stay.
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        if mac == [0; 6] || mac[0] & 1 == 1 {
            return mac;
        }
        let told = self.secret.bytes("mac", &mac);
        [2, told[0], told[1], told[2], told[3], told[4]]
    }

    /// A world wide name of the same kind (the first digit tells which), or a longer hardware address.
    pub fn wide(&self, name: &[u8]) -> Vec<u8> {
        if name.iter().all(|byte| *byte == 0) || name.iter().all(|byte| *byte == 0xff) {
            return name.to_vec();
        }
        let told = self.secret.bytes("wide", name);
        let mut out: Vec<u8> = told.iter().copied().cycle().take(name.len()).collect();
        out[0] = name[0] & 0xf0 | out[0] & 0x0f;
        out
    }
}

/// The first octets of 128 bits.
fn first_half(bits: u128) -> [u8; 4] {
    let [a, b, c, d, ..] = bits.to_be_bytes();
    [a, b, c, d]
}

/// The last 64 bits of an address.
fn low_half(address: Ipv6Addr) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = address.octets();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Whether an address is that of a network of this length.
fn is_network(address: IpAddr, length: u8) -> bool {
    ipnet::IpNet::new(address, length)
        .is_ok_and(|network| network.network() == address && length != network.max_prefix_len())
}

/// How many bits of an IPv4 address stay, since they tell what kind of address it is: 0 for a public one, none for what is
/// no address of a host, or a net mask.
fn fixed_bits(address: Ipv4Addr) -> Option<u32> {
    match address.octets() {
        [0 | 127 | 224..=238 | 255, ..] => None,
        [10 | 239, ..] => Some(8),
        [172, 16..=31, ..] => Some(12),
        [192, 168, ..] | [169, 254, ..] => Some(16),
        [100, 64..=127, ..] => Some(10),
        [198, 18 | 19, ..] => Some(15),
        _ => Some(0),
    }
}

/// Whether an IPv6 address is neither private nor of a link.
fn is_global(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    let private = (0xfe80..=0xfebf).contains(&first) || (0xfc00..=0xfdff).contains(&first);
    !special && !private && address.to_ipv4_mapped().is_none()
}
