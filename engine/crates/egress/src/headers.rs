//! Which headers cross the border, out and in. Pure.

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_LOCATION, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::failure::Failure;

/// The headers of a guest that may be sent. Connection handling, framing, cookies and compression
/// are ours.
pub(crate) fn outgoing(headers: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            Failure::InvalidRequest(format!("`{}` is no header name", name.escape_debug()))
        })?;
        if !may_leave(&name) {
            continue;
        }
        let value = HeaderValue::from_str(value).map_err(|_| {
            Failure::InvalidRequest(format!(
                "the header `{name}` holds characters that no header may carry"
            ))
        })?;
        map.append(name, value);
    }
    Ok(map)
}

/// What the guest gets to see, names in lower case. A body that was decoded no longer has the length
/// and encoding that its headers tell.
pub(crate) fn incoming(headers: &HeaderMap, is_decoded: bool) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !is_hop_by_hop(name) && *name != SET_COOKIE)
        .filter(|(name, _)| !is_decoded || (*name != CONTENT_ENCODING && *name != CONTENT_LENGTH))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// The size of headers as limits count it: names, values, and four bytes between them.
pub(crate) fn size_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

/// Drops what identifies the caller, for a redirect that leaves the origin.
pub(crate) fn forget_identity(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        headers.remove(name);
    }
    for name in ["api-key", "x-api-key", "x-auth-token", "x-goog-api-key"] {
        headers.remove(name);
    }
}

/// Drops what describes a body that is no longer sent.
pub(crate) fn forget_body(headers: &mut HeaderMap) {
    for name in [
        CONTENT_TYPE,
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_LOCATION,
    ] {
        headers.remove(name);
    }
}

fn may_leave(name: &HeaderName) -> bool {
    let ours = [HOST, CONTENT_LENGTH, COOKIE, ACCEPT_ENCODING, EXPECT];
    !ours.contains(name) && !is_hop_by_hop(name) && !is_about_proxies(name)
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    let fixed = [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    fixed.contains(name) || name == "keep-alive" || name == "proxy-connection"
}

fn is_about_proxies(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-real-ip")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn framing_cookies_and_proxy_headers_stay_here() {
        let sent = outgoing(&pairs(&[
            ("Accept", "text/html"),
            ("X-Mine", "1"),
            ("Authorization", "Bearer own"),
            ("Host", "evil.org"),
            ("Content-Length", "9"),
            ("Connection", "x-mine"),
            ("Keep-Alive", "1"),
            ("Transfer-Encoding", "chunked"),
            ("TE", "trailers"),
            ("Upgrade", "websocket"),
            ("Cookie", "a=b"),
            ("Proxy-Authorization", "x"),
            ("X-Forwarded-For", "1.1.1.1"),
            ("Accept-Encoding", "zstd"),
        ]))
        .expect("valid");
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization", "x-mine"]);
    }

    #[test]
    fn broken_headers_are_refused() {
        assert!(outgoing(&pairs(&[("a b", "c")])).is_err());
        assert!(outgoing(&pairs(&[("a", "b\r\nHost: evil.org")])).is_err());
    }
}
