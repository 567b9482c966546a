//! `inkstone index`: the search index, compared with the store, built anew, measured.

use clap::Subcommand;
use serde_json::{Value, json};

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum IndexCommand {
    /// Compare the search index with the store; fails where they differ.
    Verify,
    /// Build the search index anew while the old one answers.
    Rebuild,
    /// Show how large the search index is.
    Stats,
}

pub(crate) async fn run(common: &Common, command: IndexCommand) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let reply = match &command {
        IndexCommand::Verify => session.post("/v1/search/index/verify", &json!({})).await,
        IndexCommand::Rebuild => session.post("/v1/search/index/rebuild", &json!({})).await,
        IndexCommand::Stats => session.get("/v1/search/index").await,
    };
    session.close().await;
    let reply = reply?;
    if common.is_json() {
        output::print_line(&output::pretty_json(&reply)?)?;
    } else {
        output::print_line(&sentence(&command, &reply))?;
    }
    let differs = reply.get("identical") == Some(&Value::Bool(false));
    match differs {
        true => Err(Failure::Failed(
            "the search index differs from the store; `inkstone index rebuild` builds it anew"
                .to_owned(),
        )),
        false => Ok(()),
    }
}

fn sentence(command: &IndexCommand, reply: &Value) -> String {
    let number = |name: &str| reply.get(name).and_then(Value::as_u64).unwrap_or_default();
    match command {
        IndexCommand::Verify => format!(
            "{} documents in the store, {} in the index: {} missing or old, {} too many",
            number("stored"),
            number("indexed"),
            number("missing"),
            number("surplus")
        ),
        IndexCommand::Rebuild => format!("{} documents in the new index", number("documents")),
        IndexCommand::Stats => format!(
            "{} documents, {} bytes in {} segments, version {}",
            number("documents"),
            number("size_bytes"),
            number("segments"),
            number("version")
        ),
    }
}
