//! `inkstone plugin install`: a file, the packages of a folder, an address with a digest, or a
//! reference of a registry, through the API of the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use inkstone_package::TrustPolicy;
use serde_json::{Value, json};

use super::change;
use crate::cli::connect::Session;
use crate::cli::{Common, Failure, output};

#[derive(Args)]
pub(crate) struct InstallArgs {
    /// A package, a folder of packages (the newest of each plugin), https://… or oci://registry/repository:tag.
    source: String,
    /// SHA-256 of the package, hex; an address needs it.
    #[arg(long)]
    digest: Option<String>,
    /// What it is granted beside what it has: `all` is everything its manifest asks for.
    #[arg(long, value_enum, default_value_t = Grant::None)]
    grant: Grant,
}

#[derive(Clone, Copy, ValueEnum)]
enum Grant {
    None,
    All,
}

/// What is sent.
enum Wanted {
    Files(Vec<PathBuf>),
    Remote(Value),
}

pub(crate) async fn run(common: &Common, args: InstallArgs) -> Result<(), Failure> {
    let path = match args.grant {
        Grant::None => "/v1/plugins",
        Grant::All => "/v1/plugins?grant=all",
    };
    let wanted = wanted(&args)?;
    let session = Session::open(common).await?;
    let replies = send(&session, path, wanted).await;
    session.close().await;
    let mut failed = Vec::new();
    for reply in replies? {
        failed.extend(show(common, &reply)?);
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(failed.join("\n"))),
    }
}

fn wanted(args: &InstallArgs) -> Result<Wanted, Failure> {
    let source = args.source.as_str();
    let is_address = source.starts_with("https://") || source.starts_with("http://");
    if is_address {
        let digest = args.digest.as_ref().ok_or_else(|| {
            Failure::Usage(
                "an address needs --digest, the SHA-256 of the package as its author tells it"
                    .to_owned(),
            )
        })?;
        return Ok(Wanted::Remote(json!({ "url": source, "digest": digest })));
    }
    if args.digest.is_some() {
        return Err(Failure::Usage(
            "--digest belongs to an address; a registry takes it as oci://registry/repository@sha256:…"
                .to_owned(),
        ));
    }
    if source.starts_with("oci://") {
        return Ok(Wanted::Remote(json!({ "oci": source })));
    }
    let path = Path::new(source);
    if path.is_dir() {
        return newest_packages(path).map(Wanted::Files);
    }
    Ok(Wanted::Files(vec![path.to_owned()]))
}

/// The newest package of each plugin in a folder; what is no package is passed over.
fn newest_packages(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut newest: BTreeMap<String, (semver::Version, PathBuf)> = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|it| it.to_str());
        if !matches!(extension, Some("inkplug" | "wasm")) {
            continue;
        }
        let manifest = inkstone_host::inspect(&path, &TrustPolicy::default())?.manifest;
        let version = semver::Version::parse(&manifest.version).map_err(|error| {
            Failure::Failed(format!("{}: its version is none: {error}", path.display()))
        })?;
        match newest.get(&manifest.id) {
            Some((other, _)) if *other >= version => {}
            _ => drop(newest.insert(manifest.id, (version, path))),
        }
    }
    if newest.is_empty() {
        return Err(Failure::Failed(format!(
            "`{}` holds no package (*.inkplug, *.wasm)",
            folder.display()
        )));
    }
    Ok(newest.into_values().map(|(_, path)| path).collect())
}

async fn send(session: &Session, path: &str, wanted: Wanted) -> Result<Vec<Value>, Failure> {
    match wanted {
        Wanted::Remote(body) => Ok(vec![session.post(path, &body).await?]),
        Wanted::Files(files) => {
            let mut replies = Vec::new();
            for file in files {
                let package = tokio::fs::read(&file).await.map_err(|error| {
                    Failure::Failed(format!("`{}` cannot be read: {error}", file.display()))
                })?;
                replies.push(session.post_bytes(path, package).await?);
            }
            Ok(replies)
        }
    }
}

/// Prints what was installed. Returns what is wrong with it.
fn show(common: &Common, reply: &Value) -> Result<Option<String>, Failure> {
    let text = |pointer: &str| reply.pointer(pointer).and_then(Value::as_str);
    let id = text("/plugin/id").unwrap_or("-");
    if common.is_json() {
        output::print_line(&output::pretty_json(reply)?)?;
    } else {
        output::print_line(&format!(
            "{id} {} is installed and {}",
            text("/version").unwrap_or("-"),
            text("/plugin/state").unwrap_or("-"),
        ))?;
        let consent = reply.pointer("/consent").and_then(Value::as_array);
        for asked in consent.into_iter().flatten().filter_map(Value::as_str) {
            output::print_line(&format!("    not granted: {asked}"))?;
        }
        if consent.is_some_and(|consent| !consent.is_empty()) {
            output::print_line(
                "    `--grant all` grants it, or `grants` of this plugin in plugins.toml",
            )?;
        }
    }
    Ok(change::failure(reply.pointer("/report"), id))
}
