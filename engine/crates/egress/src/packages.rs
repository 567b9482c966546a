//! Packages of plugins from elsewhere: an address with a digest, or an OCI registry. Where they come
//! from is the admin's word, so no plugin's powers and no blocked networks are asked here; what
//! arrives is bounded, and held against its digest.

mod download;
mod reference;
mod registry;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::digest::sha256;
use inkstone_domain::plugin::{PackageFormat, RemoteSource};
use inkstone_domain::ports::PackageFetcher;
use inkstone_domain::{Error, Result, codes};
use reqwest::Client;

use self::download::Download;
use self::reference::Reference;
use self::registry::Repository;
use crate::secret::Secret;
use crate::transport;

/// How packages are fetched.
#[derive(Debug, Clone)]
pub struct PackagesConfig {
    /// Of one package.
    pub max_bytes: u64,
    pub connect_timeout: Duration,
    /// For the head of an answer, and between two pieces of it.
    pub idle_timeout: Duration,
    pub registries: Vec<RegistryAccess>,
}

impl Default for PackagesConfig {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            registries: Vec::new(),
        }
    }
}

/// How a registry is spoken to. One that is not named is reached by TLS and without a sign-in.
#[derive(Debug, Clone)]
pub struct RegistryAccess {
    /// Host, and port where it has one.
    pub host: String,
    pub sign_in: Option<(Secret, Secret)>,
    /// Without TLS; a registry of this machine is in any case.
    pub plain_http: bool,
}

/// What a package is called in a registry.
#[derive(Debug, Clone)]
pub struct PackageLabel {
    pub id: String,
    pub version: String,
    pub format: PackageFormat,
}

/// Fetches packages over HTTP.
pub struct HttpPackages {
    http: Client,
    config: PackagesConfig,
}

impl HttpPackages {
    pub fn new(config: PackagesConfig) -> Result<Self> {
        let user_agent = concat!("inkstone/", env!("CARGO_PKG_VERSION"));
        Ok(Self {
            http: transport::unguarded_client(user_agent, config.connect_timeout)?,
            config,
        })
    }

    /// Puts a package into a registry. Returns the reference with the digest, which never changes.
    pub async fn push(
        &self,
        reference: &str,
        package: Bytes,
        label: &PackageLabel,
    ) -> Result<String> {
        let reference = Reference::parse(reference)?;
        self.repository(&reference)
            .push(&reference, package, label)
            .await
    }

    fn download(&self) -> Download<'_> {
        Download {
            http: &self.http,
            idle_timeout: self.config.idle_timeout,
        }
    }

    fn repository(&self, reference: &Reference) -> Repository<'_> {
        let access = self.config.registries.iter();
        let access = access.clone().find(|it| it.host == reference.registry);
        Repository::new(self.download(), reference, access, self.config.max_bytes)
    }
}

#[async_trait]
impl PackageFetcher for HttpPackages {
    async fn fetch(&self, source: &RemoteSource) -> Result<Bytes> {
        match source {
            RemoteSource::Url { url, digest } => {
                let answer = self.download().get(url, &[]).await?;
                let package = answer.body(self.config.max_bytes).await?;
                check_digest(url, digest, &package)?;
                Ok(package)
            }
            RemoteSource::Oci { reference } => {
                let reference = Reference::parse(reference)?;
                self.repository(&reference).pull(&reference).await
            }
        }
    }
}

/// `digest` with or without `sha256:`.
fn check_digest(what: &str, digest: &str, content: &[u8]) -> Result<()> {
    let wanted = digest.strip_prefix("sha256:").unwrap_or(digest);
    let found = sha256(content);
    if wanted.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(Error::new(
        &codes::PLUGIN_REJECTED,
        format!(
            "{what} does not have the digest sha256:{wanted} but sha256:{found}; either it was changed, or the digest is of something else"
        ),
    ))
}
