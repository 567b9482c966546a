//! `inkstone config`: is the configuration right?

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read both files and say everything that is wrong with them.
    Check,
}

pub(crate) fn run(common: &Common, command: ConfigCommand) -> Result<(), Failure> {
    let ConfigCommand::Check = command;
    let config = common.load_config()?;
    let plugins = inkstone_config::plugins::load(&config.plugins)?;
    let enabled = plugins.iter().filter(|plugin| plugin.enabled).count();
    if common.is_json() {
        let report = json!({
            "valid": true,
            "config": common.config,
            "plugins_file": config.plugins.file,
            "plugins": plugins.len(),
            "enabled": enabled,
        });
        return output::print_line(&output::pretty_json(&report)?);
    }
    output::print_line(&format!(
        "{} and {} are valid: {} plugins, {enabled} of them enabled",
        common.config.display(),
        config.plugins.file.display(),
        plugins.len(),
    ))
}
