//! `inkstone migrate`: the tables' history, looked at and changed while no engine has the database open.

use clap::{Args, Subcommand};
use inkstone_store::{Losses, Migrations};
use serde_json::json;

use super::{Common, Failure, output};
use crate::settings;

#[derive(Subcommand)]
pub(crate) enum MigrateCommand {
    /// What the database has, and what it lacks.
    Status,
    /// Apply what is missing; `inkstone serve` does so too.
    Up,
    /// Go back, for an older engine.
    Down(DownArgs),
}

#[derive(Args)]
pub(crate) struct DownArgs {
    /// The number of the migration that is to be the newest, such as 11; 0 removes all tables.
    #[arg(long)]
    to: u32,
    /// Go on where an older engine cannot hold all that is there. Without it that is refused, and told.
    #[arg(long)]
    accept_losses: bool,
}

pub(crate) async fn run(common: &Common, command: MigrateCommand) -> Result<(), Failure> {
    let config = common.load_config()?;
    let migrations = Migrations::open(settings::store(&config)).await?;
    let ended = match command {
        MigrateCommand::Status => status(common, &migrations).await,
        MigrateCommand::Up => up(common, &migrations).await,
        MigrateCommand::Down(args) => down(common, &migrations, &args).await,
    };
    migrations.close().await?;
    ended
}

async fn status(common: &Common, migrations: &Migrations) -> Result<(), Failure> {
    let states = migrations.status().await?;
    if common.is_json() {
        let states: Vec<_> = states
            .iter()
            .map(|state| json!({ "name": state.name, "applied_at": state.applied_at }))
            .collect();
        return output::print_line(&output::pretty_json(&states)?);
    }
    for state in states {
        let applied = state.applied_at.map_or_else(
            || "missing".to_owned(),
            |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        );
        output::print_line(&format!("{:<24} {applied}", state.name))?;
    }
    Ok(())
}

async fn up(common: &Common, migrations: &Migrations) -> Result<(), Failure> {
    let applied = migrations.up().await?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&json!({ "applied": applied }))?);
    }
    match applied.as_slice() {
        [] => output::print_line("the database is up to date"),
        applied => output::print_line(&format!("applied {}", applied.join(", "))),
    }
}

async fn down(common: &Common, migrations: &Migrations, args: &DownArgs) -> Result<(), Failure> {
    let losses = match args.accept_losses {
        true => Losses::Accept,
        false => Losses::Refuse,
    };
    let back = migrations.down(args.to, losses).await?;
    if common.is_json() {
        let reply = json!({ "undone": back.undone, "lost": back.lost });
        return output::print_line(&output::pretty_json(&reply)?);
    }
    if back.undone.is_empty() {
        return output::print_line("the database is there already");
    }
    output::print_line(&format!("undone {}", back.undone.join(", ")))?;
    match back.lost.as_str() {
        "" => output::print_line("nothing was lost"),
        lost => output::print_line(&format!("lost {lost}")),
    }
}
