//! `inkstone plugin connect`: whether a provider reaches its upstream.

use serde_json::{Value, json};

use crate::cli::connect::Session;
use crate::cli::{Common, Failure, output};

/// Fails where the upstream is not reached or refuses the credential.
pub(crate) async fn check(common: &Common, id: &str) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let path = format!("/v1/plugins/{id}/connection");
    let reply = session.post(&path, &json!({})).await;
    session.close().await;
    let reply = reply?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&reply)?);
    }
    let reached = reply.pointer("/reached").and_then(Value::as_str);
    output::print_line(reached.unwrap_or("it answers"))
}
