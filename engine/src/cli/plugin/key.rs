//! `inkstone plugin key`: the keys that sign packages, and those that this deployment trusts. It works
//! on files alone, so no engine has to run; a running one reads the keys anew at its next reload.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use inkstone_config::plugin_keys::{self, RevokedKey, TrustedKey};
use inkstone_package::{KeyId, PublicKey, SigningKey};
use serde_json::json;

use crate::cli::{Common, Failure, output};
use crate::plugin_trust;

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key that signs packages: NAME.key, which only you may read.
    New {
        /// Name of the file, without `.key`.
        name: String,
        /// Where the file goes.
        #[arg(long, default_value = ".")]
        into: PathBuf,
    },
    /// The keys that are trusted, and those that are revoked.
    List,
    /// Trust packages that are signed by this key.
    Trust {
        /// Whose key it is, in your words.
        name: String,
        /// As `key new` printed it: ed25519:BASE64.
        key: String,
    },
    /// Trust a key no more, whatever else stands in the file.
    Revoke {
        /// Its 16 hex digits.
        key_id: String,
        /// Why, for whoever reads the file.
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) fn run(common: &Common, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::New { name, into } => new(common, &name, &into),
        KeyCommand::List => list(common),
        KeyCommand::Trust { name, key } => trust(common, name, &key),
        KeyCommand::Revoke { key_id, reason } => revoke(common, &key_id, reason),
    }
}

fn new(common: &Common, name: &str, into: &Path) -> Result<(), Failure> {
    let is_plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if name.is_empty() || name.starts_with('.') || !is_plain {
        return Err(Failure::Usage(format!(
            "`{name}` is no name for a key; take letters, digits, `-` and `_`"
        )));
    }
    let key = SigningKey::generate();
    let path = into.join(format!("{name}.key"));
    let pem = key.to_pem().map_err(failed)?;
    write_private(&path, pem.as_bytes())?;
    let public = key.public();
    if common.is_json() {
        let value = json!({
            "path": path,
            "key_id": public.id().as_str(),
            "public_key": public.to_string(),
        });
        return output::print_line(&output::pretty_json(&value)?);
    }
    output::say(&format!(
        "{} signs packages; keep it to yourself. Who wants to load them runs:\n  inkstone plugin key trust {name} {public}",
        path.display()
    ));
    output::print_line(&public.to_string())
}

fn list(common: &Common) -> Result<(), Failure> {
    let policy = plugin_trust::policy(&super::trust_config(common)?)?;
    if common.is_json() {
        let trusted = policy.trusted.iter().map(|one| {
            json!({
                "name": one.name,
                "key_id": one.key.id().as_str(),
                "public_key": one.key.to_string(),
                "revoked": policy.revoked.iter().any(|other| other.key_id == one.key.id()),
            })
        });
        let revoked = policy
            .revoked
            .iter()
            .map(|one| json!({ "key_id": one.key_id.as_str(), "reason": one.reason }));
        let value = json!({
            "trusted": trusted.collect::<Vec<_>>(),
            "revoked": revoked.collect::<Vec<_>>(),
        });
        return output::print_line(&output::pretty_json(&value)?);
    }
    for one in &policy.trusted {
        let id = one.key.id();
        if policy.revoked.iter().all(|other| other.key_id != id) {
            output::print_line(&format!("{id}  trusted  {}  {}", one.name, one.key))?;
        }
    }
    for one in &policy.revoked {
        let known = policy
            .trusted
            .iter()
            .find(|other| other.key.id() == one.key_id);
        let name = known.map_or("-", |known| known.name.as_str());
        let reason = one.reason.as_deref().unwrap_or("no reason given");
        output::print_line(&format!("{}  revoked  {name}  {reason}", one.key_id))?;
    }
    Ok(())
}

fn trust(common: &Common, name: String, key: &str) -> Result<(), Failure> {
    let key: PublicKey = key.parse().map_err(wrongly)?;
    let config = super::trust_config(common)?;
    let policy = plugin_trust::policy(&config)?;
    let id = key.id();
    if policy.revoked.iter().any(|one| one.key_id == id) {
        return Err(Failure::Failed(format!(
            "the key {id} is revoked; take that entry out of {} first if it is to be trusted after all",
            config.keys_file.display()
        )));
    }
    let entry = TrustedKey {
        name,
        key: key.to_string(),
    };
    plugin_keys::trust(&config.keys_file, &entry)?;
    output::print_line(&format!("{id} is trusted ({})", config.keys_file.display()))
}

fn revoke(common: &Common, key_id: &str, reason: Option<String>) -> Result<(), Failure> {
    let key_id: KeyId = key_id.parse().map_err(wrongly)?;
    let config = super::trust_config(common)?;
    let entry = RevokedKey {
        key_id: key_id.to_string(),
        reason,
    };
    plugin_keys::revoke(&config.keys_file, &entry)?;
    output::print_line(&format!(
        "{key_id} is revoked ({}); a running engine acts on it at its next reload",
        config.keys_file.display()
    ))
}

/// A new file that only its owner may read; one that is there already stays.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let told = |error: std::io::Error| {
        Failure::Failed(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{} is there already; take another name", path.display())
            }
            _ => format!("{} cannot be written: {error}", path.display()),
        })
    };
    let mut file = options.open(path).map_err(told)?;
    file.write_all(bytes).map_err(told)?;
    file.sync_all().map_err(told)
}

fn failed(error: inkstone_package::PackageError) -> Failure {
    Failure::Failed(error.to_string())
}

fn wrongly(error: inkstone_package::PackageError) -> Failure {
    Failure::Usage(error.to_string())
}
