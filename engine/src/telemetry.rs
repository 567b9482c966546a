//! Logs and metrics: pretty on a terminal, JSON otherwise, always on standard error.

use std::io::IsTerminal;

use inkstone_config::LogFormat;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Seconds; from one tenth of a millisecond to two minutes.
const DURATION_BUCKETS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 120.0,
];

/// Begins logging. `filter` is in the words of `tracing_subscriber::EnvFilter`, such as `info,inkstone=debug`;
/// the variable `RUST_LOG` goes before it.
pub(crate) fn start_logs(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| filter.to_owned());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| format!("log filter `{filter}` is not valid: {error}"))?;
    let is_json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Pretty => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if is_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.compact().with_target(false).try_init()
    };
    started.map_err(|error| format!("logging cannot begin: {error}"))
}

/// Begins counting. What it returns renders the Prometheus text.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics cannot begin: {error}"))
}
