//! `inkstone audit`: the audit log, checked link by link on this side, and written out.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use futures::StreamExt;
use inkstone_domain::audit::{AuditEntry, AuditHead, BrokenChain, ChainCheck};
use serde_json::json;

use super::connect::Session;
use super::{Common, Failure, output};

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no entry was changed, removed or slipped in.
    Verify(VerifyArgs),
    /// Write the log to standard output, oldest entry first.
    Export(ExportArgs),
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// Check an export (JSON Lines, all of it) instead of the engine's log.
    #[arg(long)]
    file: Option<PathBuf>,
    /// An end of the log that was written down before, as `SEQ:HASH`; it must still be in it.
    #[arg(long, value_parser = parse_head)]
    known: Option<AuditHead>,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only what this user did, `usr_…`.
    #[arg(long)]
    actor: Option<String>,
    /// Only this, such as `key.rotated`.
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this, such as `project:handbook`.
    #[arg(long)]
    subject: Option<String>,
    /// From this instant on, such as `2026-11-01T00:00:00Z`.
    #[arg(long)]
    from: Option<String>,
    /// Before this instant.
    #[arg(long)]
    to: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

pub(crate) async fn run(common: &Common, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify(args) => verify(common, args).await,
        AuditCommand::Export(args) => export(common, args).await,
    }
}

async fn verify(common: &Common, args: VerifyArgs) -> Result<(), Failure> {
    let checked = match args.file {
        Some(file) => {
            let known = args.known;
            let work = move || of_file(&file, Verification::new(known));
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|error| Failure::Panicked(error.to_string()))??
        }
        None => {
            let session = Session::open(common).await?;
            let checked = of_engine(&session, Verification::new(args.known)).await;
            session.close().await;
            checked?
        }
    };
    let head = checked.chain.head();
    if common.is_json() {
        let reply = json!({ "entries": head.seq, "head": head.hash });
        return output::print_line(&output::pretty_json(&reply)?);
    }
    output::print_line(&format!(
        "{} entries, all in place; the end is {}:{}",
        head.seq, head.seq, head.hash
    ))
}

async fn of_engine(session: &Session, mut check: Verification) -> Result<Verification, Failure> {
    // The end is asked for first: what is written meanwhile comes after it.
    let head = session.get("/v1/audit/head").await?;
    let head: AuditHead = serde_json::from_value(head)?;
    let mut lines = session.lines("/v1/audit/export").await?;
    while let Some(line) = lines.next().await {
        check.push(&line?)?;
    }
    check.ends_at_or_after(&head)?;
    check.finish()
}

fn of_file(file: &Path, mut check: Verification) -> Result<Verification, Failure> {
    let unread = |error: std::io::Error| {
        Failure::Failed(format!("`{}` cannot be read: {error}", file.display()))
    };
    let lines = std::io::BufReader::new(std::fs::File::open(file).map_err(unread)?).lines();
    for line in lines {
        check.push(&line.map_err(unread)?)?;
    }
    check.finish()
}

/// A chain, and whether ends of it that are known come by.
struct Verification {
    chain: ChainCheck,
    known: Option<AuditHead>,
}

impl Verification {
    fn new(known: Option<AuditHead>) -> Self {
        Self {
            chain: ChainCheck::default(),
            known,
        }
    }

    fn push(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let entry: AuditEntry = serde_json::from_str(line).map_err(|error| {
            let next = self.chain.head().seq + 1;
            Failure::Failed(format!("entry {next} cannot be read: {error}"))
        })?;
        self.chain.push(&entry).map_err(broken)?;
        let known = self.known.as_ref().filter(|known| known.seq == entry.seq);
        match known {
            Some(known) if known.hash != entry.hash => Err(broken(BrokenChain {
                seq: entry.seq,
                reason: "had another hash when it was written down".to_owned(),
            })),
            _ => Ok(()),
        }
    }

    fn ends_at_or_after(&self, head: &AuditHead) -> Result<(), Failure> {
        let end = self.chain.head();
        let is_whole = end.seq > head.seq || end == head;
        match is_whole {
            true => Ok(()),
            false => Err(broken(BrokenChain {
                seq: end.seq + 1,
                reason: format!("is missing; the log has {} entries", head.seq),
            })),
        }
    }

    fn finish(self) -> Result<Self, Failure> {
        let end = self.chain.head();
        match &self.known {
            Some(known) if known.seq > end.seq => Err(broken(BrokenChain {
                seq: end.seq + 1,
                reason: format!("is missing; there were {} entries once", known.seq),
            })),
            _ => Ok(self),
        }
    }
}

fn broken(chain: BrokenChain) -> Failure {
    Failure::Failed(format!("the audit log is broken: {chain}"))
}

fn parse_head(text: &str) -> Result<AuditHead, String> {
    let parts = text.split_once(':');
    let head = parts.and_then(|(seq, hash)| {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seq = seq.parse().ok().filter(|_| is_hash)?;
        Some(AuditHead {
            seq,
            hash: hash.to_ascii_lowercase(),
        })
    });
    head.ok_or_else(|| "must be `SEQ:HASH`, as `inkstone audit verify` prints it".to_owned())
}

async fn export(common: &Common, args: ExportArgs) -> Result<(), Failure> {
    let format = match args.format {
        Format::Jsonl => "jsonl",
        Format::Csv => "csv",
    };
    let mut query = vec![("format", format)];
    let filters = [
        ("filter[actor]", &args.actor),
        ("filter[action]", &args.action),
        ("filter[subject]", &args.subject),
        ("from", &args.from),
        ("to", &args.to),
    ];
    for (name, value) in filters {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    let path = inkstone_egress::client::with_query("/v1/audit/export", &query);
    let session = Session::open(common).await?;
    let printed = print_lines(&session, &path).await;
    session.close().await;
    printed
}

async fn print_lines(session: &Session, path: &str) -> Result<(), Failure> {
    let mut lines = session.lines(path).await?;
    while let Some(line) = lines.next().await {
        output::print_line(&line?)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use inkstone_domain::audit::{AuditRecord, actions};

    use super::*;

    fn lines(count: u64) -> Vec<String> {
        let mut head = AuditHead::default();
        let entries = (0..count).map(|number| {
            let at = chrono::DateTime::UNIX_EPOCH;
            let record = AuditRecord::of_engine(at, actions::KEY_CREATED, format!("key:{number}"));
            let entry = record.follow(&head);
            head = AuditHead {
                seq: entry.seq,
                hash: entry.hash.clone(),
            };
            serde_json::to_string(&entry).unwrap()
        });
        entries.collect()
    }

    fn verify(lines: &[String], known: Option<AuditHead>) -> Result<u64, String> {
        let mut check = Verification::new(known);
        for line in lines {
            check.push(line).map_err(|failure| failure.to_string())?;
        }
        let whole = check.finish().map_err(|failure| failure.to_string())?;
        Ok(whole.chain.head().seq)
    }

    #[test]
    fn a_known_end_shows_what_a_shorter_or_another_log_hides() {
        let whole = lines(3);
        let end: AuditEntry = serde_json::from_str(&whole[2]).unwrap();
        let known = parse_head(&format!("3:{}", end.hash)).unwrap();
        assert_eq!(verify(&whole, Some(known.clone())), Ok(3));
        assert_eq!(
            verify(&whole[..2], Some(known.clone())),
            Err(
                "the audit log is broken: entry 3: is missing; there were 3 entries once"
                    .to_owned()
            )
        );
        let other = AuditHead {
            hash: "0".repeat(64),
            ..known
        };
        assert_eq!(
            verify(&whole, Some(other)),
            Err(
                "the audit log is broken: entry 3: had another hash when it was written down"
                    .to_owned()
            )
        );
        assert!(parse_head("3:abc").is_err());
    }
}
