//! Whose plugins are loaded: asked anew for every load, so that a key that is trusted or revoked
//! counts from then on.

use std::fmt;
use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_package::TrustPolicy;

/// Gives the policy of this instant. May read a file, so it is asked on blocking threads only.
#[derive(Clone)]
pub struct TrustSource(Arc<dyn Fn() -> Result<TrustPolicy> + Send + Sync>);

impl TrustSource {
    /// An error of `policy` lets nothing be loaded.
    pub fn new(policy: impl Fn() -> Result<TrustPolicy> + Send + Sync + 'static) -> Self {
        Self(Arc::new(policy))
    }

    /// Always this policy.
    pub fn fixed(policy: TrustPolicy) -> Self {
        Self::new(move || Ok(policy.clone()))
    }

    pub(crate) fn policy(&self) -> Result<TrustPolicy> {
        (self.0)()
    }
}

impl Default for TrustSource {
    /// Asks nothing of a plugin.
    fn default() -> Self {
        Self::fixed(TrustPolicy::default())
    }
}

impl fmt::Debug for TrustSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustSource")
    }
}
