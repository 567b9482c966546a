//! `[server.tls]`, `[server.cors]` and `[accounts.oidc.NAME]`: how the door to the network is kept, and at
//! which other issuers people sign in.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use crate::secret::Secret;
use crate::section::Section;

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM files; both or none.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub allows_tls12: bool,
    /// `strict-transport-security`; 0 sends none.
    pub hsts_days: u32,
}

impl TlsConfig {
    /// The files of the certificate and of its key, where TLS is spoken.
    pub fn pair(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.certificate.as_ref().zip(self.key.as_ref())
    }
}

/// `[server.cors]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsConfig {
    /// Sites whose pages may call.
    pub origins: Vec<WebOrigin>,
    /// Whether those pages may send cookies along.
    pub credentials: bool,
}

/// `[accounts.oidc.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct OidcIssuerConfig {
    /// For people.
    pub title: String,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<Secret>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Of verified addresses; empty is all.
    pub email_domains: Vec<String>,
    /// Whether strangers get an account.
    pub signup: bool,
    /// Whether an identity is linked to who has its verified address.
    pub link_by_email: bool,
    /// Whether the second factor of the account is asked for.
    pub asks_second_factor: bool,
}

/// A site as browsers name it: scheme, host, and a port that is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const TLS_VERSIONS: &[(&str, bool)] = &[("1.3", false), ("1.2", true)];
const SECOND_FACTORS: &[(&str, bool)] = &[("ask", true), ("trust", false)];

pub(crate) fn tls(mut section: Section<'_>, config: &mut TlsConfig) {
    section.parsed("certificate", &mut config.certificate, file);
    section.parsed("key", &mut config.key, file);
    section.choice("min_version", &mut config.allows_tls12, TLS_VERSIONS);
    section.number("hsts_days", 0..=3_650, &mut config.hsts_days);
    if config.certificate.is_some() != config.key.is_some() {
        let place = section.place().clone();
        section.fault(
            &place,
            "`certificate` and `key` in [server.tls] belong together; one of them is missing",
        );
    }
    section.finish();
}

pub(crate) fn cors(mut section: Section<'_>, config: &mut CorsConfig) {
    origins(&mut section, "origins", &mut config.origins);
    section.flag("credentials", &mut config.credentials);
    section.finish();
}

/// A list of sites.
pub(crate) fn origins(section: &mut Section<'_>, key: &str, target: &mut Vec<WebOrigin>) {
    let place = section.place_of(key);
    let mut texts: Vec<Text> = target.iter().map(|origin| Text(origin.0.clone())).collect();
    section.list(key, &mut texts);
    let mut read = Vec::new();
    for Text(text) in texts {
        match web_origin(&text) {
            Some(origin) => read.push(origin),
            None => section.fault(
                &place,
                format!("`{key}`: `{text}` is no site, such as https://app.example.org"),
            ),
        }
    }
    *target = read;
}

/// Compared letter by letter later, so it must be written as browsers send it.
fn web_origin(text: &str) -> Option<WebOrigin> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_own_port = |port: &str| {
        matches!(
            (text.starts_with("https:"), port),
            (true, "443") | (false, "80")
        )
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && !is_own_port(port);
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:_".contains(&b));
    (is_host && port.is_none_or(is_port)).then(|| WebOrigin(text.to_owned()))
}

/// `accounts` is the section around it.
pub(crate) fn issuers(accounts: &mut Section<'_>, all: &mut BTreeMap<String, OidcIssuerConfig>) {
    for (name, mut section) in accounts.named_sections("oidc") {
        let place = section.place().clone();
        let is_word = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_word {
            section.fault(
                &place,
                format!("[accounts.oidc.{name}]: the name stands in addresses; use small letters, digits and `-`"),
            );
        }
        let issuer_place = section.place_of("issuer");
        let mut issuer = OidcIssuerConfig {
            title: name.clone(),
            issuer: section.required_text("issuer"),
            client_id: section.required_text("client_id"),
            client_secret: None,
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            email_domains: Vec::new(),
            signup: false,
            link_by_email: false,
            asks_second_factor: true,
        };
        if !issuer.issuer.is_empty() && !is_issuer(&issuer.issuer) {
            let text = &issuer.issuer;
            section.fault(
                &issuer_place,
                format!("`issuer`: `{text}` must be an address with https:// (http:// for this machine only)"),
            );
        }
        section.text("title", &mut issuer.title);
        section.secret("client_secret", &mut issuer.client_secret);
        texts(&mut section, "scopes", &mut issuer.scopes);
        texts(&mut section, "email_domains", &mut issuer.email_domains);
        section.flag("signup", &mut issuer.signup);
        section.flag("link_by_email", &mut issuer.link_by_email);
        section.choice(
            "second_factor",
            &mut issuer.asks_second_factor,
            SECOND_FACTORS,
        );
        section.finish();
        all.insert(name, issuer);
    }
}

/// Whoever can change what comes over the network would be anybody.
fn is_issuer(text: &str) -> bool {
    let of_this_machine = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = of_this_machine.iter().any(|start| {
        let rest = text.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    let is_plain = !text.contains(char::is_whitespace) && !text.contains(['?', '#', '@']);
    is_plain
        && (is_local
            || text
                .strip_prefix("https://")
                .is_some_and(|rest| !rest.is_empty()))
}

fn texts(section: &mut Section<'_>, key: &str, target: &mut Vec<String>) {
    let mut read: Vec<Text> = target.iter().cloned().map(Text).collect();
    section.list(key, &mut read);
    *target = read.into_iter().map(|Text(text)| text).collect();
}

/// Any text.
struct Text(String);

impl FromStr for Text {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

fn file(text: &str) -> Result<Option<PathBuf>, String> {
    crate::paths::expand_home(text).map(Some)
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            allows_tls12: false,
            hsts_days: 365,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        for (text, is_origin) in [
            ("https://app.example.org", true),
            ("http://localhost:5173", true),
            ("https://[2001:db8::1]:8443", true),
            ("https://[2001:db8::1]", true),
            ("*", false),
            ("null", false),
            ("app.example.org", false),
            ("https://", false),
            ("https://App.example.org", false),
            ("https://app.example.org/", false),
            ("https://app.example.org/x", false),
            ("https://app.example.org:443", false),
            ("http://app.example.org:80", false),
            ("https://app.example.org:x", false),
            ("https://*.example.org", false),
            ("https://a@example.org", false),
            ("https://a.example.org\r\nx: y", false),
            ("ftp://a.example.org", false),
        ] {
            assert_eq!(web_origin(text).is_some(), is_origin, "{text:?}");
        }
    }

    #[test]
    fn issuers_speak_tls() {
        for (text, is_one) in [
            ("https://accounts.example.org", true),
            ("https://login.example.org/tenant/v2.0", true),
            ("http://127.0.0.1:4000", true),
            ("http://localhost/oidc", true),
            ("http://accounts.example.org", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("https://", false),
            ("https://a.example.org?x=1", false),
            ("https://u@a.example.org", false),
            ("accounts.example.org", false),
        ] {
            assert_eq!(is_issuer(text), is_one, "{text:?}");
        }
    }
}
