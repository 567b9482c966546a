//! `inkstone plugin record`, `recordings` and `replay`: calls that are written down, and run again
//! offline with every import answered from the recording.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use inkstone_domain::recording::{ImportRecord, Recording, excerpt};
use inkstone_host::{HostConfig, Replay};
use serde_json::{Value, json};

use crate::cli::connect::Session;
use crate::cli::{Common, Failure, output};
use crate::settings;

#[derive(Args)]
pub(crate) struct Record {
    /// Id of the plugin.
    id: String,
    /// How many of its next calls.
    #[arg(long, default_value_t = 1)]
    calls: u32,
}

#[derive(Args)]
pub(crate) struct Recordings {
    /// Id of the plugin.
    id: String,
    /// Write this recording to standard output.
    #[arg(long)]
    show: Option<String>,
}

#[derive(Args)]
pub(crate) struct ReplayCall {
    /// A recording, as `inkstone plugin recordings` shows it.
    file: PathBuf,
    /// Component or package to run; the one on the list of plugins where it is left out.
    #[arg(long)]
    component: Option<PathBuf>,
    /// Print every import with its time.
    #[arg(long)]
    trace: bool,
}

pub(crate) async fn record(common: &Common, asked: Record) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let path = format!("/v1/plugins/{}/recordings", asked.id);
    let reply = session.post(&path, &json!({ "calls": asked.calls })).await;
    session.close().await;
    let reply = reply?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&reply)?);
    }
    output::print_line(&format!(
        "the next {} call(s) of {} will be recorded; `inkstone plugin recordings {}` lists them",
        asked.calls, asked.id, asked.id
    ))
}

pub(crate) async fn list(common: &Common, asked: Recordings) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let mut path = format!("/v1/plugins/{}/recordings", asked.id);
    if let Some(recording) = &asked.show {
        path = format!("{path}/{recording}");
    }
    let reply = session.get(&path).await;
    session.close().await;
    let reply = reply?;
    if common.is_json() || asked.show.is_some() {
        return output::print_line(&output::pretty_json(&reply)?);
    }
    let recordings = reply.pointer("/data").and_then(Value::as_array);
    for recording in recordings.into_iter().flatten() {
        let text = |name: &str| recording.get(name).and_then(Value::as_str).unwrap_or("-");
        output::print_line(&format!("{}  {}", text("recorded_at"), text("id")))?;
    }
    Ok(())
}

pub(crate) async fn replay(common: &Common, asked: ReplayCall) -> Result<(), Failure> {
    let recording = read(&asked.file)?;
    let component = match asked.component {
        Some(component) => component,
        None => listed(common, &recording.plugin)?,
    };
    let config = common.load_config()?;
    let host = inkstone_host::offline(HostConfig {
        cache_dir: None,
        trust: Default::default(),
        ..settings::host(&config)
    })?;
    let replay = host.replay(&recording, &component).await?;
    if common.is_json() {
        output::print_line(&output::pretty_json(&json!({
            "difference": replay.difference,
            "is_same_component": replay.is_same_component,
            "imports": replay.imports,
            "answers": replay.answers,
            "took_us": replay.took_us,
        }))?)?;
    } else {
        print(&recording, &replay, asked.trace)?;
    }
    match replay.difference {
        None => Ok(()),
        Some(difference) => Err(Failure::Failed(format!(
            "the call went another way: {difference}"
        ))),
    }
}

fn read(file: &Path) -> Result<Recording, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::Failed(format!(
            "`{}` is no recording that can be read: {error}",
            file.display()
        ))
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// The file of the plugin on the list.
fn listed(common: &Common, id: &str) -> Result<PathBuf, Failure> {
    let config = common.load_config()?;
    let specs = inkstone_config::plugins::load(&config.plugins)?;
    let spec = specs.into_iter().find(|spec| spec.id == id);
    spec.map(|spec| spec.path).ok_or_else(|| {
        Failure::Failed(format!(
            "plugin `{id}` is not on the list; name its file with --component"
        ))
    })
}

fn print(recording: &Recording, replay: &Replay, with_trace: bool) -> Result<(), Failure> {
    if with_trace {
        for (number, import) in replay.imports.iter().enumerate() {
            output::print_line(&trace_line(number + 1, import))?;
        }
    }
    let mut by_import: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for import in &replay.imports {
        let (calls, took_us) = by_import.entry(&import.import).or_default();
        *calls += 1;
        *took_us += import.took_us;
    }
    for (import, (calls, took_us)) in by_import {
        output::print_line(&format!("{import:<28} {calls:>6} calls {took_us:>10} µs"))?;
    }
    let component = match replay.is_same_component {
        true => "the recorded component",
        false => "another build of it",
    };
    output::print_line(&format!(
        "{} {} {}: {} imports, {} answers, {} µs when recorded; replayed on {component} in {} µs",
        recording.plugin,
        recording.version,
        recording.function,
        recording.imports.len(),
        recording.answers.len(),
        recording.took_us,
        replay.took_us,
    ))?;
    if replay.difference.is_none() {
        output::print_line("no difference")?;
    }
    Ok(())
}

/// Of arguments and of results, on a line of a trace.
const TRACE_CHARS: usize = 100;

fn trace_line(number: usize, import: &ImportRecord) -> String {
    format!(
        "{number:>5} {:>9} µs +{:>7} µs  {} {} -> {}",
        import.at_us,
        import.took_us,
        import.import,
        excerpt(&import.arguments.to_string(), TRACE_CHARS),
        excerpt(&import.outcome.to_string(), TRACE_CHARS),
    )
}
