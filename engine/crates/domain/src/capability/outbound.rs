//! Patterns of addresses that a plugin may reach: methods, scheme, host and port. Pure; how they are
//! read, written, matched and intersected, tested as tables.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::methods::Methods;
use crate::{Error, codes};

/// `scheme://host:port`, such as `https://api.openai.com:443`, `https://*.example.org` or `http://127.0.0.1:8080`.
/// `*` alone is any host; `*.` stands for one or more labels; scheme and port may be `*`;
/// without a port the scheme's own is meant (443, 80, any for `*`). Methods may stand in front, as in
/// `GET,HEAD https://*.example.org:443`; without them every method is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundHost {
    /// `None` is any of http and https.
    scheme: Option<Scheme>,
    host: HostPattern,
    /// `None` is any.
    port: Option<u16>,
    methods: Methods,
    /// Whether the host was named exactly; after an intersection, by the grant: what a manifest
    /// asks for must not open a private network that the admin only covered by a wildcard.
    named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostPattern {
    Any,
    /// `*.example.org`, kept as `.example.org`.
    Suffix(String),
    Exact(String),
}

impl OutboundHost {
    pub(super) fn matches(&self, scheme: &str, host: &str, port: u16, method: &str) -> bool {
        let scheme_fits = match self.scheme {
            None => scheme == "http" || scheme == "https",
            Some(Scheme::Http) => scheme == "http",
            Some(Scheme::Https) => scheme == "https",
        };
        let host_fits = match &self.host {
            HostPattern::Any => true,
            HostPattern::Suffix(suffix) => is_below(host, suffix),
            HostPattern::Exact(exact) => host == exact,
        };
        scheme_fits
            && host_fits
            && self.port.is_none_or(|own| own == port)
            && self.methods.contains(method)
    }

    /// Whether the host stands for itself: written out where it came from, after an intersection by the grant.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// What of `asked` none of these hosts leaves any part of; `None` where nothing is missing. A host
    /// that is only partly covered, as a wildcard by a name, counts as covered; a method does not.
    pub(super) fn missing_from(&self, held: &[Self]) -> Option<Self> {
        let covered = held
            .iter()
            .filter_map(|host| self.intersect(host))
            .fold(Methods::NONE, |all, host| all.union(host.methods));
        let methods = self.methods.without(covered);
        (!methods.is_empty()).then(|| Self {
            methods,
            ..self.clone()
        })
    }

    pub(super) fn same_pattern(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port, self.methods)
            == (other.scheme, &other.host, other.port, other.methods)
    }

    /// What the grant leaves of it; `None` where nothing is.
    pub(super) fn intersect(&self, granted: &Self) -> Option<Self> {
        let scheme = match (self.scheme, granted.scheme) {
            (None, scheme) | (scheme, None) => scheme,
            (Some(a), Some(b)) if a == b => Some(a),
            _ => return None,
        };
        let port = match (self.port, granted.port) {
            (None, port) | (port, None) => port,
            (Some(a), Some(b)) if a == b => Some(a),
            _ => return None,
        };
        let host = match (&self.host, &granted.host) {
            (HostPattern::Any, host) | (host, HostPattern::Any) => host.clone(),
            (HostPattern::Exact(a), HostPattern::Exact(b)) if a == b => self.host.clone(),
            (HostPattern::Exact(exact), HostPattern::Suffix(suffix))
            | (HostPattern::Suffix(suffix), HostPattern::Exact(exact))
                if is_below(exact, suffix) =>
            {
                HostPattern::Exact(exact.clone())
            }
            (HostPattern::Suffix(a), HostPattern::Suffix(b)) if a.ends_with(b.as_str()) => {
                HostPattern::Suffix(a.clone())
            }
            (HostPattern::Suffix(a), HostPattern::Suffix(b)) if b.ends_with(a.as_str()) => {
                HostPattern::Suffix(b.clone())
            }
            _ => return None,
        };
        let methods = self.methods.intersection(granted.methods);
        (!methods.is_empty()).then_some(Self {
            scheme,
            host,
            port,
            methods,
            named: granted.named,
        })
    }
}

/// Whether one or more labels stand before `.example.org`.
fn is_below(host: &str, suffix: &str) -> bool {
    host.len() > suffix.len() && host.ends_with(suffix)
}

impl FromStr for OutboundHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                &codes::INVALID_CONFIG,
                format!(
                    "`{text}` is no outbound host ({why}); write `scheme://host:port`, such as `https://api.example.org:443`"
                ),
            )
        };
        let (methods, address) = match text.split_once(' ') {
            None => (Methods::ALL, text),
            Some((methods, address)) => (
                methods.parse().map_err(|why: String| wrong(&why))?,
                address.trim_start_matches(' '),
            ),
        };
        let (scheme, rest) = address
            .split_once("://")
            .ok_or_else(|| wrong("no scheme"))?;
        let scheme = match scheme {
            "*" => None,
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            _ => return Err(wrong("the scheme is none of http, https, *")),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match (port, scheme) {
            (Some("*"), _) | (None, None) => None,
            (Some(number), _) => Some(
                number
                    .parse::<u16>()
                    .map_err(|_| wrong("the port is no number from 0 to 65535"))?,
            ),
            (None, Some(Scheme::Http)) => Some(80),
            (None, Some(Scheme::Https)) => Some(443),
        };
        let host = host.parse().map_err(wrong)?;
        let named = matches!(host, HostPattern::Exact(_));
        Ok(Self {
            scheme,
            host,
            port,
            methods,
            named,
        })
    }
}

impl FromStr for HostPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = text.to_ascii_lowercase();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&host);
        if bare == "*" {
            return Ok(Self::Any);
        }
        if let Some(suffix) = bare.strip_prefix('*') {
            let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_of_a_name);
            let labels = suffix.strip_prefix('.').unwrap_or_default();
            if !labels.split('.').all(is_label) {
                return Err("a wildcard stands for whole labels, as in *.example.org");
            }
            // `*.0.0.1` would reach into addresses.
            let last = labels.rsplit('.').next().unwrap_or_default();
            if last.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("a wildcard stands for labels of a name, not for parts of an address");
            }
            return Ok(Self::Suffix(suffix.to_owned()));
        }
        if let Ok(ip) = bare.parse::<IpAddr>() {
            // As URLs are written, so that `[::0001]` and `[::1]` are one.
            return Ok(Self::Exact(ip.to_string()));
        }
        if bare.is_empty() || !bare.bytes().all(|byte| byte == b'.' || is_of_a_name(byte)) {
            return Err("the host is neither a name nor an address");
        }
        Ok(Self::Exact(bare.to_owned()))
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Display for OutboundHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.methods != Methods::ALL {
            write!(f, "{} ", self.methods)?;
        }
        match self.scheme {
            None => f.write_str("*://")?,
            Some(Scheme::Http) => f.write_str("http://")?,
            Some(Scheme::Https) => f.write_str("https://")?,
        }
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Suffix(suffix) => write!(f, "*{suffix}")?,
            HostPattern::Exact(host) if host.contains(':') => write!(f, "[{host}]")?,
            HostPattern::Exact(host) => f.write_str(host)?,
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

impl Serialize for OutboundHost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutboundHost {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| serde::de::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_one_way() {
        for (text, want) in [
            ("https://a.org", "https://a.org:443"),
            ("http://A.org", "http://a.org:80"),
            ("*://*", "*://*:*"),
            ("https://*.a.org:8443", "https://*.a.org:8443"),
            ("http://[::0001]:9", "http://[::1]:9"),
            (
                "http://[0:0:0:0:0:ffff:7f00:1]",
                "http://[::ffff:127.0.0.1]:80",
            ),
            ("GET https://a.org", "GET https://a.org:443"),
            ("HEAD,GET  https://a.org", "GET,HEAD https://a.org:443"),
            (
                "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS https://a.org",
                "https://a.org:443",
            ),
            ("DELETE *://*:*", "DELETE *://*:*"),
        ] {
            let host: OutboundHost = text.parse().expect(text);
            assert_eq!(host.to_string(), want);
            assert_eq!(want.parse::<OutboundHost>().expect(want), host);
            let json = serde_json::to_string(&host).expect("json");
            let back: OutboundHost = serde_json::from_str(&json).expect("host");
            assert_eq!(back, host);
        }
    }

    #[test]
    fn bad_hosts_say_what_to_write() {
        for text in [
            "a.org",
            "ftp://a.org",
            "https://",
            "https://a*b.org",
            "https://*a.org",
            "https://*.",
            "https://*..org",
            "https://*.a b",
            "https://*.0.0.1",
            "https://a.org:99999",
            "https://a org",
            "https://a.org/path",
            "https://user@a.org",
            "get https://a.org",
            "CONNECT https://a.org",
            ", https://a.org",
            "GET,,HEAD https://a.org",
            " https://a.org",
        ] {
            let error = text.parse::<OutboundHost>().expect_err(text);
            assert!(error.message().contains("scheme://host:port"), "{error}");
        }
    }
}
