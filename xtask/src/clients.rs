//! Clients made of the OpenAPI document, as it stands in the API's snapshot: no engine need run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::process::{self, Failure, note};
use crate::setup;
use crate::workspace::Workspace;

const DOCUMENT: &str = "engine/crates/api/tests/snapshots/openapi.json";

#[derive(Args)]
pub(crate) struct ClientsArgs {
    /// Where they go: `typescript/schema.ts` and the package `python/`.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, args: &ClientsArgs) -> Result<(), Failure> {
    setup::for_clients(workspace)?;
    let out = match &args.out {
        Some(out) => std::path::absolute(out).map_err(Failure::file(out))?,
        None => workspace.target_dir.join("clients"),
    };
    let document = workspace.root.join(DOCUMENT);
    let typescript = out.join("typescript");
    fs::create_dir_all(&typescript).map_err(Failure::file(&typescript))?;
    let generator = workspace
        .node_dir()
        .join("node_modules/.bin/openapi-typescript");
    process::run(
        Command::new(generator)
            .arg(&document)
            .arg("--output")
            .arg(typescript.join("schema.ts")),
    )?;
    let generator = workspace
        .clients_venv_dir()
        .join("bin/openapi-python-client");
    process::run(
        Command::new(generator)
            .args(["generate", "--overwrite", "--path"])
            .arg(&document)
            .arg("--output-path")
            .arg(out.join("python")),
    )?;
    note(&format!(
        "{} has both; TypeScript's goes with the package `openapi-fetch`",
        out.display()
    ));
    Ok(())
}
