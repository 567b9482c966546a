//! `inkstone plugin push`: publishes a package in an OCI registry. Needs no engine.

use std::path::{Path, PathBuf};

use clap::Args;
use inkstone_domain::plugin::PackageFormat;
use inkstone_egress::packages::{HttpPackages, PackageLabel};
use inkstone_package::TrustPolicy;
use serde_json::json;

use crate::cli::{Common, Failure, output};
use crate::settings;

#[derive(Args)]
pub(crate) struct PushArgs {
    /// The package.
    file: PathBuf,
    /// Where to: oci://registry/repository:tag.
    reference: String,
}

pub(crate) async fn run(common: &Common, args: PushArgs) -> Result<(), Failure> {
    let config = common.load_config()?;
    let file = args.file.clone();
    let (package, label) = tokio::task::spawn_blocking(move || read(&file))
        .await
        .map_err(|error| Failure::Panicked(error.to_string()))??;
    let registries = HttpPackages::new(settings::packages(&config))?;
    let pinned = registries
        .push(&args.reference, package.into(), &label)
        .await?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&json!({
            "id": label.id,
            "version": label.version,
            "reference": args.reference,
            "pinned": pinned,
        }))?);
    }
    output::print_line(&pinned)
}

/// Only what is a plugin is published.
fn read(file: &Path) -> Result<(Vec<u8>, PackageLabel), Failure> {
    let manifest = inkstone_host::inspect(file, &TrustPolicy::default())?.manifest;
    let package = std::fs::read(file)?;
    // Every package is an archive, and no component is one.
    let format = match package.starts_with(b"PK") {
        true => PackageFormat::Package,
        false => PackageFormat::Component,
    };
    let label = PackageLabel {
        id: manifest.id,
        version: manifest.version,
        format,
    };
    Ok((package, label))
}
