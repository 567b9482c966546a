//! A reference of an OCI registry: `registry/repository:tag` or `registry/repository@sha256:…`.

use std::net::IpAddr;

use inkstone_domain::{Error, Result, codes};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Host, and port where it has one.
    pub registry: String,
    pub repository: String,
    pub version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    Tag(String),
    /// `sha256:` and hex, of the manifest.
    Digest(String),
}

impl Reference {
    /// With or without `oci://`. There is no default registry; without a version the tag `latest` is meant.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bare = text.strip_prefix("oci://").unwrap_or(text);
        read(bare).ok_or_else(|| {
            Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{text}` is no reference, such as oci://registry.example.org/plugins/research-x:1.2.0"
                ),
            )
        })
    }

    /// Whether the registry is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self
            .registry
            .rsplit_once(':')
            .map_or(self.registry.as_str(), |(host, port)| {
                if port.ends_with(']') {
                    &self.registry
                } else {
                    host
                }
            });
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The same package by a digest.
    pub(super) fn pinned(&self, digest: &str) -> String {
        format!("oci://{}/{}@{digest}", self.registry, self.repository)
    }
}

impl Version {
    /// As it stands in paths.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest,
        }
    }
}

fn read(text: &str) -> Option<Reference> {
    let (registry, rest) = text.split_once('/')?;
    let (repository, version) = match rest.split_once('@') {
        Some((repository, digest)) => {
            // A tag beside a digest says nothing more.
            let repository = repository
                .rsplit_once(':')
                .map_or(repository, |(name, _)| name);
            (repository, Version::Digest(digest.to_owned()))
        }
        None => match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Version::Tag(tag.to_owned())),
            None => (rest, Version::Tag("latest".to_owned())),
        },
    };
    let is_valid = is_registry(registry)
        && repository.split('/').all(is_component)
        && match &version {
            Version::Tag(tag) => is_tag(tag),
            Version::Digest(digest) => is_digest(digest),
        };
    is_valid.then(|| Reference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        version,
    })
}

fn is_registry(text: &str) -> bool {
    let is_host = text == "localhost" || text.contains(['.', ':']);
    is_host
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

fn is_component(text: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else {
        return false;
    };
    is_alphanumeric(first)
        && is_alphanumeric(last)
        && text
            .bytes()
            .all(|b| is_alphanumeric(b) || matches!(b, b'.' | b'_' | b'-'))
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Others are allowed by the specification; nobody uses them.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, want) in [
            ("oci://ghcr.io/a/b:1.2", Some(("ghcr.io", "a/b", "1.2"))),
            ("localhost:5000/b", Some(("localhost:5000", "b", "latest"))),
            ("[::1]:5000/b:x", Some(("[::1]:5000", "b", "x"))),
            (
                &format!("r.org/b@{digest}"),
                Some(("r.org", "b", digest.as_str())),
            ),
            (
                &format!("r.org/b:1@{digest}"),
                Some(("r.org", "b", digest.as_str())),
            ),
            ("b:1", None),
            ("library/b:1", None),
            ("r.org/", None),
            ("r.org/A", None),
            ("r.org/a/../b", None),
            ("r.org/a:", None),
            ("r.org/a@sha256:12", None),
            ("r.org/a?x=y:1", None),
            ("user@r.org/a", None),
        ] {
            let got = Reference::parse(text).ok();
            let got = got.as_ref().map(|it| {
                (
                    it.registry.as_str(),
                    it.repository.as_str(),
                    it.version.as_str(),
                )
            });
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn registries_of_this_machine_are_known() {
        for (text, want) in [
            ("localhost/a", true),
            ("localhost:5000/a", true),
            ("127.0.0.1:5000/a", true),
            ("[::1]:5000/a", true),
            ("10.0.0.1:5000/a", false),
            ("localhost.example.org/a", false),
        ] {
            assert_eq!(
                Reference::parse(text).unwrap().is_loopback(),
                want,
                "{text}"
            );
        }
    }
}
