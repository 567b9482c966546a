//! `inkstone search`: find articles and all else from the terminal.

use clap::Args;
use serde_json::Value;

use super::connect::Session;
use super::generate::text_at;
use super::{Common, Failure, output};

#[derive(Args)]
pub(crate) struct SearchArgs {
    /// What to look for.
    query: String,
    /// At most this many.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// Only this project.
    #[arg(long)]
    project: Option<String>,
    /// What to look for, with commas between: article, prompt, media, message, note.
    #[arg(long, default_value = "article")]
    kind: String,
    /// What meaning counts beside words: from 0 for words alone to 1 for meaning alone; a half without a number.
    #[arg(long, num_args = 0..=1, default_missing_value = "0.5", require_equals = true)]
    hybrid: Option<f32>,
}

pub(crate) async fn run(common: &Common, args: SearchArgs) -> Result<(), Failure> {
    let limit = args.limit.to_string();
    let ratio = args.hybrid.map(|ratio| ratio.to_string());
    let mut query = vec![
        ("q", args.query.as_str()),
        ("limit", limit.as_str()),
        ("kind", args.kind.as_str()),
    ];
    if let Some(ratio) = &ratio {
        query.push(("hybrid[ratio]", ratio));
    }
    if let Some(project) = &args.project {
        query.push(("filter[project]", project));
    }
    let session = Session::open(common).await?;
    let result = match session.get_with("/v1/search", &query).await {
        Ok(page) if common.is_json() => {
            output::pretty_json(&page).and_then(|text| output::print_line(&text))
        }
        Ok(page) => print_hits(&page),
        Err(failure) => Err(failure),
    };
    session.close().await;
    result
}

fn print_hits(page: &Value) -> Result<(), Failure> {
    let hits = page.pointer("/data").and_then(Value::as_array);
    let hits = hits.map(Vec::as_slice).unwrap_or_default();
    if hits.is_empty() {
        output::say("nothing found");
    }
    if let Some(why @ ("timed_out" | "unavailable")) = page.get("semantic").and_then(Value::as_str)
    {
        output::say(&format!(
            "words alone counted: meaning is {}",
            why.replace('_', " ")
        ));
    }
    for hit in hits {
        let (id, title) = (text_at(hit, "/id")?, text_at(hit, "/title")?);
        output::print_line(&format!("{id}  {title}"))?;
        let snippet = hit.get("snippet").and_then(Value::as_str).unwrap_or("");
        output::print_line(&format!("    {}", snippet.replace('\n', " ")))?;
    }
    Ok(())
}
