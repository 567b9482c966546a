//! The command line: what can be asked, and the way to each answer.
//!
//! Commands that need an engine talk to the one that runs, over HTTP, or start an embedded one.

mod audit;
mod chat;
mod config;
mod connect;
mod credential;
mod doctor;
mod generate;
mod index;
mod job;
mod migrate;
pub(crate) mod output;
mod plugin;
mod schedule;
mod search;
mod serve;
mod signing_key;
mod start;
mod transfer;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use inkstone_config::EngineConfig;

pub(crate) use output::Failure;

/// Counted from where the command is called.
const DEFAULT_CONFIG: &str = "config/engine.toml";

#[derive(Parser)]
#[command(
    name = "inkstone",
    version,
    about = "An extensible content engine: sandboxed plugins write, research and measure; you keep the keys."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone)]
struct Common {
    /// The engine's configuration file.
    #[arg(
        long,
        global = true,
        env = "INKSTONE_CONFIG",
        default_value = DEFAULT_CONFIG
    )]
    config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run the engine until it is told to stop.
    Serve(serve::ServeArgs),
    /// Run the engine and show the main job: write an article, find it, analyse it, go on serving.
    Start(start::StartArgs),
    /// Let a plugin write something.
    Generate(generate::GenerateArgs),
    /// Look at background work, follow it, stop it, or begin it anew.
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Look at what runs at its times, run it now, pause it, or let it go on.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Ask a model; the answer streams to the terminal.
    Chat(chat::ChatArgs),
    /// Find articles.
    Search(search::SearchArgs),
    /// Compare the search index with the store, build it anew, or show its size.
    #[command(subcommand)]
    Index(index::IndexCommand),
    /// Look at plugins, and build them.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Keep the secrets of credentials in the encrypted store.
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Change the key that signs access tokens.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeyCommand),
    /// Check the audit log, or write it out.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look at the tables' history, bring them up to date, or back for an older engine.
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Take articles in from a file or a folder.
    Import(transfer::ImportArgs),
    /// Write a project's articles to a file or a folder.
    Export(transfer::ExportArgs),
    /// Check toolchain, model, configuration, ports and disk, and say what to do.
    Doctor,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the OpenAPI description.
    Openapi,
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
}

pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let common = cli.common;
    match cli.command {
        Command::Serve(args) => serve::run(&common, args).await,
        Command::Start(args) => start::run(&common, args).await,
        Command::Generate(args) => generate::run(&common, args).await,
        Command::Job(command) => job::run(&common, command).await,
        Command::Schedule(command) => schedule::run(&common, command).await,
        Command::Chat(args) => chat::run(&common, args).await,
        Command::Search(args) => search::run(&common, args).await,
        Command::Index(command) => index::run(&common, command).await,
        Command::Plugin(command) => plugin::run(&common, command).await,
        Command::Credential(command) => credential::run(&common, command).await,
        Command::SigningKey(command) => signing_key::run(&common, command).await,
        Command::Audit(command) => audit::run(&common, command).await,
        Command::Migrate(command) => migrate::run(&common, command).await,
        Command::Import(args) => transfer::import(&common, args).await,
        Command::Export(args) => transfer::export(&common, args).await,
        Command::Doctor => doctor::run(&common).await,
        Command::Config(command) => config::run(&common, command),
        Command::Openapi => {
            let document = inkstone_api::openapi();
            output::print_line(&output::pretty_json(&document)?)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "inkstone", &mut script);
            output::print_bytes(&script)
        }
    }
}

impl Common {
    fn load_config(&self) -> Result<EngineConfig, Failure> {
        EngineConfig::load(&self.config).map_err(Failure::from)
    }

    fn is_json(&self) -> bool {
        self.output == Output::Json
    }
}
