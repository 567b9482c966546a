//! What every handler may reach: the services, the settings of this face, and the metrics.

use std::sync::Arc;
use std::time::Duration;

use inkstone_services::Services;
use ipnet::IpNet;

/// Settings of the HTTP face.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// A longer request body is refused with 413.
    pub max_body_bytes: usize,
    /// The same for the package of a plugin.
    pub max_package_bytes: usize,
    /// Where people reach the engine, without a slash at the end; used for links in the API reference.
    pub public_url: String,
    /// Proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Pages of other sites.
    pub cors: CorsConfig,
    /// How long browsers that came over TLS come over nothing else; `None` says nothing about it.
    pub hsts: Option<Duration>,
    /// The engine's version.
    pub version: String,
}

/// Which pages of other sites may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsConfig {
    /// As browsers send them, such as `https://app.example.org`.
    pub origins: Vec<String>,
    /// Whether they may send cookies along, which sign-in at other issuers needs.
    pub allows_credentials: bool,
}

/// What [`crate::router`] is built over.
#[derive(Clone)]
pub struct ApiState {
    pub services: Arc<Services>,
    pub config: ApiConfig,
    /// Renders all metrics as Prometheus text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The state as handlers hold it: one counter goes up per request, nothing is copied.
pub(crate) type Shared = Arc<ApiState>;
