//! What every handler may reach: the services, the settings of this face, and the metrics.

use std::sync::Arc;

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
    /// The engine's version.
    pub version: String,
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
