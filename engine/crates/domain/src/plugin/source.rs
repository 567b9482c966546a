//! Packages that lie elsewhere, as people name them.

use crate::{Error, Result, codes};

/// A package that lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteSource {
    /// `digest` is the SHA-256 of the package, lower-case hex.
    Url { url: String, digest: String },
    /// `registry/repository:tag` or `registry/repository@sha256:…`, as in the OCI distribution specification.
    Oci { reference: String },
}

impl RemoteSource {
    /// `digest` with or without `sha256:`. `invalid_input` says what would be right.
    pub fn at_url(url: &str, digest: &str) -> Result<Self> {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(invalid(format!(
                "`{url}` is no address, such as https://example.org/research-x-1.2.0.inkplug"
            )));
        }
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid(format!(
                "`{digest}` is no SHA-256; it has 64 hexadecimal digits, with or without `sha256:` before them"
            )));
        }
        Ok(Self::Url {
            url: url.to_owned(),
            digest: hex.to_ascii_lowercase(),
        })
    }

    /// With or without `oci://`. The registry must be named, for there is no default one.
    pub fn in_registry(reference: &str) -> Result<Self> {
        let bare = reference.strip_prefix("oci://").unwrap_or(reference);
        let is_whole = bare.split_once('/').is_some_and(|(registry, repository)| {
            let is_host = registry == "localhost" || registry.contains(['.', ':']);
            is_host && !repository.is_empty()
        });
        if !is_whole || bare.contains(char::is_whitespace) {
            return Err(invalid(format!(
                "`{reference}` is no reference, such as oci://registry.example.org/plugins/research-x:1.2.0 or oci://registry.example.org/plugins/research-x@sha256:…"
            )));
        }
        Ok(Self::Oci {
            reference: bare.to_owned(),
        })
    }
}

fn invalid(message: String) -> Error {
    Error::new(&codes::INVALID_INPUT, message)
}
