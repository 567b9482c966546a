//! `inkstone start`: the main job, visibly. What `make run` runs.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use inkstone_domain::engine::EngineRole;
use inkstone_services::auth::AdminSetup;
use serde_json::{Value, json};

use super::connect::Session;
use super::generate::{self, text_at};
use super::{Common, Failure, output};
use crate::{shutdown, wire};

/// The report has more; these fit on a line.
const SHOWN_METRICS: usize = 6;

#[derive(Args)]
pub(crate) struct StartArgs {
    /// What to write about.
    #[arg(long, default_value = "How bees find their way home")]
    topic: String,
    /// A text file to ground the article in.
    #[arg(long)]
    source: Option<PathBuf>,
    /// `short`, `medium` or `long`.
    #[arg(long, default_value = "short")]
    length: String,
    /// End after the job instead of serving on.
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(common: &Common, args: StartArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let stop = shutdown::on_signal();
    // People watch the job here; the whole log is for `serve`.
    let mut config = common.load_config()?;
    config.server.role = EngineRole::All;
    let boot = super::serve::boot(config, "warn,surrealkv=error")?;
    let engine = wire::start(boot, stop.clone()).await?;
    output::say(&format!(
        "Inkstone is ready at {} after {:.1} s, with {} plugins.",
        engine.base_url(),
        began.elapsed().as_secs_f32(),
        engine.serving_plugins()
    ));
    let session = Session::to(&engine)?;
    let job = tokio::select! {
        result = main_job(&session, &args) => result,
        () = stop.cancelled() => Ok(()),
    };
    if job.is_ok() && !args.once && !stop.is_cancelled() {
        print_sign_in(&engine);
        output::say("Serving on; Ctrl-C ends it.");
        stop.cancelled().await;
    } else if job.is_ok() {
        print_sign_in(&engine);
    }
    engine.stop().await;
    job
}

async fn main_job(session: &Session, args: &StartArgs) -> Result<(), Failure> {
    let mut input = json!({ "topic": args.topic, "length": args.length });
    if let Some(path) = &args.source {
        input["source_text"] = json!(generate::read_source(path)?);
    }
    output::say(&format!("Writing about \"{}\" …", args.topic));
    let order = generate::Order {
        plugin: "generator-article".to_owned(),
        template: "article".to_owned(),
        input,
        model: None,
        project: None,
    };
    let began = Instant::now();
    let article = generate::write(session, &order).await?;
    let id = text_at(&article, "/id")?;
    let title = text_at(&article, "/title")?;
    let body = text_at(&article, "/body")?;
    output::say(&format!(
        "Written and stored in {:.0} s.",
        began.elapsed().as_secs_f32()
    ));

    find(session, id, title).await?;
    analyse(session, title, body).await?;

    output::print_line(&format!("\n# {title}\n"))?;
    output::print_line(&first_lines(body, 8))?;
    output::print_line(&format!("\n{}/v1/articles/{id}", session.base_url()))
}

/// Proves that the article is found.
async fn find(session: &Session, id: &str, title: &str) -> Result<(), Failure> {
    let query = [("q", title), ("limit", "10"), ("wait", "true")];
    let page = session.get_with("/v1/search", &query).await?;
    let hits = page.pointer("/data").and_then(Value::as_array);
    let place = hits.and_then(|hits| {
        hits.iter()
            .position(|hit| hit.get("id").and_then(Value::as_str) == Some(id))
    });
    match place {
        Some(place) => {
            output::say(&format!("Found by search, at place {}.", place + 1));
            Ok(())
        }
        None => Err(Failure::Failed(format!(
            "article {id} is stored, but search for its title does not find it; `inkstone doctor` may know more"
        ))),
    }
}

async fn analyse(session: &Session, title: &str, body: &str) -> Result<(), Failure> {
    let input = json!({ "title": title, "text": body });
    let report = session
        .post("/v1/analytics/analytics-content/content", &input)
        .await?;
    let blocks = report.pointer("/blocks").and_then(Value::as_array);
    let metrics: Vec<String> = blocks
        .into_iter()
        .flatten()
        .filter(|block| block.get("type").and_then(Value::as_str) == Some("metric"))
        .filter_map(|block| {
            let title = block.get("title")?.as_str()?;
            let value = block.get("value")?.as_f64()?;
            let unit = block.get("unit").and_then(Value::as_str).unwrap_or("");
            Some(format!("{title} {value:.1} {unit}").trim_end().to_owned())
        })
        .take(SHOWN_METRICS)
        .collect();
    output::say(&format!("Analysed: {}.", metrics.join(" · ")));
    Ok(())
}

fn print_sign_in(engine: &wire::Running) {
    match engine.admin() {
        AdminSetup::Created {
            email,
            generated_password: Some(password),
        } => output::say(&format!(
            "Admin sign-in, shown this once: {email} / {password}"
        )),
        AdminSetup::Created { email, .. } => output::say(&format!(
            "Admin sign-in: {email}, with the password of your configuration."
        )),
        AdminSetup::Exists => output::say(
            "Admin sign-in: as at the first start (its password was set or shown then).",
        ),
    }
    output::say(&format!(
        "API reference: {0}/docs · sign in: POST {0}/v1/auth/login",
        engine.base_url()
    ));
}

fn first_lines(body: &str, count: usize) -> String {
    body.lines()
        .filter(|line| !line.trim().is_empty())
        .take(count)
        .collect::<Vec<_>>()
        .join("\n")
}
