//! `inkstone chat`: one question, the answer as it comes.

use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Args)]
pub(crate) struct ChatArgs {
    /// What to ask.
    message: String,
    /// `provider/model` or an alias; the engine's default otherwise.
    #[arg(long, default_value = "")]
    model: String,
    /// What the model is told before.
    #[arg(long)]
    system: Option<String>,
    /// The longest answer, tokens.
    #[arg(long, default_value_t = 512)]
    max_tokens: u32,
}

pub(crate) async fn run(common: &Common, args: ChatArgs) -> Result<(), Failure> {
    let mut messages = Vec::new();
    if let Some(system) = &args.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    messages.push(json!({ "role": "user", "content": args.message }));
    let stream = !common.is_json();
    let body = json!({
        "model": args.model,
        "messages": messages,
        "max_tokens": args.max_tokens,
        "stream": stream,
    });
    let session = Session::open(common).await?;
    let result = if stream {
        print_stream(&session, &body).await
    } else {
        match session.post("/v1/chat/completions", &body).await {
            Ok(reply) => output::pretty_json(&reply).and_then(|text| output::print_line(&text)),
            Err(failure) => Err(failure),
        }
    };
    session.close().await;
    result
}

async fn print_stream(session: &Session, body: &Value) -> Result<(), Failure> {
    let mut events = session.post_events("/v1/chat/completions", body).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        if let Some(message) = event.data.pointer("/error/message").and_then(Value::as_str) {
            return Err(Failure::Failed(message.to_owned()));
        }
        let delta = event.data.pointer("/choices/0/delta/content");
        if let Some(text) = delta.and_then(Value::as_str) {
            output::print_bytes(text.as_bytes())?;
        }
    }
    output::print_line("")
}
