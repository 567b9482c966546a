//! Redirects: each hop is checked like the first, and nothing that identifies the caller leaves
//! the origin.

use std::sync::atomic::Ordering;

use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::Egress;

use crate::upstream::{SECRET, Upstream, egress, get_request, powers, text};

fn post_with_credential(url: String) -> OutboundRequest {
    OutboundRequest {
        method: "POST".to_owned(),
        headers: vec![("x-api-key".to_owned(), "own".to_owned())],
        body: Some("hello".into()),
        credential: Some("local".to_owned()),
        ..get_request(url)
    }
}

#[tokio::test]
async fn the_same_origin_keeps_the_credential() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    for (status, method, body) in [
        (307, "POST", "hello"),
        (308, "POST", "hello"),
        (302, "GET", ""),
        (303, "GET", ""),
    ] {
        let request = post_with_credential(upstream.url(&format!("/redirect/{status}?to=/show")));
        let powers = powers(&[&upstream.origin()]);
        let response = egress.send("p", &powers, request).await.unwrap();
        assert_eq!(response.url, upstream.url("/show"));
        let seen = text(response.body).await;
        assert!(seen.starts_with(&format!("{method}\n")), "{status}: {seen}");
        assert!(seen.ends_with(&format!("\n\n{body}")), "{status}: {seen}");
        assert!(seen.contains("authorization: Bearer"), "{status}: {seen}");
        assert!(seen.contains("x-api-key: own"), "{status}: {seen}");
    }
}

#[tokio::test]
async fn a_caller_may_want_the_redirect_itself() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let powers = powers(&[&upstream.origin()]);
    for status in [301, 302, 303, 307, 308] {
        let url = upstream.url(&format!("/redirect/{status}?to=/show"));
        let request = OutboundRequest {
            redirects: Redirects::Answer,
            ..post_with_credential(url.clone())
        };
        let response = egress.send("p", &powers, request).await.unwrap();
        assert_eq!((response.status, response.url), (status, url));
        assert!(!text(response.body).await.contains("hello"), "{status}");
    }
}

#[tokio::test]
async fn another_origin_gets_neither_credential_nor_keys() {
    let first = Upstream::start().await;
    let second = Upstream::start().await;
    let egress = egress(&first.origin(), |_| ());
    let to = first.url(&format!("/redirect/307?to={}", second.url("/show")));
    let powers = powers(&[&first.origin(), &second.origin()]);
    let response = egress
        .send("p", &powers, post_with_credential(to))
        .await
        .unwrap();
    assert_eq!(response.url, second.url("/show"));
    let seen = text(response.body).await;
    assert!(seen.ends_with("\n\nhello"), "{seen}");
    assert!(!seen.contains("authorization"), "{seen}");
    assert!(!seen.contains("x-api-key"), "{seen}");
}

#[tokio::test]
async fn a_redirect_out_of_the_grant_is_denied() {
    let first = Upstream::start().await;
    let second = Upstream::start().await;
    let egress = egress(&first.origin(), |_| ());
    for to in [
        second.url("/show"),
        "http://169.254.169.254/latest".to_owned(),
    ] {
        let request = get_request(first.url(&format!("/redirect/302?to={to}")));
        let powers = powers(&[&first.origin(), "https://*"]);
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "egress_denied", "{to}: {error}");
    }
    assert_eq!(second.seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_checked_with_the_method_it_becomes() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let writing = format!("POST {origin}");
    let reading = format!("GET {origin}");
    for (granted, bound_to, want) in [
        (vec![writing.as_str()], &origin, Err("egress_denied")),
        (vec![&writing, &reading], &writing, Ok(false)),
        (vec![&writing, &reading], &origin, Ok(true)),
    ] {
        let egress = egress(bound_to, |_| ());
        let request = post_with_credential(upstream.url("/redirect/303?to=/show"));
        let got = match egress.send("p", &powers(&granted), request).await {
            Ok(response) => Ok(text(response.body).await.contains("authorization")),
            Err(error) => Err(error.code().name),
        };
        assert_eq!(got, want, "{granted:?} {bound_to}");
    }
}

#[tokio::test]
async fn a_location_with_the_key_in_it_is_not_followed() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    for form in [
        SECRET.to_owned(),
        SECRET.replace('/', "%2F").replace('+', "%2B"),
    ] {
        let request =
            post_with_credential(upstream.url(&format!("/redirect/307?to=/show?k={form}")));
        let powers = powers(&[&upstream.origin()]);
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "upstream_error", "{error}");
        assert!(!format!("{error:?}").contains("0123456"), "{error:?}");
    }
}

#[tokio::test]
async fn loops_and_bad_locations_end() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| config.max_redirects = 3);
    for (path, part) in [
        ("/loop", "more than 3 times"),
        ("/redirect/302?to=file:///etc/passwd", "not valid"),
    ] {
        let powers = powers(&[&upstream.origin()]);
        let request = get_request(upstream.url(path));
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "upstream_error", "{path}: {error}");
        assert!(error.message().contains(part), "{path}: {error}");
    }
}
