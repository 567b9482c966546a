//! `inkstone schedule`: what runs at its times, from the terminal.

use clap::{Args, Subcommand};
use inkstone_egress::client::with_query;
use serde_json::{Value, json};

use super::connect::Session;
use super::generate::text_at;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List schedules, newest first.
    List(ListArgs),
    /// Show a schedule and its newest runs.
    Show { id: String },
    /// Queue its job at once, beside its times.
    Run { id: String },
    /// Let it run no more until it is resumed.
    Pause { id: String },
    /// Let it go on, from now on.
    Resume { id: String },
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Slug of a project.
    #[arg(long)]
    project: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// Of one page, as the engine gives them.
const MOST_AT_ONCE: usize = 100;

pub(crate) async fn run(common: &Common, command: ScheduleCommand) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let done = answer(common, &session, command).await;
    session.close().await;
    done
}

async fn answer(
    common: &Common,
    session: &Session,
    command: ScheduleCommand,
) -> Result<(), Failure> {
    match command {
        ScheduleCommand::List(args) => {
            let schedules = list(session, &args).await?;
            if common.is_json() {
                return print_json(&json!(schedules));
            }
            let mut all = schedules.iter();
            all.try_for_each(|schedule| output::print_line(&line_of(schedule)?))
        }
        ScheduleCommand::Show { id } => {
            let schedule = session.get(&format!("/v1/schedules/{id}")).await?;
            let runs = session.get(&format!("/v1/schedules/{id}/runs")).await?;
            if common.is_json() {
                return print_json(&json!({ "schedule": schedule, "runs": runs["data"] }));
            }
            print_schedule(&schedule)?;
            let runs = runs["data"].as_array().into_iter().flatten();
            runs.into_iter()
                .try_for_each(|run| output::print_line(&format!("  {}", run_line(run)?)))
        }
        ScheduleCommand::Run { id } => {
            let path = format!("/v1/schedules/{id}/run");
            let run = session.post(&path, &json!({})).await?;
            match common.is_json() {
                true => print_json(&run),
                false => output::print_line(&run_line(&run)?),
            }
        }
        ScheduleCommand::Pause { id } => {
            change(common, session, &id, json!({"paused": true})).await
        }
        ScheduleCommand::Resume { id } => {
            change(common, session, &id, json!({"paused": false})).await
        }
    }
}

async fn change(common: &Common, session: &Session, id: &str, patch: Value) -> Result<(), Failure> {
    let path = format!("/v1/schedules/{id}");
    let schedule = session.patch(&path, &patch).await?;
    match common.is_json() {
        true => print_json(&schedule),
        false => print_schedule(&schedule),
    }
}

async fn list(session: &Session, args: &ListArgs) -> Result<Vec<Value>, Failure> {
    let limit = MOST_AT_ONCE.min(args.limit.max(1)).to_string();
    let project = args.project.clone().unwrap_or_default();
    let mut schedules = Vec::new();
    let mut cursor = String::new();
    loop {
        let given = [
            ("filter[project]", project.as_str()),
            ("limit", limit.as_str()),
            ("cursor", cursor.as_str()),
        ];
        let query: Vec<(&str, &str)> = given
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let page = session.get(&with_query("/v1/schedules", &query)).await?;
        schedules.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next_cursor"].as_str() {
            Some(next) if schedules.len() < args.limit => cursor = next.to_owned(),
            _ => break,
        }
    }
    schedules.truncate(args.limit);
    Ok(schedules)
}

fn print_json(value: &Value) -> Result<(), Failure> {
    output::print_line(&output::pretty_json(value)?)
}

fn print_schedule(schedule: &Value) -> Result<(), Failure> {
    output::print_line(&line_of(schedule)?)?;
    match schedule
        .pointer("/pause_reason/message")
        .and_then(Value::as_str)
    {
        Some(message) => output::print_line(&format!("  paused: {message}")),
        None => Ok(()),
    }
}

fn line_of(schedule: &Value) -> Result<String, Failure> {
    let times = match (schedule["cron"].as_str(), schedule["time_zone"].as_str()) {
        (Some(cron), Some(zone)) => format!("{cron} ({zone})"),
        _ => format!("at {}", text_at(schedule, "/at")?),
    };
    let next = match (
        schedule["paused"].as_bool(),
        schedule["next_run_at"].as_str(),
    ) {
        (Some(true), _) => "paused",
        (_, Some(next)) => next,
        _ => "over",
    };
    Ok(format!(
        "{}  {next:<20}  {times}  {}/{}  {}  {}",
        text_at(schedule, "/id")?,
        text_at(schedule, "/plugin")?,
        text_at(schedule, "/template")?,
        text_at(schedule, "/project")?,
        text_at(schedule, "/name")?,
    ))
}

fn run_line(run: &Value) -> Result<String, Failure> {
    let more = [
        run["job"].as_str(),
        run["job_status"].as_str(),
        run.pointer("/error/message").and_then(Value::as_str),
    ];
    let more: Vec<&str> = more.into_iter().flatten().collect();
    Ok(format!(
        "{}  {:<7}  {}",
        text_at(run, "/planned_at")?,
        text_at(run, "/outcome")?,
        more.join("  ")
    ))
}
