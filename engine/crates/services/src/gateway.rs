//! What lies between a caller and a provider: who takes a call and who stands in (`plan`,
//! `deployments`, `breaker`), tries and their repetition (`attempt`, `tries`), the answer as it comes
//! (`answer`), and what may be used (`limits`). The calls themselves begin in `chat`.

pub(crate) mod answer;
pub(crate) mod attempt;
mod breaker;
mod bucket;
pub(crate) mod cache;
pub(crate) mod deployments;
pub(crate) mod estimate;
pub(crate) mod guards;
pub(crate) mod idempotency;
pub(crate) mod images;
pub(crate) mod kept;
pub(crate) mod limits;
pub(crate) mod plan;
mod room;
pub(crate) mod settlement;
pub(crate) mod tries;
mod usage;

pub use cache::{CacheWish, cache_word};
pub use images::SharedImages;
pub use inkstone_domain::allowance::RateInfo;
pub use inkstone_domain::gateway::{
    Balance, CacheConfig, CacheMode, DeploymentConfig, GatewayConfig, GuardsConfig, KNOWN_PATTERNS,
    LimitsConfig, ModelConfig, ReliabilityConfig,
};
pub use limits::{Limits, LocalLimits};
pub use usage::UsageRecorder;
