//! `inkstone generate`: a job from the terminal, with a progress bar where there is somebody to see it.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Args)]
pub(crate) struct GenerateArgs {
    /// What to write about.
    topic: Option<String>,
    /// The plugin that writes.
    #[arg(long, default_value = "generator-article")]
    plugin: String,
    /// Its template.
    #[arg(long, default_value = "article")]
    template: String,
    /// A text to ground the result in.
    #[arg(long)]
    source: Option<PathBuf>,
    /// `provider/model` or an alias; the engine's default otherwise.
    #[arg(long)]
    model: Option<String>,
    /// The project the article goes to.
    #[arg(long)]
    project: Option<String>,
    /// A further field of the template's input, as `name=value`; the value may be JSON.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    fields: Vec<String>,
}

pub(crate) async fn run(common: &Common, args: GenerateArgs) -> Result<(), Failure> {
    let order = Order {
        input: input(&args)?,
        plugin: args.plugin,
        template: args.template,
        model: args.model,
        project: args.project,
    };
    let session = Session::open(common).await?;
    let result = write(&session, &order).await;
    let printed = match result {
        Ok(article) if common.is_json() => {
            output::pretty_json(&article).and_then(|text| output::print_line(&text))
        }
        Ok(article) => print_article(&session, &article),
        Err(failure) => Err(failure),
    };
    session.close().await;
    printed
}

/// A generation to be asked for.
pub(crate) struct Order {
    pub plugin: String,
    pub template: String,
    pub input: Value,
    pub model: Option<String>,
    pub project: Option<String>,
}

/// Asks for a text, shows how it comes, and returns the stored article.
pub(crate) async fn write(session: &Session, order: &Order) -> Result<Value, Failure> {
    let path = format!("/v1/generate/{}/{}", order.plugin, order.template);
    let mut body = Map::new();
    body.insert("input".to_owned(), order.input.clone());
    if let Some(model) = &order.model {
        body.insert("model".to_owned(), json!(model));
    }
    if let Some(project) = &order.project {
        body.insert("project".to_owned(), json!(project));
    }
    let job = session.post(&path, &Value::Object(body)).await?;
    let id = text_at(&job, "/id")?;
    let ended = watch(session, id).await?;
    match text_at(&ended, "/status")? {
        "succeeded" => {
            let article = text_at(&ended, "/article")?;
            session.get(&format!("/v1/articles/{article}")).await
        }
        status => {
            let reason = ended.pointer("/error/message").and_then(Value::as_str);
            Err(Failure::Failed(format!(
                "job {id} ended as {status}: {}",
                reason.unwrap_or("no reason was given")
            )))
        }
    }
}

/// Follows a job to its end, and returns it as it ended.
pub(super) async fn watch(session: &Session, id: &str) -> Result<Value, Failure> {
    let display = Display::new();
    let mut events = session.events(&format!("/v1/jobs/{id}/events")).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        match event.name.as_str() {
            "progress" => display.progress(&event.data),
            "snapshot" => display.begin(&event.data["progress"]),
            "end" => {
                display.finish();
                return Ok(event.data);
            }
            _ => {}
        }
    }
    // The stream broke: the store still knows.
    session.get(&format!("/v1/jobs/{id}")).await
}

fn print_article(session: &Session, article: &Value) -> Result<(), Failure> {
    output::print_line(&format!("# {}\n", text_at(article, "/title")?))?;
    output::print_line(text_at(article, "/body")?)?;
    output::say(&format!(
        "\nstored as {}/v1/articles/{}",
        session.base_url(),
        text_at(article, "/id")?
    ));
    Ok(())
}

fn input(args: &GenerateArgs) -> Result<Value, Failure> {
    let mut input = Map::new();
    if let Some(topic) = &args.topic {
        input.insert("topic".to_owned(), json!(topic));
    }
    if let Some(path) = &args.source {
        input.insert("source_text".to_owned(), json!(read_source(path)?));
    }
    for field in &args.fields {
        let (name, value) = field.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "`--set {field}` lacks a `=`; write `--set name=value`"
            ))
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        input.insert(name.to_owned(), value);
    }
    Ok(Value::Object(input))
}

pub(crate) fn read_source(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!(
            "the source `{}` cannot be read: {error}; name a UTF-8 text file",
            path.display()
        ))
    })
}

/// A text within a reply of the engine.
pub(crate) fn text_at<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| {
        Failure::Failed(format!(
            "the engine's reply has no text at `{pointer}`; are engine and command of one version?"
        ))
    })
}

/// A bar on a terminal, a line per step otherwise.
struct Display(Option<ProgressBar>);

impl Display {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(1);
        let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(Some(bar))
    }

    /// Where it stands when somebody begins to watch: no news, so no line.
    fn begin(&self, data: &Value) {
        if self.0.is_some() {
            self.progress(data);
        }
    }

    fn progress(&self, data: &Value) {
        let number = |name: &str| data.get(name).and_then(Value::as_u64).unwrap_or(0);
        let step = data.get("step").and_then(Value::as_str).unwrap_or("");
        let (done, total) = (number("done"), number("total"));
        match &self.0 {
            Some(bar) => {
                bar.set_length(total.max(1));
                bar.set_position(done);
                bar.set_message(step.to_owned());
            }
            None => output::say(&format!("  {done}/{total} {step}")),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
