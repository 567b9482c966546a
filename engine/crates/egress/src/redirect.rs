//! What a redirect turns a request into, by RFC 9110 and the fetch standard. Pure.

use reqwest::Method;
use reqwest::StatusCode;

use crate::failure::Failure;
use crate::policy::Target;

/// Where a `location` leads from here.
pub(crate) fn follow(from: &Target, location: &str) -> Result<Target, Failure> {
    let invalid = || Failure::InvalidRedirect {
        address: from.address(),
    };
    let url = from.url.join(location).map_err(|_| invalid())?;
    Target::of(url).map_err(|_| invalid())
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The method of the next request, and whether the body goes with it.
pub(crate) fn rewritten(status: StatusCode, method: &Method) -> (Method, bool) {
    match status.as_u16() {
        301 | 302 if method == Method::POST => (Method::GET, false),
        303 if method != Method::GET && method != Method::HEAD => (Method::GET, false),
        _ => (method.clone(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_rewritten_as_fetch_says() {
        for (status, method, want) in [
            (301, "POST", ("GET", false)),
            (302, "POST", ("GET", false)),
            (302, "PUT", ("PUT", true)),
            (303, "PUT", ("GET", false)),
            (303, "HEAD", ("HEAD", true)),
            (307, "POST", ("POST", true)),
            (308, "POST", ("POST", true)),
            (301, "GET", ("GET", true)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let method: Method = method.parse().expect("a method");
            let (next, keeps_body) = rewritten(status, &method);
            assert_eq!((next.as_str(), keeps_body), want, "{status} {method}");
        }
        assert!(!is_redirect(StatusCode::NOT_MODIFIED));
    }

    #[test]
    fn locations_are_joined_and_checked() {
        let from = Target::parse("https://a.org/x/y?q=1").expect("valid");
        for (location, want) in [
            ("/z", Some("https://a.org/z")),
            ("z", Some("https://a.org/x/z")),
            ("//b.org/z", Some("https://b.org/z")),
            ("http://c.org", Some("http://c.org/")),
            ("file:///etc/passwd", None),
            ("https://u:p@a.org/", None),
        ] {
            let got = follow(&from, location).ok().map(|t| t.url.to_string());
            assert_eq!(got.as_deref(), want, "{location}");
        }
    }
}
