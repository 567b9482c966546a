//! Why a package is not taken: what is wrong with the file, or with who signed it.

use inkstone_domain::{Error, codes};

/// What is wrong with a package's bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Cut off, changed on the way, or still being written.
    #[error("the package is damaged: {0}; fetch or pack it again")]
    Damaged(String),
    /// Whole, but something in it is not allowed.
    #[error("the package is refused: {0}")]
    Refused(String),
    /// Of a later format than this engine reads.
    #[error(
        "the package has format {format}, and this engine reads up to {}; it needs {engine}",
        crate::FORMAT
    )]
    TooNew {
        format: u32,
        /// In words.
        engine: String,
    },
    /// A key that cannot be read or used.
    #[error("{0}")]
    Key(String),
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        let code = match error {
            PackageError::Key(_) => &codes::INVALID_INPUT,
            _ => &codes::PLUGIN_REJECTED,
        };
        Self::new(code, error.to_string())
    }
}

/// Why a plugin is whole and yet may not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error(
        "the signature by key {key_id} is not valid: the package was changed after it was signed; fetch it again from its author"
    )]
    BadSignature { key_id: String },
    #[error(
        "its SHA-256 is {found}, but `[plugins.trust] pins` wants {pinned} for `{id}`; install that very package, or change the pin"
    )]
    Pin {
        id: String,
        pinned: String,
        found: String,
    },
    #[error(
        "it is a bare component, which carries no signature; pack it with `inkstone plugin pack` and sign it with `inkstone plugin sign`"
    )]
    Bare,
    #[error("it is not signed; its author signs it with `inkstone plugin sign`")]
    Unsigned,
    #[error(
        "it is signed by {signers}, and none of these keys is trusted; if you know the author, run `inkstone plugin key trust NAME {example}`"
    )]
    UnknownSigners { signers: String, example: String },
    #[error(
        "it is signed only by keys that are revoked: {signers}; get a package that its author signed with another key"
    )]
    RevokedSigners { signers: String },
}

impl From<Untrusted> for Error {
    fn from(reason: Untrusted) -> Self {
        let message = match &reason {
            Untrusted::BadSignature { .. } | Untrusted::Pin { .. } => reason.to_string(),
            Untrusted::Bare
            | Untrusted::Unsigned
            | Untrusted::UnknownSigners { .. }
            | Untrusted::RevokedSigners { .. } => {
                format!(
                    "{reason} (`[plugins.trust] require_signature` asks for a trusted signature)"
                )
            }
        };
        Self::new(&codes::PLUGIN_UNTRUSTED, message)
    }
}
