//! `inkstone signing-key`: changing the key that signs access tokens.

use clap::Subcommand;
use serde_json::{Value, json};

use super::connect::Session;
use super::generate::text_at;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// Make a new key; tokens of the one before hold until they run out.
    Rotate,
}

pub(crate) async fn run(common: &Common, command: SigningKeyCommand) -> Result<(), Failure> {
    let SigningKeyCommand::Rotate = command;
    let session = Session::open(common).await?;
    let reply = session.post("/v1/signing-keys/rotate", &json!({})).await;
    let result = match reply {
        Ok(keys) if common.is_json() => {
            output::pretty_json(&keys).and_then(|text| output::print_line(&text))
        }
        Ok(keys) => print_keys(&keys),
        Err(failure) => Err(failure),
    };
    session.close().await;
    result
}

fn print_keys(keys: &Value) -> Result<(), Failure> {
    let kid = text_at(keys, "/keys/0/kid")?;
    output::print_line(&format!("{kid} signs from now on"))
}
