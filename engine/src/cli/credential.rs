//! `inkstone credential`: the encrypted store of the data folder. Values come from standard input and
//! are never shown; a running engine takes changes up when it is started again.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use inkstone_config::Secret;
use inkstone_config::credentials::{CredentialOutline, CredentialsOutline};
use inkstone_config::secret::SecretSource;
use inkstone_config::vault::Vault;
use serde_json::{Value, json};

use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum CredentialCommand {
    /// Read a secret from standard input and store it encrypted, over an older one.
    Set { name: String },
    /// The credentials: header, hosts and where each secret comes from; never a value.
    List,
    /// Take a secret out of the store.
    Remove { name: String },
}

pub(crate) async fn run(common: &Common, command: CredentialCommand) -> Result<(), Failure> {
    let common = common.clone();
    // Everything here waits for files or for a person.
    tokio::task::spawn_blocking(move || {
        let outline = CredentialsOutline::load(&common.config)?;
        match command {
            CredentialCommand::Set { name } => set(&common, &outline, &name),
            CredentialCommand::List => list(&common, &outline),
            CredentialCommand::Remove { name } => remove(&common, &outline, &name),
        }
    })
    .await
    .map_err(|error| Failure::Panicked(error.to_string()))?
}

fn set(common: &Common, outline: &CredentialsOutline, name: &str) -> Result<(), Failure> {
    let value = read_value(name)?;
    Vault::new(&outline.data_dir).set(name, &value)?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(
            &json!({ "name": name, "stored": true }),
        )?);
    }
    output::print_line(&format!("{name} is stored"))?;
    let declared = outline.credentials.iter().find(|known| known.name == name);
    match declared {
        Some(known) if known.source == SecretSource::Stored => {
            output::say("A running engine takes it up when it is started again.");
        }
        _ => output::say(&format!(
            "To use it, write secret = {{ stored = true }} in [credentials.{name}] of {}.",
            common.config.display()
        )),
    }
    Ok(())
}

/// Arguments stand in the process list and in the shell's history, so a value never comes from there.
fn read_value(name: &str) -> Result<Secret, Failure> {
    if std::io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(format!("Secret of `{name}` (not shown): "))?;
        return Ok(Secret::new(typed.trim()));
    }
    let mut piped = String::new();
    std::io::stdin().read_to_string(&mut piped)?;
    Ok(Secret::new(piped.trim()))
}

fn list(common: &Common, outline: &CredentialsOutline) -> Result<(), Failure> {
    let mut unused = Vault::new(&outline.data_dir).names()?;
    for known in &outline.credentials {
        if known.source == SecretSource::Stored {
            unused.retain(|name| *name != known.name);
        }
    }
    if common.is_json() {
        let credentials: Vec<Value> = outline.credentials.iter().map(as_json).collect();
        let report = json!({ "credentials": credentials, "stored_but_unused": unused });
        return output::print_line(&output::pretty_json(&report)?);
    }
    for known in &outline.credentials {
        let state = match &known.fault {
            None => "ready".to_owned(),
            Some(why) => format!("missing: {why}"),
        };
        output::print_line(&format!(
            "{}  {}  {}  {}  {state}",
            known.name,
            known.header,
            hosts_of(known).join(" | "),
            known.source
        ))?;
    }
    for name in &unused {
        output::print_line(&format!("{name}  -  -  stored  not used in engine.toml"))?;
    }
    if outline.credentials.is_empty() && unused.is_empty() {
        output::say("There are no credentials; docs/egress.md shows how to add one.");
    }
    Ok(())
}

fn remove(common: &Common, outline: &CredentialsOutline, name: &str) -> Result<(), Failure> {
    if !Vault::new(&outline.data_dir).remove(name)? {
        return Err(Failure::Failed(format!(
            "the credential `{name}` is not stored; `inkstone credential list` shows those that are"
        )));
    }
    if common.is_json() {
        return output::print_line(&output::pretty_json(
            &json!({ "name": name, "stored": false }),
        )?);
    }
    output::print_line(&format!("{name} is no longer stored"))
}

fn as_json(known: &CredentialOutline) -> Value {
    json!({
        "name": known.name,
        "header": known.header,
        "hosts": hosts_of(known),
        "source": known.source.to_string(),
        "ready": known.fault.is_none(),
        "fault": known.fault,
    })
}

fn hosts_of(known: &CredentialOutline) -> Vec<String> {
    known.hosts.iter().map(ToString::to_string).collect()
}
