//! Which addresses lie in the public internet, and which plugins have no business with. Pure,
//! tested as a table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Public,
    /// Somebody's own network; reachable where a grant names the host exactly.
    Private(&'static str),
    /// Nothing a host name may ever stand for; reachable only where a grant names the very address.
    Special(&'static str),
}

const METADATA: &str = "metadata service of a cloud";

pub(crate) fn network_of(ip: IpAddr) -> Network {
    match ip {
        IpAddr::V4(v4) => network_of_v4(v4),
        IpAddr::V6(v6) => network_of_v6(v6),
    }
}

fn network_of_v4(ip: Ipv4Addr) -> Network {
    use Network::{Private, Public, Special};
    match ip.octets() {
        // Outside of the link-local range: those of Alibaba and of Azure.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Special(METADATA),
        [0, ..] => Special("unspecified address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Private("private network"),
        [100, 64..=127, ..] => Private("shared address space of carriers"),
        [127, ..] => Private("this machine"),
        [169, 254, ..] => Special("link-local address, where cloud metadata lives"),
        [192, 0, 0, _] => Special("protocol assignment"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Special("documentation range"),
        [192, 88, 99, _] => Special("6to4 relay"),
        [198, 18..=19, ..] => Private("benchmarking range"),
        [224..=239, ..] => Special("multicast address"),
        [240..=255, ..] => Special("reserved address"),
        _ => Public,
    }
}

fn network_of_v6(ip: Ipv6Addr) -> Network {
    use Network::{Private, Public, Special};
    if ip.is_unspecified() {
        return Special("unspecified address");
    }
    if ip.is_loopback() {
        return Private("this machine");
    }
    let segments = ip.segments();
    match segments {
        // An IPv4 address in disguise is judged by what it stands for.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            network_of_v4(embedded_v4(high, low))
        }
        [0, 0, 0, 0, 0, 0, _, _] => Special("IPv4-compatible address"),
        // Where in it the IPv4 address stands depends on the translator, so none is admitted.
        [0x64, 0xff9b, 1, ..] => Special("local NAT64 address"),
        [0x100, 0, 0, 0..=1, ..] => Special("discard-only address"),
        // Those of AWS, Google, Oracle and Scaleway.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        | [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => Special(METADATA),
        [0xfc00..=0xfdff, ..] => Private("unique local address"),
        [0xfe80..=0xfebf, ..] => Special("link-local address"),
        [0xfec0..=0xfeff, ..] => Private("site-local address"),
        [0xff00..=0xffff, ..] => Special("multicast address"),
        [0x2001, 0x0000..=0x01ff, ..] => Special("protocol assignment, Teredo among them"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Special("documentation range"),
        [0x2002, ..] => Special("6to4 address"),
        [0x2000..=0x3fff, ..] => Public,
        _ => Special("reserved address"),
    }
}

fn embedded_v4(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_where_the_registries_say() {
        for (address, want) in [
            ("8.8.8.8", "public"),
            ("1.1.1.1", "public"),
            ("172.15.255.255", "public"),
            ("172.32.0.1", "public"),
            ("100.63.255.255", "public"),
            ("100.128.0.1", "public"),
            ("198.17.0.1", "public"),
            ("223.255.255.255", "public"),
            ("0.0.0.0", "special"),
            ("0.1.2.3", "special"),
            ("10.0.0.1", "private"),
            ("127.0.0.1", "private"),
            ("127.255.0.9", "private"),
            ("169.254.169.254", "special"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "private"),
            ("100.127.255.255", "private"),
            ("192.0.0.8", "special"),
            ("192.0.2.1", "special"),
            ("198.51.100.7", "special"),
            ("203.0.113.9", "special"),
            ("192.88.99.1", "special"),
            ("198.18.0.1", "private"),
            ("198.19.255.255", "private"),
            ("224.0.0.1", "special"),
            ("239.1.1.1", "special"),
            ("240.0.0.1", "special"),
            ("255.255.255.255", "special"),
            ("2606:4700:4700::1111", "public"),
            ("2a00:1450:4001::200e", "public"),
            ("::", "special"),
            ("::1", "private"),
            ("::ffff:8.8.8.8", "public"),
            ("::ffff:127.0.0.1", "private"),
            ("::ffff:169.254.169.254", "special"),
            ("::127.0.0.1", "special"),
            ("::8.8.8.8", "special"),
            ("64:ff9b::8.8.8.8", "public"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b::a9fe:a9fe", "special"),
            ("64:ff9b:1::1", "special"),
            ("64:ff9b:1::8.8.8.8", "special"),
            ("64:ff9b::1:8.8.8.8", "special"),
            ("::ffff:0:8.8.8.8", "special"),
            ("::ffff:255.255.255.255", "special"),
            ("::ffff:100.100.100.200", "special"),
            ("100.100.100.200", "special"),
            ("168.63.129.16", "special"),
            ("fd00:ec2::254", "special"),
            ("fd20:ce::254", "special"),
            ("fd00:c1::a9fe:a9fe", "special"),
            ("fd00:42::42", "special"),
            ("100::1", "special"),
            ("100:0:0:1::1", "special"),
            ("5f00::1", "special"),
            ("febf::1", "special"),
            ("2001::1", "special"),
            ("2001:20::1", "special"),
            ("2001:200::1", "public"),
            ("2001:db8::1", "special"),
            ("3fff::1", "special"),
            ("2002:7f00:1::", "special"),
            ("fc00::1", "private"),
            ("fd12:3456::1", "private"),
            ("fe80::1", "special"),
            ("fec0::1", "private"),
            ("ff02::1", "special"),
            ("4000::1", "special"),
        ] {
            let got = match network_of(address.parse().expect(address)) {
                Network::Public => "public",
                Network::Private(_) => "private",
                Network::Special(_) => "special",
            };
            assert_eq!(got, want, "{address}");
        }
    }
}
