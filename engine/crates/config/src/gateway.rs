//! `[gateway]`: how faults of providers are met, who stands in, what calls cost, and what may be used.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use inkstone_domain::allowance::{Allowance, Budget, Period, Subject};
use inkstone_domain::codes;
use inkstone_domain::gateway::{
    Balance, CacheConfig, CacheMode, DeploymentConfig, GatewayConfig, GuardsConfig, ImagesConfig,
    KNOWN_PATTERNS, LimitsConfig, ModelConfig, ReliabilityConfig,
};
use inkstone_domain::money::{Money, Price};

use crate::section::Section;

const DAY_MS: u64 = 86_400_000;
/// Dollars that a budget may have at most.
const MOST_USD: f64 = 1e9;

const BALANCES: &[(&str, Balance)] = &[
    ("weighted", Balance::Weighted),
    ("least_busy", Balance::LeastBusy),
    ("fastest", Balance::Fastest),
];
const CACHE_MODES: &[(&str, CacheMode)] = &[
    ("on", CacheMode::On),
    ("off", CacheMode::Off),
    ("read_only", CacheMode::ReadOnly),
    ("write_only", CacheMode::WriteOnly),
];
const PERIODS: &[(&str, Period)] = &[
    ("day", Period::Day),
    ("week", Period::Week),
    ("month", Period::Month),
];

pub(crate) fn read(mut section: Section<'_>, config: &mut GatewayConfig) {
    reliability(&mut section, &mut config.reliability);
    section.number(
        "reserved_output_tokens",
        0..=10_000_000,
        &mut config.limits.reserved_output_tokens,
    );
    section.flag("drop_unsupported", &mut config.drop_unsupported);
    for (name, model) in section.named_sections("models") {
        config.models.insert(name, self::model(model));
    }
    for (name, price) in section.named_sections("prices") {
        config.prices.insert(name, self::price(price));
    }
    limits(section.section("limits"), &mut config.limits);
    cache(section.section("cache"), &mut config.cache);
    guards(section.section("guards"), &mut config.guards);
    images(section.section("images"), &mut config.images);
    section.finish();
}

fn reliability(section: &mut Section<'_>, config: &mut ReliabilityConfig) {
    section.number("retries", 0..=20, &mut config.retries);
    duration(section, "retry_min_ms", &mut config.retry_min);
    duration(section, "retry_max_ms", &mut config.retry_max);
    section.number(
        "retry_budget_percent",
        0..=1_000,
        &mut config.retry_budget_percent,
    );
    optional_duration(section, "first_token_ms", &mut config.first_token);
    optional_duration(section, "between_tokens_ms", &mut config.between_tokens);
    optional_duration(section, "total_ms", &mut config.total);
    section.number(
        "cooldown_failures",
        1..=1_000,
        &mut config.cooldown_failures,
    );
    duration(section, "cooldown_ms", &mut config.cooldown);
    optional_duration(section, "probe_ms", &mut config.probe);
    section.flag("resume_streams", &mut config.resume_streams);
}

fn model(mut section: Section<'_>) -> ModelConfig {
    let mut config = ModelConfig::default();
    for mut one in section.sections("deployments") {
        let mut weight = 1;
        let place = one.place_of("model");
        let model = one.required_text("model");
        if !model.contains('/') {
            one.fault(
                &place,
                format!("`model` is `{model}`; a deployment is `provider/model`"),
            );
        }
        one.number("weight", 0..=1_000, &mut weight);
        one.finish();
        config.deployments.push(DeploymentConfig { model, weight });
    }
    section.choice("balance", &mut config.balance, BALANCES);
    section.list("fallbacks", &mut config.fallbacks);
    let place = section.place_of("fallbacks_on");
    section.list_map("fallbacks_on", &mut config.fallbacks_on);
    for code in config.fallbacks_on.keys() {
        if codes::ALL.iter().all(|known| known.name != code) {
            section.fault(
                &place,
                format!("`fallbacks_on` names `{code}`, which is no code of an error, such as `context_too_long` or `upstream_rate_limited`"),
            );
        }
    }
    optional_duration(&mut section, "hedge_after_ms", &mut config.hedge_after);
    section.finish();
    config
}

fn price(mut section: Section<'_>) -> Price {
    const MOST: f64 = 1e6;
    let mut price = Price::default();
    section.decimal("input", 0.0..=MOST, &mut price.input);
    section.decimal("output", 0.0..=MOST, &mut price.output);
    section.optional_decimal("cached_input", 0.0..=MOST, &mut price.cached_input);
    section.optional_decimal("search", 0.0..=MOST, &mut price.search);
    section.finish();
    price
}

fn limits(mut section: Section<'_>, config: &mut LimitsConfig) {
    config.user = allowance(section.section("user"));
    config.project = allowance(section.section("project"));
    let mut of = BTreeMap::new();
    for (name, subject) in section.named_sections("of") {
        let place = subject.place().clone();
        match Subject::from_str(&name) {
            Ok(Subject::Key(_)) => subject.fault(
                &place,
                "what a key may use is a part of the key; change it with `PUT /v1/keys/{id}`",
            ),
            Ok(known) => {
                of.insert(known, allowance(subject));
                continue;
            }
            Err(error) => subject.fault(&place, error.message()),
        }
    }
    config.of = of;
    section.finish();
}

fn allowance(mut section: Section<'_>) -> Allowance {
    let mut allowance = Allowance::default();
    section.optional_number(
        "rpm_limit",
        0..=10_000_000,
        &mut allowance.requests_per_minute,
    );
    section.optional_number(
        "tpm_limit",
        0..=1_000_000_000_000,
        &mut allowance.tokens_per_minute,
    );
    section.optional_number(
        "max_parallel_requests",
        0..=1_000_000,
        &mut allowance.max_parallel,
    );
    let mut money = None;
    section.optional_decimal("budget", 0.0..=MOST_USD, &mut money);
    let mut tokens = None;
    section.optional_number("token_budget", 0..=1_000_000_000_000_000, &mut tokens);
    let mut period = Period::Month;
    section.choice("budget_period", &mut period, PERIODS);
    if money.is_some() || tokens.is_some() {
        allowance.budget = Some(Budget {
            period,
            money: money.map(Money::from_usd),
            tokens,
        });
    }
    section.finish();
    allowance
}

fn cache(mut section: Section<'_>, config: &mut CacheConfig) {
    section.choice("mode", &mut config.mode, CACHE_MODES);
    let mut ttl_s = config.ttl.as_secs();
    section.number("ttl_s", 1..=DAY_MS, &mut ttl_s);
    config.ttl = Duration::from_secs(ttl_s);
    let mut max_mib = config.max_bytes >> 20;
    section.number("max_mib", 1..=65_536, &mut max_mib);
    config.max_bytes = max_mib << 20;
    let mut semantic = None;
    section.optional_decimal("semantic", 0.0..=1.0, &mut semantic);
    config.semantic = semantic.map(|threshold| threshold as f32);
    section.text("embedding_model", &mut config.embedding_model);
    section.finish();
}

fn guards(mut section: Section<'_>, config: &mut GuardsConfig) {
    let place = section.place_of("redact");
    let mut names: Vec<String> = Vec::new();
    section.list("redact", &mut names);
    for name in names {
        match KNOWN_PATTERNS.iter().find(|(known, _)| *known == name) {
            Some((name, pattern)) => config
                .redact
                .push(((*name).to_owned(), (*pattern).to_owned())),
            None => {
                let known: Vec<&str> = KNOWN_PATTERNS.iter().map(|(name, _)| *name).collect();
                section.fault(
                    &place,
                    format!(
                        "`redact` names `{name}`, which is none of {}; own patterns go into [gateway.guards.patterns]",
                        known.join(", ")
                    ),
                );
            }
        }
    }
    let mut own = BTreeMap::new();
    section.text_map("patterns", &mut own);
    config.redact.extend(own);
    section.list("blocked_terms", &mut config.blocked_terms);
    section.optional_number(
        "max_prompt_chars",
        1..=1_000_000_000,
        &mut config.max_prompt_chars,
    );
    section.flag("repair_json", &mut config.repair_json);
    section.finish();
}

fn images(mut section: Section<'_>, config: &mut ImagesConfig) {
    section.list("hosts", &mut config.hosts);
    let mut max_mib = (config.max_bytes >> 20) as u32;
    section.number("max_mib", 1..=1_024, &mut max_mib);
    config.max_bytes = max_mib as usize * (1 << 20);
    let mut max_total_mib = (config.max_total_bytes >> 20) as u32;
    section.number("max_total_mib", 1..=1_024, &mut max_total_mib);
    config.max_total_bytes = max_total_mib as usize * (1 << 20);
    section.finish();
}

fn duration(section: &mut Section<'_>, key: &str, target: &mut Duration) {
    let mut ms = u64::try_from(target.as_millis()).unwrap_or(DAY_MS);
    section.number(key, 1..=DAY_MS, &mut ms);
    *target = Duration::from_millis(ms);
}

fn optional_duration(section: &mut Section<'_>, key: &str, target: &mut Option<Duration>) {
    let mut ms: Option<u64> = None;
    section.optional_number(key, 1..=DAY_MS, &mut ms);
    *target = ms.map(Duration::from_millis);
}
