//! Names become addresses here, and nowhere else: reqwest connects to exactly what this resolver
//! hands out, so that a name which changes its mind between check and use gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::networks::{Network, network_of};
use crate::policy::Door;

/// Turns a name into addresses. What it finds is checked afterwards, so it decides nothing.
#[async_trait]
pub trait NameResolver: fmt::Debug + Send + Sync {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug)]
pub struct SystemResolver;

#[async_trait]
impl NameResolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Keeps only the addresses that its door lets through.
pub(crate) struct GuardedResolver {
    pub door: Door,
    pub names: Arc<dyn NameResolver>,
    /// Always [`network_of`], but in tests, which reach no public network.
    pub judge: fn(IpAddr) -> Network,
}

impl GuardedResolver {
    pub fn new(door: Door, names: Arc<dyn NameResolver>) -> Self {
        Self {
            door,
            names,
            judge: network_of,
        }
    }
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
        let (door, judge) = (self.door, self.judge);
        let names = Arc::clone(&self.names);
        Box::pin(async move {
            let found = names.resolve(name.as_str()).await?;
            let admitted = admitted(door, judge, &found)?;
            // The port is the URL's; reqwest fills it in.
            let addresses: Addrs = Box::new(admitted.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

fn admitted(
    door: Door,
    judge: fn(IpAddr) -> Network,
    found: &[IpAddr],
) -> Result<Vec<IpAddr>, RefusedAddress> {
    let mut refused = None;
    let mut admitted = Vec::with_capacity(found.len());
    for ip in found {
        match (door, judge(*ip)) {
            (_, Network::Public) | (Door::Named, Network::Private(_)) => admitted.push(*ip),
            (_, Network::Private(network) | Network::Special(network)) => {
                refused.get_or_insert(RefusedAddress { ip: *ip, network });
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::EgressConfig;
    use crate::transport;

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
            (
                Door::Named,
                &["fd00:ec2::254"],
                Err("metadata service of a cloud"),
            ),
            (Door::Public, &[], Ok(0)),
        ] {
            let found: Vec<IpAddr> = found.iter().map(|ip| ip.parse().expect(ip)).collect();
            let got = admitted(door, network_of, &found)
                .map(|list| list.len())
                .map_err(|refused| refused.network);
            assert_eq!(got, want, "{door:?} {found:?}");
        }
    }

    #[derive(Debug)]
    struct Both;

    #[async_trait]
    impl NameResolver for Both {
        async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec![[127, 0, 0, 2].into(), [127, 0, 0, 1].into()])
        }
    }

    /// For this test 127.0.0.1 is the public internet, and 127.0.0.2 a private network.
    fn judge(ip: IpAddr) -> Network {
        if ip == IpAddr::from([127, 0, 0, 1]) {
            Network::Public
        } else {
            Network::Private("private network")
        }
    }

    #[tokio::test]
    async fn a_name_with_both_kinds_of_address_never_leads_to_the_private_one() {
        let public = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = public.local_addr().expect("an address");
        // The same port on the private address; on systems without 127.0.0.2 nothing can lead there.
        let private = TcpListener::bind(("127.0.0.2", address.port())).await.ok();
        let resolver = GuardedResolver {
            judge,
            ..GuardedResolver::new(Door::Public, Arc::new(Both))
        };
        let config = EgressConfig::default();
        let client = transport::guarded_client(&config, resolver).expect("a client");
        let url = format!("http://mixed.test:{}/", address.port());

        let answered = tokio::spawn(async move {
            let (mut stream, _) = public.accept().await.expect("a connection");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await.expect("a request");
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.expect("written");
            // The public address is gone from here on.
        });
        let response = client.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), 204);
        answered.await.expect("served");

        // With the public address gone, the private one is still not tried.
        assert!(client.get(&url).send().await.is_err());
        if let Some(private) = private {
            let accepted = futures::FutureExt::now_or_never(private.accept());
            assert!(accepted.is_none(), "something reached the private address");
        }
    }
}
