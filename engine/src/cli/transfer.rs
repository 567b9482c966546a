//! `inkstone import` and `inkstone export`: articles in and out as files. Folders are packed and unpacked
//! on this side.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use inkstone_egress::client::with_query;
use inkstone_services::transfer::folder;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// A file, or a folder of Markdown or HTML.
    path: PathBuf,
    /// Where the articles go.
    #[arg(long)]
    project: String,
    /// Told from the name of the file where it is left out.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What happens where an article is there already.
    #[arg(long, value_enum, default_value_t = OnConflict::Skip)]
    on_conflict: OnConflict,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Make the project first, if it is not there.
    #[arg(long)]
    create: bool,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// A file, `-` for standard output, or for Markdown and HTML a folder that is there or ends in `/`.
    path: PathBuf,
    /// Whose articles.
    #[arg(long)]
    project: String,
    /// Told from the name of the file where it is left out.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only those of this status, such as `published`.
    #[arg(long)]
    status: Option<String>,
    /// Only those with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those in this language.
    #[arg(long)]
    language: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Markdown,
    Jsonl,
    Html,
    Wxr,
    Archive,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnConflict {
    Skip,
    Update,
    Fail,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Jsonl => "jsonl",
            Self::Html => "html",
            Self::Wxr => "wxr",
            Self::Archive => "archive",
        }
    }
}

impl OnConflict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Update => "update",
            Self::Fail => "fail",
        }
    }
}

/// Between two looks at an import.
const LOOK: Duration = Duration::from_millis(200);
const STYLE: &str = "{spinner} {msg}";

pub(crate) async fn import(common: &Common, args: ImportArgs) -> Result<(), Failure> {
    let format = format_of(args.format, &args.path)?;
    let file = Upload::of(&args.path, format).await?;
    let session = Session::open(common).await?;
    let done = send(common, &session, &args, format, &file).await;
    session.close().await;
    done
}

async fn send(
    common: &Common,
    session: &Session,
    args: &ImportArgs,
    format: Format,
    file: &Upload,
) -> Result<(), Failure> {
    if args.create {
        create(session, &args.project).await?;
    }
    let unread = |error| unusable(file.path(), &error);
    let source = tokio::fs::File::open(file.path()).await.map_err(unread)?;
    let size_bytes = source.metadata().await.map_err(unread)?.len();
    let path = with_query(
        &format!("/v1/projects/{}/imports", args.project),
        &[
            ("format", format.as_str()),
            ("on_conflict", args.on_conflict.as_str()),
            ("dry_run", if args.dry_run { "true" } else { "false" }),
        ],
    );
    let sent = session.post_file(&path, source, size_bytes).await?;
    let id = sent["id"].as_str().unwrap_or_default().to_owned();
    let place = format!("/v1/projects/{}/imports/{id}", args.project);
    let ended = follow(session, &place).await?;
    let mut lines = session.lines(&format!("{place}/report")).await?;
    let mut report = Vec::new();
    while let Some(line) = lines.next().await {
        let line: Value = serde_json::from_str(&line?)?;
        match common.is_json() {
            true => report.push(line),
            false if line["outcome"] == "created" && line["message"].is_null() => {}
            false => output::print_line(&told(&line))?,
        }
    }
    if common.is_json() {
        let reply = json!({ "import": ended, "report": report });
        output::print_line(&output::pretty_json(&reply)?)?;
    } else {
        output::print_line(&summary(&ended))?;
    }
    match ended["status"].as_str() {
        Some("succeeded") => Ok(()),
        _ => Err(Failure::Failed(format!(
            "the import {id} ended as {}: {}",
            ended["status"].as_str().unwrap_or_default(),
            ended["error"]["message"]
                .as_str()
                .unwrap_or("no reason was given")
        ))),
    }
}

async fn create(session: &Session, project: &str) -> Result<(), Failure> {
    let list = session.get(&format!("/v1/projects/{project}")).await;
    match list {
        Ok(_) => Ok(()),
        Err(Failure::Failed(_)) => {
            let new = json!({ "slug": project });
            let made = session.post("/v1/projects", &new);
            made.await.map(drop)
        }
        Err(failure) => Err(failure),
    }
}

/// Until it has ended.
async fn follow(session: &Session, place: &str) -> Result<Value, Failure> {
    let bar = progress();
    loop {
        let import = session.get(place).await?;
        let is_open = matches!(import["status"].as_str(), Some("queued" | "running"));
        bar.set_message(summary(&import));
        bar.tick();
        if !is_open {
            bar.finish_and_clear();
            return Ok(import);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn summary(import: &Value) -> String {
    let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
    let dry = match import["dry_run"].as_bool() {
        Some(true) => " (dry run: nothing was changed)",
        _ => "",
    };
    format!(
        "{} created, {} updated, {} unchanged, {} skipped, {} refused{dry}",
        count("created"),
        count("updated"),
        count("unchanged"),
        count("skipped"),
        count("refused")
    )
}

fn told(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    format!(
        "{:>6} {:<9} {}: {}",
        line["number"].as_u64().unwrap_or_default(),
        text("outcome"),
        text("entry"),
        text("message")
    )
}

pub(crate) async fn export(common: &Common, args: ExportArgs) -> Result<(), Failure> {
    let into_folder = args.path.is_dir() || ends_in_slash(&args.path);
    let format = match (args.format, into_folder) {
        (None, true) => Format::Markdown,
        (format, _) => format_of(format, &args.path)?,
    };
    if into_folder && extensions(format).is_none() {
        let message = "this format is one file; name a file, not a folder";
        return Err(Failure::Usage(message.to_owned()));
    }
    let session = Session::open(common).await?;
    let done = fetch(common, &session, &args, format, into_folder).await;
    session.close().await;
    done
}

async fn fetch(
    common: &Common,
    session: &Session,
    args: &ExportArgs,
    format: Format,
    into_folder: bool,
) -> Result<(), Failure> {
    let mut query = vec![("format", format.as_str())];
    for (name, value) in [
        ("filter[status]", &args.status),
        ("filter[tag]", &args.tag),
        ("filter[language]", &args.language),
    ] {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    let path = with_query(&format!("/v1/projects/{}/export", args.project), &query);
    let mut pieces = session.pieces(&path).await?;
    if args.path == Path::new("-") {
        while let Some(piece) = pieces.next().await {
            output::print_bytes(&piece?)?;
        }
        return Ok(());
    }
    // Nobody finds half a file under its name.
    let part = match into_folder {
        true => Part::temporary(),
        false => Part(args.path.with_added_extension("part")),
    };
    let bar = progress();
    let unwritten = |error| unusable(&part.0, &error);
    let mut file = tokio::fs::File::create(&part.0).await.map_err(unwritten)?;
    let mut size_bytes = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        size_bytes += piece.len() as u64;
        bar.set_message(format!("{size_bytes} bytes"));
        bar.tick();
        file.write_all(&piece).await.map_err(unwritten)?;
    }
    file.sync_all().await.map_err(unwritten)?;
    bar.finish_and_clear();
    let mut files = 1;
    match into_folder {
        true => files = folder::unpack(&part.0, &args.path)?,
        false => {
            std::fs::rename(&part.0, &args.path).map_err(|error| unusable(&args.path, &error))?
        }
    }
    if common.is_json() {
        let reply = json!({ "path": args.path, "bytes": size_bytes, "files": files });
        return output::print_line(&output::pretty_json(&reply)?);
    }
    output::say(&format!(
        "wrote {} ({size_bytes} bytes)",
        args.path.display()
    ));
    Ok(())
}

/// What is sent: the file itself, or a folder packed into one.
enum Upload {
    File(PathBuf),
    Packed(Part),
}

impl Upload {
    async fn of(path: &Path, format: Format) -> Result<Self, Failure> {
        if !path.is_dir() {
            return Ok(Self::File(path.to_owned()));
        }
        let Some(extensions) = extensions(format) else {
            let message = "only Markdown and HTML come in folders; name a file";
            return Err(Failure::Usage(message.to_owned()));
        };
        let (folder, part) = (path.to_owned(), Part::temporary());
        let zip = part.0.clone();
        let packed = tokio::task::spawn_blocking(move || folder::pack(&folder, extensions, &zip));
        let files = packed
            .await
            .map_err(|error| Failure::Panicked(error.to_string()))??;
        if files == 0 {
            let message = format!("`{}` holds no file of this format", path.display());
            return Err(Failure::Usage(message));
        }
        Ok(Self::Packed(part))
    }

    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Packed(part) => &part.0,
        }
    }
}

/// A file that is removed again, unless it was renamed.
struct Part(PathBuf);

impl Part {
    fn temporary() -> Self {
        Self(std::env::temp_dir().join(format!("inkstone-{}.zip", ulid::Ulid::new())))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The endings of files of a format that comes in folders.
fn extensions(format: Format) -> Option<&'static [&'static str]> {
    match format {
        Format::Markdown => Some(&["md", "markdown"]),
        Format::Html => Some(&["html", "htm", "xhtml"]),
        Format::Jsonl | Format::Wxr | Format::Archive => None,
    }
}

fn format_of(given: Option<Format>, path: &Path) -> Result<Format, Failure> {
    if let Some(format) = given {
        return Ok(format);
    }
    if path.is_dir() {
        return Ok(Format::Markdown);
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("md" | "markdown") => Ok(Format::Markdown),
        Some("jsonl" | "ndjson") => Ok(Format::Jsonl),
        Some("html" | "htm") => Ok(Format::Html),
        Some("xml" | "wxr") => Ok(Format::Wxr),
        _ => Err(Failure::Usage(format!(
            "the format of `{}` cannot be told from its name; say `--format`",
            path.display()
        ))),
    }
}

fn ends_in_slash(path: &Path) -> bool {
    path.to_string_lossy().ends_with('/')
}

/// Shown where somebody watches.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    bar
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("`{}` cannot be used: {error}", path.display()))
}
