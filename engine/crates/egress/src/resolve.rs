//! Names become addresses here, and nowhere else: reqwest connects to exactly what this resolver
//! hands out, so that a name which changes its mind between check and use gains nothing.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::networks::{Network, network_of};
use crate::policy::Door;

/// Resolves by the system and keeps only the addresses that its door lets through.
pub(crate) struct GuardedResolver {
    pub door: Door,
}

/// Every address of a name was refused.
#[derive(Debug, thiserror::Error)]
#[error("{ip} is refused ({network})")]
pub(crate) struct RefusedAddress {
    pub ip: IpAddr,
    pub network: &'static str,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let door = self.door;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = admitted(door, &found)?;
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

fn admitted(door: Door, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, RefusedAddress> {
    let mut refused = None;
    let mut admitted = Vec::with_capacity(found.len());
    for address in found {
        match (door, network_of(address.ip())) {
            (_, Network::Public) | (Door::Named, Network::Private(_)) => admitted.push(*address),
            (_, Network::Private(network) | Network::Special(network)) => {
                refused.get_or_insert(RefusedAddress {
                    ip: address.ip(),
                    network,
                });
            }
        }
    }
    match refused {
        Some(refused) if admitted.is_empty() => Err(refused),
        _ => Ok(admitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_let_through_what_they_should() {
        for (door, found, want) in [
            (Door::Public, &["8.8.8.8"][..], Ok(1)),
            (Door::Public, &["8.8.8.8", "10.0.0.1"], Ok(1)),
            (Door::Public, &["10.0.0.1"], Err("private network")),
            (Door::Public, &["::1", "127.0.0.1"], Err("this machine")),
            (Door::Named, &["10.0.0.1", "8.8.8.8"], Ok(2)),
            (Door::Named, &["fe80::1"], Err("link-local address")),
            (Door::Named, &["0.0.0.0"], Err("unspecified address")),
            (Door::Public, &[], Ok(0)),
        ] {
            let addresses: Vec<SocketAddr> = found
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().expect(ip), 0))
                .collect();
            let got = admitted(door, &addresses)
                .map(|list| list.len())
                .map_err(|refused| refused.network);
            assert_eq!(got, want, "{door:?} {found:?}");
        }
    }
}
