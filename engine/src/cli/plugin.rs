//! `inkstone plugin`: what is loaded, what a component asks for, and building one from source.

use std::path::PathBuf;

use clap::Subcommand;
use inkstone_host::Inspection;
use serde_json::{Value, json};

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// The plugins of the engine, their state, and what they were refused.
    List,
    /// Read a component file, without running it.
    Inspect { file: PathBuf },
    /// Build the plugin in a folder into one file.
    Build {
        /// Where `Cargo.toml` and `plugin.toml` lie.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where the component goes.
        #[arg(long, default_value = "plugins/dist")]
        into: PathBuf,
    },
}

pub(crate) async fn run(common: &Common, command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List => list(common).await,
        PluginCommand::Inspect { file } => {
            let inspection = tokio::task::spawn_blocking(move || inkstone_host::inspect(&file))
                .await
                .map_err(|error| Failure::Panicked(error.to_string()))??;
            print_inspection(common, &inspection)
        }
        PluginCommand::Build { folder, into } => {
            let built = tokio::task::spawn_blocking(move || build(&folder, &into))
                .await
                .map_err(|error| Failure::Panicked(error.to_string()))??;
            output::print_line(&built.display().to_string())
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
            .get("refused")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            output::print_line(&format!("    not granted: {refused}"))?;
        }
        if let Some(message) = plugin.pointer("/error/message").and_then(Value::as_str) {
            output::print_line(&format!("    failed: {message}"))?;
        }
    }
    Ok(())
}

fn print_inspection(common: &Common, inspection: &Inspection) -> Result<(), Failure> {
    let manifest = &inspection.manifest;
    let value = json!({
        "manifest": manifest,
        "api": inspection.api,
        "digest": inspection.digest,
        "size_bytes": inspection.size_bytes,
        "imports": inspection.imports,
        "exports": inspection.exports,
    });
    if common.is_json() {
        return output::print_line(&output::pretty_json(&value)?);
    }
    let asked = output::pretty_json(&manifest.permissions)?;
    output::print_line(&format!(
        "{} {} ({}, contract {})\n{}\nsha256 {}\n{} bytes\nasks for {asked}\nimports {}\nexports {}",
        manifest.id,
        manifest.version,
        manifest.kind.as_str(),
        inspection.api,
        manifest.description,
        inspection.digest,
        inspection.size_bytes,
        inspection.imports.join(", "),
        inspection.exports.join(", "),
    ))
}

fn build(folder: &std::path::Path, into: &std::path::Path) -> Result<PathBuf, Failure> {
    let failed = |error: inkstone_packager::PackageError| Failure::Failed(error.to_string());
    let toolchain = inkstone_packager::toolchain::find()
        .ready()
        .map_err(failed)?;
    let folder = std::path::absolute(folder)?;
    // Plugins have a target folder of their own: another target and profile than the engine's.
    let target = match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => std::path::absolute(dir)?.join("plugins"),
        None => folder.join("target"),
    };
    let built = inkstone_packager::package_workspace(&toolchain, &folder, &target, into);
    let packaged = built.map_err(failed)?;
    let paths: Vec<PathBuf> = packaged.into_iter().map(|one| one.path).collect();
    match paths.as_slice() {
        [one] => Ok(one.clone()),
        _ => Ok(into.to_owned()),
    }
}
