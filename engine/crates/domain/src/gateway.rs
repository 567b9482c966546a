//! Settings of the gateway, as an admin writes them and `services` keeps to them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::allowance::{Allowance, Subject};
use crate::capability::OutboundHost;
use crate::money::Price;

/// Everything an admin may set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GatewayConfig {
    pub reliability: ReliabilityConfig,
    /// By the name that callers use: several deployments behind one name, and who stands in.
    pub models: BTreeMap<String, ModelConfig>,
    /// By `provider/model`; these go before what a provider's author wrote.
    pub prices: BTreeMap<String, Price>,
    pub limits: LimitsConfig,
    /// Whether fields that a provider lacks are left out of every request; else only where it says so.
    pub drop_unsupported: bool,
    pub cache: CacheConfig,
    pub guards: GuardsConfig,
    pub images: ImagesConfig,
}

/// How faults are met.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityConfig {
    /// Tries after the first, for each name.
    pub retries: u32,
    /// The first wait between two tries; it doubles, with jitter.
    pub retry_min: Duration,
    /// A wait that would be longer is not made: somebody stands in, or the fault is told.
    pub retry_max: Duration,
    /// Repeated calls in a hundred calls, beside ten a second that are always free.
    pub retry_budget_percent: u32,
    /// For the first piece of an answer; none is the plugin's own bound.
    pub first_token: Option<Duration>,
    /// Between two pieces.
    pub between_tokens: Option<Duration>,
    /// For a whole answer.
    pub total: Option<Duration>,
    /// Faults in a row after which a deployment rests.
    pub cooldown_failures: u32,
    /// For how long.
    pub cooldown: Duration,
    /// How often a resting deployment is looked at, beside the calls that try it.
    pub probe: Option<Duration>,
    /// Whether another model goes on with an answer that broke off.
    pub resume_streams: bool,
}

impl Default for ReliabilityConfig {
    fn default() -> Self {
        Self {
            retries: 2,
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(10),
            retry_budget_percent: 20,
            first_token: None,
            between_tokens: None,
            total: None,
            cooldown_failures: 5,
            cooldown: Duration::from_secs(30),
            probe: None,
            resume_streams: true,
        }
    }
}

/// A name that callers use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelConfig {
    /// None is the name itself as `provider/model`.
    pub deployments: Vec<DeploymentConfig>,
    pub balance: Balance,
    /// Names that stand in, in this order.
    pub fallbacks: Vec<String>,
    /// Names that stand in for faults of this code, such as `context_too_long`, before the others.
    pub fallbacks_on: BTreeMap<String, Vec<String>>,
    /// A second deployment is asked too where the first is silent for so long.
    pub hedge_after: Option<Duration>,
}

/// One of the deployments behind a name.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentConfig {
    /// `provider/model`.
    pub model: String,
    /// Share of the calls, beside the others' weights.
    pub weight: u32,
}

/// Who of several takes a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Balance {
    /// By chance, by weight.
    #[default]
    Weighted,
    /// Who has the fewest calls under way, by weight.
    LeastBusy,
    /// Who was fastest to the first piece lately.
    Fastest,
}

/// Bounds that hold where nobody set others.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Of everybody.
    pub user: Allowance,
    /// Of every project.
    pub project: Allowance,
    /// Of these, in place of the two above.
    pub of: BTreeMap<Subject, Allowance>,
    /// Tokens of output that are reserved for a request without a bound of its own. Where a budget holds, it may
    /// have no more.
    pub reserved_output_tokens: u32,
}

impl Default for LimitsConfig {
    /// No bounds; four thousand and ninety-six tokens.
    fn default() -> Self {
        Self {
            user: Allowance::default(),
            project: Allowance::default(),
            of: BTreeMap::new(),
            reserved_output_tokens: 4_096,
        }
    }
}

/// The cache of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheConfig {
    /// Where a request says nothing.
    pub mode: CacheMode,
    pub ttl: Duration,
    /// In memory.
    pub max_bytes: u64,
    /// Cosine from which two requests mean the same; none compares no meanings.
    pub semantic: Option<f32>,
    /// `provider/model` that makes the vectors.
    pub embedding_model: String,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            mode: CacheMode::Off,
            ttl: Duration::from_secs(3_600),
            max_bytes: 16 << 20,
            semantic: None,
            embedding_model: String::new(),
        }
    }
}

/// What a request wants of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheMode {
    On,
    #[default]
    Off,
    /// What is there is taken, and nothing is put in.
    ReadOnly,
    /// The answer is put in, and none is taken.
    WriteOnly,
}

impl CacheMode {
    pub fn reads(self) -> bool {
        matches!(self, Self::On | Self::ReadOnly)
    }

    pub fn writes(self) -> bool {
        matches!(self, Self::On | Self::WriteOnly)
    }
}

/// Images by address.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagesConfig {
    /// Where the engine fetches them from; none leaves that to providers.
    pub hosts: Vec<OutboundHost>,
    /// Of one image that is fetched.
    pub max_bytes: usize,
    /// Of all images of one request, fetched and sent along: what its provider's memory must hold, about
    /// eight times.
    pub max_total_bytes: usize,
}

impl Default for ImagesConfig {
    /// Any public host by TLS; 16 MiB, which a provider with 128 MiB can hold.
    fn default() -> Self {
        Self {
            hosts: "https://*".parse().into_iter().collect(),
            max_bytes: 16 << 20,
            max_total_bytes: 16 << 20,
        }
    }
}

/// Checks of prompts and answers; all off where nothing is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GuardsConfig {
    /// Names of built-in patterns and regular expressions; what they find is replaced by `[NAME]`.
    pub redact: Vec<(String, String)>,
    /// Terms that refuse a prompt and end an answer, whatever their case.
    pub blocked_terms: Vec<String>,
    /// Characters of all messages together.
    pub max_prompt_chars: Option<usize>,
    /// Whether answers that were asked for as JSON are mended where they are not.
    pub repair_json: bool,
}

/// Patterns with a name: what they find is personal or secret. Those that find more digits go first.
pub const KNOWN_PATTERNS: &[(&str, &str)] = &[
    ("EMAIL", r"(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b"),
    (
        "IBAN",
        r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    ),
    ("CREDIT_CARD", r"\b(?:[0-9][ -]?){12,18}[0-9]\b"),
    ("PHONE", r"(?:\+|\b00)[1-9][0-9 ().-]{6,18}[0-9]\b"),
    ("IP_ADDRESS", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b"),
    ("US_SSN", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"),
    (
        "API_KEY",
        r"\b(?:sk|pk|ghp|xox[abp])[-_][A-Za-z0-9_-]{16,}\b",
    ),
];
