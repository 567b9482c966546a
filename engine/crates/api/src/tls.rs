//! The certificate and the key, read from files, and read anew when they change: connections that are made
//! from then on see the new pair, those that are open go on. A pair that is wrong changes nothing.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use inkstone_domain::{Error, Result, codes};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

/// Where the pair lies, and how old a protocol may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub allows_tls12: bool,
}

/// The pair that is shown.
pub struct Tls {
    settings: TlsSettings,
    shown: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// `invalid_config` where the files cannot be read or are no pair.
    pub fn new(settings: TlsSettings) -> Result<Self> {
        Ok(Self {
            shown: RwLock::new(Arc::new(read(&settings)?)),
            settings,
        })
    }

    /// Reads the files anew. Where they are wrong, the pair before stays.
    pub fn reload(&self) -> Result<()> {
        let new = Arc::new(read(&self.settings)?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The files, for whoever watches them.
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    pub(crate) fn shown(&self) -> Arc<ServerConfig> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown)
    }
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({})", self.settings.certificate.display())
    }
}

fn read(settings: &TlsSettings) -> Result<ServerConfig> {
    let wrong = |path: &PathBuf, why: String| {
        let path = path.display();
        Error::new(
            &codes::INVALID_CONFIG,
            format!("[server.tls]: `{path}` cannot be used: {why}"),
        )
    };
    let of_certificate = |why: String| wrong(&settings.certificate, why);
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&settings.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| of_certificate(error.to_string()))?;
    if certificates.is_empty() {
        return Err(of_certificate("it has no certificate in PEM".to_owned()));
    }
    // What the reader says of a key might quote it.
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|_| wrong(&settings.key, "it is no private key in PEM".to_owned()))?;
    let versions: &[_] = match settings.allows_tls12 {
        true => &[&TLS13, &TLS12],
        false => &[&TLS13],
    };
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| of_certificate(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key);
    let mut config = config.map_err(|error| of_certificate(format!("with its key: {error}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
