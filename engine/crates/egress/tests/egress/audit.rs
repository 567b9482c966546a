//! What is counted: refusals, and in audit mode what would be one.

use inkstone_domain::outbound::RefusedReason;
use inkstone_domain::ports::Egress;
use inkstone_domain::ports::OutboundTally;
use inkstone_egress::EgressMode;

use crate::upstream::{SECRET, Upstream, egress, get_request, powers};

#[tokio::test]
async fn audit_mode_counts_what_would_be_refused() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let egress = egress(&origin, |config| config.mode = EgressMode::Audit);

    // Without a grant the public internet is open, but no private network is.
    let error = egress
        .send("p", &powers(&[]), get_request(upstream.url("/show")))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "egress_denied");
    assert!(error.message().contains("this machine"), "{error}");
    assert_eq!(upstream.connections(), 0);
    assert_eq!(egress.counts("p").audited, []);

    // A name that cannot be resolved gets as far as the resolver.
    for method in ["GET", "POST", "GET"] {
        let mut request = get_request("https://no-such-host.invalid/x?key=1".to_owned());
        request.method = method.to_owned();
        let granted = powers(&["GET https://other.invalid"]);
        let error = egress.send("p", &granted, request).await.err().unwrap();
        assert_eq!(error.code().name, "upstream_unreachable", "{error:?}");
    }
    let audited = egress.counts("p").audited;
    assert_eq!(audited.len(), 1);
    assert_eq!(audited[0].address, "https://no-such-host.invalid:443");
    assert_eq!(audited[0].count, 3);
    assert!(audited[0].methods.iter().eq(["GET", "POST"]));
    assert_eq!(egress.counts("q").audited, []);
}

#[tokio::test]
async fn audit_mode_opens_no_credential() {
    let upstream = Upstream::start().await;
    let egress = egress("https://bound.invalid", |config| {
        config.mode = EgressMode::Audit;
    });
    let mut request = get_request("https://elsewhere.invalid/".to_owned());
    request.credential = Some("local".to_owned());
    let mut held = powers(&[&upstream.origin()]);
    let error = egress
        .send("p", &held, request.clone())
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "credential_denied", "{error}");
    held.permissions.credentials.clear();
    let error = egress.send("p", &held, request).await.err().unwrap();
    assert_eq!(error.code().name, "credential_denied", "{error}");
    assert!(!format!("{error:?}").contains(SECRET));
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let egress = egress("https://bound.invalid", |_| ());
    let send = async |plugin: &str, hosts: &[&str], method: &str, credential: Option<&str>| {
        let mut request = get_request(upstream.url("/show"));
        request.method = method.to_owned();
        request.credential = credential.map(str::to_owned);
        let sent = egress.send(plugin, &powers(hosts), request).await;
        sent.err().map(|error| error.code().name)
    };
    let reading = format!("GET {origin}");
    for (hosts, method, credential, want) in [
        (&[origin.as_str()][..], "POST", None, None),
        (&[reading.as_str()], "GET", None, None),
        (&[reading.as_str()], "POST", None, Some("egress_denied")),
        (&[], "GET", None, Some("egress_denied")),
        (&["*://*:*"], "GET", None, Some("egress_denied")),
        (&[&origin], "GET", Some("local"), Some("credential_denied")),
        (&[&origin], "GET", Some("other"), Some("credential_denied")),
    ] {
        let got = send("p", hosts, method, credential).await;
        assert_eq!(got, want, "{hosts:?} {method} {credential:?}");
    }
    let refused = |reason, count| RefusedReason { reason, count };
    assert_eq!(
        egress.counts("p").refused,
        [
            refused("credential_not_bound", 1),
            refused("credential_not_granted", 1),
            refused("not_granted", 2),
            refused("refused_network", 1),
        ]
    );
}
