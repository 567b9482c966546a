//! `inkstone job`: background work from the terminal.

use clap::{Args, Subcommand, ValueEnum};
use inkstone_egress::client::with_query;
use serde_json::{Value, json};

use super::connect::Session;
use super::generate::{text_at, watch};
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first.
    List(ListArgs),
    /// Show a job and its log.
    Show { id: String },
    /// Follow a job to its end, with a progress bar on a terminal.
    Watch { id: String },
    /// Ask a job to stop.
    Cancel { id: String },
    /// Put a job that failed, died or was cancelled into the queue once more.
    Requeue { id: String },
}

#[derive(Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// `generate`, or the name of the engine's own work.
    #[arg(long)]
    kind: Option<String>,
    /// Slug of a project.
    #[arg(long)]
    project: Option<String>,
    #[arg(long, value_enum)]
    priority: Option<Priority>,
    /// `bat_…`
    #[arg(long)]
    batch: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Status {
    Waiting,
    Queued,
    Running,
    Succeeded,
    Failed,
    Dead,
    Cancelled,
}

#[derive(Clone, Copy, ValueEnum)]
enum Priority {
    High,
    Normal,
    Low,
}

/// Of one page, as the engine gives them.
const MOST_AT_ONCE: usize = 100;

pub(crate) async fn run(common: &Common, command: JobCommand) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let done = answer(common, &session, command).await;
    session.close().await;
    done
}

async fn answer(common: &Common, session: &Session, command: JobCommand) -> Result<(), Failure> {
    match command {
        JobCommand::List(args) => {
            let jobs = list(session, &args).await?;
            if common.is_json() {
                return print_json(&json!(jobs));
            }
            jobs.iter()
                .try_for_each(|job| output::print_line(&line_of(job)?))
        }
        JobCommand::Show { id } => {
            let job = session.get(&format!("/v1/jobs/{id}")).await?;
            let log = session.get(&format!("/v1/jobs/{id}/log")).await?;
            if common.is_json() {
                return print_json(&json!({ "job": job, "log": log["data"] }));
            }
            print_job(&job)?;
            let lines = log["data"].as_array().into_iter().flatten();
            lines.into_iter().try_for_each(|line| {
                let (at, message) = (text_at(line, "/at")?, text_at(line, "/message")?);
                output::print_line(&format!("  {at}  {}  {message}", line["attempt"]))
            })
        }
        JobCommand::Watch { id } => {
            let ended = watch(session, &id).await?;
            print(common, &ended)?;
            match text_at(&ended, "/status")? {
                "succeeded" => Ok(()),
                status => Err(Failure::Failed(format!("job {id} ended as {status}"))),
            }
        }
        JobCommand::Cancel { id } => {
            session.delete(&format!("/v1/jobs/{id}")).await?;
            let job = session.get(&format!("/v1/jobs/{id}")).await?;
            print(common, &job)
        }
        JobCommand::Requeue { id } => {
            let path = format!("/v1/jobs/{id}/requeue");
            let job = session.post(&path, &json!({})).await?;
            print(common, &job)
        }
    }
}

/// Page after page: some have less than they could.
async fn list(session: &Session, args: &ListArgs) -> Result<Vec<Value>, Failure> {
    let limit = MOST_AT_ONCE.min(args.limit.max(1)).to_string();
    let word = |value: Option<String>| value.unwrap_or_default();
    let filters = [
        ("filter[status]", word(args.status.map(name_of))),
        ("filter[kind]", word(args.kind.clone())),
        ("filter[project]", word(args.project.clone())),
        ("filter[priority]", word(args.priority.map(name_of))),
        ("filter[batch]", word(args.batch.clone())),
        ("limit", limit),
    ];
    let mut jobs = Vec::new();
    let mut cursor = String::new();
    loop {
        let given = filters.iter().map(|(name, value)| (*name, value.as_str()));
        let query: Vec<(&str, &str)> = given
            .chain([("cursor", cursor.as_str())])
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let page = session.get(&with_query("/v1/jobs", &query)).await?;
        jobs.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next_cursor"].as_str() {
            Some(next) if jobs.len() < args.limit => cursor = next.to_owned(),
            _ => break,
        }
    }
    jobs.truncate(args.limit);
    Ok(jobs)
}

fn name_of(value: impl ValueEnum) -> String {
    let shown = value.to_possible_value();
    shown.map_or_else(String::new, |shown| shown.get_name().to_owned())
}

fn print(common: &Common, job: &Value) -> Result<(), Failure> {
    match common.is_json() {
        true => print_json(job),
        false => print_job(job),
    }
}

fn print_json(value: &Value) -> Result<(), Failure> {
    output::print_line(&output::pretty_json(value)?)
}

fn print_job(job: &Value) -> Result<(), Failure> {
    output::print_line(&line_of(job)?)?;
    if let Some(message) = job.pointer("/error/message").and_then(Value::as_str) {
        output::print_line(&format!("  {message}"))?;
    }
    if let Some(article) = job["article"].as_str() {
        output::print_line(&format!("  made {article}"))?;
    }
    Ok(())
}

fn line_of(job: &Value) -> Result<String, Failure> {
    let progress = &job["progress"];
    Ok(format!(
        "{}  {:<9}  {:<6}  {:>3}/{:<3}  {}  {}  {}",
        text_at(job, "/id")?,
        text_at(job, "/status")?,
        text_at(job, "/priority")?,
        progress["done"],
        progress["total"],
        text_at(job, "/enqueued_at")?,
        text_at(job, "/kind")?,
        text_at(job, "/project")?,
    ))
}
