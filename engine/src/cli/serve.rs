//! `inkstone serve`: the engine, until it is told to stop.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use inkstone_config::EngineConfig;
use inkstone_domain::engine::EngineRole;
use inkstone_services::auth::AdminSetup;

use super::{Common, Failure, output};
use crate::{memory, settings, shutdown, telemetry, wire};

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// What this engine does where several share a database; `[server] role` where it is not said.
    #[arg(long, value_parser = roles())]
    role: Option<EngineRole>,
}

fn roles() -> impl TypedValueParser<Value = EngineRole> {
    let words = EngineRole::ALL.map(|(word, _)| word);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<EngineRole>())
}

pub(crate) async fn run(common: &Common, args: ServeArgs) -> Result<(), Failure> {
    let mut config = common.load_config()?;
    config.server.role = args.role.unwrap_or(config.server.role);
    let role = config.server.role;
    let filter = config.log.filter.clone();
    let boot = boot(config, &filter)?;
    let stop = shutdown::on_signal();
    let engine = wire::start(boot, stop.clone()).await?;
    if let AdminSetup::Created {
        email,
        generated_password: Some(password),
    } = engine.admin()
    {
        output::say(&format!(
            "Admin sign-in, shown this once: {email} / {password}"
        ));
    }
    memory::forget_start();
    tracing::info!(url = %engine.base_url(), role = %role, "ready");
    stop.cancelled().await;
    engine.stop().await;
    Ok(())
}

/// Begins logs and metrics: what comes before the engine.
pub(super) fn boot(config: EngineConfig, log_filter: &str) -> Result<wire::Boot, Failure> {
    let scrubber = settings::scrubber(&config)?;
    telemetry::start_logs(config.log.format, log_filter, scrubber).map_err(Failure::Failed)?;
    let metrics = telemetry::start_metrics().map_err(Failure::Failed)?;
    Ok(wire::Boot { config, metrics })
}
