//! `inkstone plugin`: what is loaded, what a plugin's file asks for, and the way from source to a
//! signed package. What needs an engine asks the one that runs.

mod change;
mod connection;
mod inspect;
mod install;
mod key;
mod pack;
mod push;
mod recording;
mod rollout;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use inkstone_config::engine::TrustConfig;
use serde_json::Value;

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// The plugins of the engine, their state, and what they were refused.
    List,
    /// Read a package or a component, without running it.
    Inspect { file: PathBuf },
    /// Who signed a package; fails where nobody did whom this deployment trusts.
    Verify { file: PathBuf },
    /// Put a component, or what a folder builds, into a package `ID-VERSION.inkplug`.
    Pack {
        /// A component, or the folder of a plugin's source.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// For a component: where its plugin.toml, README.md and LICENSE lie. Default: beside it.
        #[arg(long)]
        source: Option<PathBuf>,
        /// Where the package goes.
        #[arg(long, default_value = ".")]
        into: PathBuf,
    },
    /// Sign a package; several keys may sign it.
    Sign {
        file: PathBuf,
        /// The file that `plugin key new` made.
        #[arg(long)]
        key: PathBuf,
    },
    /// Keys that sign packages, and those that are trusted.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Record the next calls of a plugin.
    Record(recording::Record),
    /// List the recorded calls of a plugin.
    Recordings(recording::Recordings),
    /// Run a recorded call again, offline, and tell where it first goes another way.
    Replay(recording::ReplayCall),
    /// Build the plugin in a folder into one file.
    Build {
        /// Where `Cargo.toml` and `plugin.toml` lie.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where the component goes.
        #[arg(long, default_value = "plugins/dist")]
        into: PathBuf,
        /// Make a package `ID-VERSION.inkplug` instead of a bare component.
        #[arg(long)]
        pack: bool,
    },
    /// Put a package on the list of plugins, and load it; an older version is replaced.
    Install(install::InstallArgs),
    /// Take a plugin off the list; its package stays.
    Remove { id: String },
    /// Let a plugin of the list serve.
    Enable { id: String },
    /// Stop a plugin without taking it off the list.
    Disable { id: String },
    /// Read the list of plugins and their packages anew.
    Reload,
    /// How a rollout stands, and how both versions do.
    Rollout { id: String },
    /// Let the canary of a rollout serve everybody.
    Promote {
        id: String,
        /// For the history.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take the canary of a rollout out of service.
    Rollback {
        id: String,
        /// For the history.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Begin a rollout anew.
    Restart {
        id: String,
        /// For the history.
        #[arg(long)]
        reason: Option<String>,
    },
    /// What served when, newest first.
    History {
        id: String,
        /// Lines, 1 to 100.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Calls, errors and times of every loaded version.
    Stats { id: String },
    /// Ask a provider whether it reaches its upstream, with its credential.
    Connect { id: String },
    /// Publish a package in an OCI registry.
    Push(push::PushArgs),
}

pub(crate) async fn run(common: &Common, command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List => list(common).await,
        PluginCommand::Install(args) => install::run(common, args).await,
        PluginCommand::Connect { id } => connection::check(common, &id).await,
        PluginCommand::Remove { id } => change::remove(common, &id).await,
        PluginCommand::Enable { id } => change::set_enabled(common, &id, true).await,
        PluginCommand::Disable { id } => change::set_enabled(common, &id, false).await,
        PluginCommand::Reload => change::reload(common).await,
        PluginCommand::Push(args) => push::run(common, args).await,
        PluginCommand::Rollout { id } => rollout::show(common, &id).await,
        PluginCommand::Promote { id, reason } => {
            rollout::steer(common, &id, "promote", reason).await
        }
        PluginCommand::Rollback { id, reason } => {
            rollout::steer(common, &id, "rollback", reason).await
        }
        PluginCommand::Restart { id, reason } => {
            rollout::steer(common, &id, "restart", reason).await
        }
        PluginCommand::History { id, limit } => rollout::history(common, &id, limit).await,
        PluginCommand::Stats { id } => rollout::stats(common, &id).await,
        PluginCommand::Inspect { file } => {
            on_disk(common, move |common| inspect::inspect(common, &file)).await
        }
        PluginCommand::Verify { file } => {
            on_disk(common, move |common| inspect::verify(common, &file)).await
        }
        PluginCommand::Pack { path, source, into } => {
            on_disk(common, move |common| {
                pack::pack(common, &path, source, &into)
            })
            .await
        }
        PluginCommand::Sign { file, key } => {
            on_disk(common, move |common| pack::sign(common, &file, &key)).await
        }
        PluginCommand::Key(command) => on_disk(common, |common| key::run(common, command)).await,
        PluginCommand::Record(asked) => recording::record(common, asked).await,
        PluginCommand::Recordings(asked) => recording::list(common, asked).await,
        PluginCommand::Replay(asked) => recording::replay(common, asked).await,
        PluginCommand::Build {
            folder,
            into,
            pack: as_package,
        } => {
            on_disk(common, move |common| {
                pack::build(common, &folder, &into, as_package)
            })
            .await
        }
    }
}

async fn list(common: &Common) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let reply = session.get("/v1/plugins").await;
    session.close().await;
    let reply = reply?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&reply)?);
    }
    let plugins = reply.pointer("/data").and_then(Value::as_array);
    for plugin in plugins.into_iter().flatten() {
        let text = |name: &str| plugin.get(name).and_then(Value::as_str).unwrap_or("-");
        output::print_line(&format!(
            "{:<20} {:<8} {:<10} {}",
            text("id"),
            text("version"),
            text("kind"),
            text("state"),
        ))?;
        for refused in plugin
            .pointer("/details/refused")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            output::print_line(&format!("    not granted: {refused}"))?;
        }
        let message = plugin.pointer("/details/error/message");
        if let Some(message) = message.and_then(Value::as_str) {
            output::print_line(&format!("    failed: {message}"))?;
        }
    }
    Ok(())
}

/// Work on files, off the threads that serve.
async fn on_disk(
    common: &Common,
    work: impl FnOnce(&Common) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let common = common.clone();
    tokio::task::spawn_blocking(move || work(&common))
        .await
        .map_err(|error| Failure::Panicked(error.to_string()))?
}

/// `[plugins.trust]`, and its defaults where somebody has no configuration at all, such as an author.
fn trust_config(common: &Common) -> Result<TrustConfig, Failure> {
    let is_absent_default =
        common.config == Path::new(super::DEFAULT_CONFIG) && !common.config.exists();
    if is_absent_default {
        return Ok(TrustConfig::default());
    }
    Ok(common.load_config()?.plugins.trust)
}
