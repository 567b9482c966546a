//! Where connections lead, and who shares them. Names are resolved by the tests, never by the network.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use inkstone_domain::ports::Egress;
use inkstone_egress::NameResolver;

use crate::upstream::{Upstream, egress, get_request, powers, text};

/// Says what it is told, and counts how often it is asked.
#[derive(Debug)]
struct Told {
    addresses: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Told {
    fn new(addresses: &[&str]) -> Arc<Self> {
        let told = Self {
            addresses: Mutex::default(),
            asked: AtomicUsize::new(0),
        };
        told.tell(addresses);
        Arc::new(told)
    }

    fn tell(&self, addresses: &[&str]) {
        *self.addresses.lock().unwrap() = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    }
}

#[async_trait]
impl NameResolver for Told {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.addresses.lock().unwrap().clone())
    }
}

#[tokio::test]
async fn a_name_that_is_covered_by_a_wildcard_leads_to_no_private_address() {
    let upstream = Upstream::start().await;
    let port = upstream.address.port();
    for addresses in [
        &["127.0.0.1"][..],
        &["::1", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::127.0.0.1"],
    ] {
        let told = Told::new(addresses);
        let egress = egress("https://bound.invalid", |config| {
            config.resolver = told.clone();
        });
        let request = get_request(format!("http://rebound.test:{port}/show"));
        let granted = powers(&["http://*.test:*"]);
        let error = egress.send("p", &granted, request).await.err().unwrap();
        assert_eq!(error.code().name, "egress_denied", "{addresses:?}");
        assert!(error.message().contains("this machine"), "{error}");
        assert_eq!(told.asked.load(Ordering::SeqCst), 1);
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_second_resolution_rebinds_nothing() {
    let upstream = Upstream::start().await;
    let origin = format!("http://named.test:{}", upstream.address.port());
    let told = Told::new(&["127.0.0.1"]);
    let egress = egress("https://bound.invalid", |config| {
        config.resolver = told.clone();
    });
    let granted = powers(&[&origin]);
    let get = async |path: &str| {
        let request = get_request(format!("{origin}{path}"));
        let response = egress.send("p", &granted, request).await?;
        text(response.body).await;
        Ok::<_, inkstone_domain::Error>(response.status)
    };
    assert_eq!(get("/show").await.unwrap(), 200);

    // From now on the name leads to where no name may lead. The connection at hand stays what it was,
    told.tell(&["169.254.169.254"]);
    assert_eq!(get("/close").await.unwrap(), 200);
    assert_eq!(upstream.connections(), 1);
    assert_eq!(told.asked.load(Ordering::SeqCst), 1);

    // and a new one is checked anew.
    let error = get("/show").await.unwrap_err();
    assert_eq!(error.code().name, "egress_denied", "{error:?}");
    assert!(error.message().contains("169.254.169.254"), "{error}");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn what_one_grant_opened_is_closed_to_a_wildcard() {
    let upstream = Upstream::start().await;
    let origin = format!("http://named.test:{}", upstream.address.port());
    let egress = egress("https://bound.invalid", |config| {
        config.resolver = Told::new(&["127.0.0.1"]);
    });
    let send = async |granted: &str| {
        let request = get_request(format!("{origin}/show"));
        let response = egress.send("p", &powers(&[granted]), request).await?;
        text(response.body).await;
        Ok::<_, inkstone_domain::Error>(())
    };
    send(&origin).await.unwrap();
    // The connection of before is idle now; a lesser grant must not find it.
    let error = send("http://*.test:*").await.unwrap_err();
    assert_eq!(error.code().name, "egress_denied");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn plugins_share_no_connection() {
    let upstream = Upstream::start().await;
    let egress = egress("https://bound.invalid", |_| ());
    for plugin in ["a", "b", "a", "b", "a"] {
        let request = get_request(upstream.url("/show"));
        let granted = powers(&[&upstream.origin()]);
        let response = egress.send(plugin, &granted, request).await.unwrap();
        text(response.body).await;
    }
    assert_eq!(upstream.connections(), 2);
}
