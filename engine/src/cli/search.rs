//! `inkstone search`: find articles from the terminal.

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
}

pub(crate) async fn run(common: &Common, args: SearchArgs) -> Result<(), Failure> {
    let limit = args.limit.to_string();
    let mut query = vec![("q", args.query.as_str()), ("limit", limit.as_str())];
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
    for hit in hits {
        let (id, title) = (text_at(hit, "/id")?, text_at(hit, "/title")?);
        output::print_line(&format!("{id}  {title}"))?;
        let snippet = hit.get("snippet").and_then(Value::as_str).unwrap_or("");
        output::print_line(&format!("    {}", snippet.replace('\n', " ")))?;
    }
    Ok(())
}
