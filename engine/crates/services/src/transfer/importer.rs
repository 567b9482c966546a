//! Sees one import through: reads its file, decides entry by entry, and writes each step with its lines
//! of the report in one transaction. So an import that was cut off goes on where its report ends, and
//! two that do the same one write nothing twice. What an entry of each kind means is in `arrivals`, `files`,
//! `comments` and `belongings`.

mod arrivals;
mod belongings;
mod comments;
mod files;
mod known;
mod references;

use std::path::PathBuf;
use std::sync::Arc;

use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{
    ArticleStore, Clock, CommentStore, ImportChange, ImportStep, NoteStore, PromptStore,
    TransferStore, UserStore,
};
use inkstone_domain::principal::Principal;
use inkstone_domain::transfer::{Import, OnConflict, Outcome, ReportLine};
use inkstone_domain::{Error, ErrorKind, Result, codes};
use tokio::sync::mpsc;

use self::known::Known;
use super::limits::TransferLimits;
use super::piece::{Content, Entry, Piece, Sink, into_channel};
use super::reading;
use crate::content::{Articles, Comments, ContentTypes};
use crate::media::{MediaLibrary, TakenIn};
use crate::notes::Notes;
use crate::projects::Projects;
use crate::prompts::Prompts;
use crate::search::Search;

/// Entries that are read ahead.
const AHEAD: usize = 8;
/// Lines that wait for others before they are written.
const MAX_WAITING: usize = 200;
/// How often an entry is decided anew when others were faster.
const ATTEMPTS: u32 = 4;

/// What imports are done with.
#[derive(Clone)]
pub struct ImportPowers {
    pub store: Arc<dyn TransferStore>,
    pub article_store: Arc<dyn ArticleStore>,
    pub prompt_store: Arc<dyn PromptStore>,
    pub comment_store: Arc<dyn CommentStore>,
    pub note_store: Arc<dyn NoteStore>,
    pub users: Arc<dyn UserStore>,
    pub articles: Arc<Articles>,
    pub content_types: Arc<ContentTypes>,
    pub projects: Arc<Projects>,
    pub prompts: Arc<Prompts>,
    pub comments: Arc<Comments>,
    pub notes: Arc<Notes>,
    pub search: Arc<Search>,
    pub media: Arc<MediaLibrary>,
    pub clock: Arc<dyn Clock>,
}

/// How the work on an import ended.
#[derive(Debug)]
pub enum End {
    Done,
    /// For good.
    Failed(Error),
    /// Somebody else does it, or it was cancelled.
    Lost,
}

/// What was decided of an entry.
struct Decision {
    outcome: Outcome,
    article: Option<ArticleId>,
    slug: Option<String>,
    /// Why it was refused or skipped.
    why: Option<Error>,
    change: Option<ImportChange>,
}

impl Decision {
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            article: None,
            slug: None,
            why: None,
            change: None,
        }
    }

    fn skipped(why: impl Into<String>) -> Self {
        Self {
            why: Some(Error::new(&codes::UNSUPPORTED, why)),
            ..Self::of(Outcome::Skipped)
        }
    }

    fn refused(why: Error) -> Self {
        Self {
            why: Some(why),
            ..Self::of(Outcome::Refused)
        }
    }
}

/// One import in work.
struct Run<'a> {
    powers: &'a ImportPowers,
    import: Import,
    principal: Principal,
    known: Known,
    /// Lines that are not written yet; they follow the import's position.
    waiting: Vec<ReportLine>,
}

/// Works on an import until it has ended. An error is a fault of ours that may pass; dropped in between, it
/// goes on at the next call where the report ends.
pub async fn run(
    powers: &ImportPowers,
    import: Import,
    principal: Principal,
    path: PathBuf,
    limits: TransferLimits,
    mut progress: impl FnMut(u64) + Send,
) -> Result<End> {
    let (entries, mut found) = mpsc::channel(AHEAD);
    let format = import.format;
    let reader = tokio::task::spawn_blocking(move || {
        let mut put = into_channel(entries);
        reading::read(format, &path, &limits, &mut Sink::new(&limits, &mut put))
    });
    let mut run = Run {
        powers,
        import,
        principal,
        known: Known::default(),
        waiting: Vec::new(),
    };
    while let Some(entry) = found.recv().await {
        progress(entry.number);
        if let Some(end) = run.take(entry).await? {
            return Ok(end);
        }
    }
    if !run.flush(None).await? {
        return Ok(End::Lost);
    }
    match reader.await {
        Ok(Ok(())) => Ok(End::Done),
        Ok(Err(error)) => Ok(End::Failed(error)),
        Err(panicked) => {
            let error = Error::new(&codes::INTERNAL, "reading the file ended early");
            Ok(End::Failed(error.with_source(panicked)))
        }
    }
}

impl Run<'_> {
    /// Decides on an entry and writes it down; how the import ends, if it does there.
    async fn take(&mut self, entry: Entry) -> Result<Option<End>> {
        if let Content::Piece(Piece::Article(article)) = &entry.content
            && let Some(id) = article.record.id
        {
            self.known.entries.entry(id).or_insert(entry.number);
        }
        let is_written = entry.number <= self.import.position;
        if is_written && !self.import.dry_run {
            self.remember(&entry);
            return Ok(None);
        }
        let Entry {
            number,
            name,
            mut content,
            mut notes,
        } = entry;
        let taken = self.take_content(number, &name, &mut content, &mut notes);
        let end = taken.await?;
        // Bytes of what was refused, or is somebody else's by now. After a fault nobody knows what was
        // written; what is not known then is swept away later.
        if let Content::Medium(medium) = content
            && !medium.taken.is_empty()
        {
            let taken: Vec<TakenIn> = medium.taken.into_iter().map(|taken| taken.1).collect();
            self.powers.media.forget_unused(&taken).await?;
        }
        Ok(end)
    }

    /// What was decided of an entry before the import was cut off, as far as later ones need it.
    fn remember(&mut self, entry: &Entry) {
        if let Content::Piece(Piece::Article(article)) = &entry.content
            && let Some(id) = article.record.id
        {
            self.known.add_translation(&article.record, id);
        }
    }

    async fn take_content(
        &mut self,
        number: u64,
        name: &str,
        content: &mut Content,
        notes: &mut Vec<String>,
    ) -> Result<Option<End>> {
        let is_written = number <= self.import.position;
        for attempt in 0.. {
            let decided = self.decide(number, content, notes, attempt).await;
            let mut decision = match decided {
                Ok(decision) => decision,
                Err(error) if is_fault(&error) => return Err(error),
                // Others were faster where what is decided is written at once.
                Err(error) if error.code() == &codes::REVISION_MISMATCH && attempt < ATTEMPTS => {
                    continue;
                }
                Err(error) => Decision::refused(error),
            };
            let fails = decision.outcome == Outcome::Refused
                && self.import.on_conflict == OnConflict::Fail
                && decision
                    .why
                    .as_ref()
                    .is_some_and(|why| why.code() == &codes::ALREADY_EXISTS);
            let change = decision.change.take();
            let reason = decision.why.as_ref().map(Error::to_owned);
            let line = line(number, name, decision, notes);
            // A dry run is decided anew from the start, and written from where it was.
            if is_written {
                return Ok(None);
            }
            self.waiting.push(line);
            let is_full = self.waiting.len() >= MAX_WAITING;
            let change = change.filter(|_| !self.import.dry_run);
            if change.is_none() && !is_full && !fails {
                return Ok(None);
            }
            match self.flush(change).await {
                Ok(true) if fails => {
                    let why = reason.unwrap_or_else(|| Error::new(&codes::CONFLICT, ""));
                    return Ok(Some(End::Failed(why.context(format!("entry {number}")))));
                }
                Ok(true) => return Ok(None),
                Ok(false) => return Ok(Some(End::Lost)),
                Err(error) if is_fault(&error) => return Err(error),
                // Others were faster: what was decided does not hold any more.
                Err(_) if attempt < ATTEMPTS => {
                    self.waiting.pop();
                }
                Err(error) => {
                    self.waiting.pop();
                    let refused = Decision::refused(error);
                    self.waiting.push(self::line(number, name, refused, notes));
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    async fn decide(
        &mut self,
        number: u64,
        content: &mut Content,
        notes: &mut Vec<String>,
        attempt: u32,
    ) -> Result<Decision> {
        match content {
            Content::Medium(medium) => self.medium(medium, notes).await,
            Content::Other(why) => Ok(Decision::skipped(why.clone())),
            Content::Wrong(error) => Ok(Decision::refused(error.clone())),
            Content::Piece(Piece::Article(article)) => {
                self.article(number, article, notes, attempt).await
            }
            Content::Piece(Piece::Project(project)) => self.project(project).await,
            Content::Piece(Piece::ContentType(kind)) => self.content_type(kind).await,
            Content::Piece(Piece::SearchSettings(words)) => self.search_settings(words).await,
            Content::Piece(Piece::Prompt(prompt)) => self.prompt(prompt, notes).await,
            Content::Piece(Piece::Note(note)) => self.note(note, notes).await,
            Content::Piece(Piece::Comment(comment)) => self.comment(comment, notes).await,
            Content::Piece(Piece::Medium(_) | Piece::MediumBytes(_)) => {
                Ok(Decision::skipped("media are taken in from archives only"))
            }
            Content::Piece(Piece::Member(member)) => Ok(Decision::skipped(format!(
                "nobody is made a member by an import; invite `{}` ({}) as {}",
                member.name,
                member.user,
                member.role.as_str()
            ))),
        }
    }

    /// Writes the lines that wait, and the change that the last of them tells of. Whether the import is
    /// still ours.
    async fn flush(&mut self, change: Option<ImportChange>) -> Result<bool> {
        if self.waiting.is_empty() {
            return Ok(true);
        }
        let step = ImportStep {
            import: self.import.id,
            after: self.import.position,
            lines: self.waiting.clone(),
            change,
        };
        let arrived = match &step.change {
            Some(ImportChange::CreateMedia(arrival) | ImportChange::UpdateMedia(arrival)) => {
                Some(arrival.as_ref().clone())
            }
            _ => None,
        };
        match self.powers.store.take_step(step).await {
            Ok(()) => {
                self.import.position += self.waiting.len() as u64;
                self.waiting.clear();
                if let Some(arrival) = arrived {
                    self.powers.media.arrived(arrival).await;
                }
                Ok(true)
            }
            Err(error) if error.code() == &codes::LEASE_LOST => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Not about the entry: the same may succeed later.
fn is_fault(error: &Error) -> bool {
    error.is_transient() || error.kind() == ErrorKind::Internal
}

fn line(number: u64, name: &str, decision: Decision, notes: &[String]) -> ReportLine {
    let Decision {
        outcome,
        article,
        slug,
        why,
        change: _,
    } = decision;
    let code = why.as_ref().filter(|_| outcome == Outcome::Refused);
    let code = code.map(|why| why.code().name.to_owned());
    let words = why.iter().map(Error::message);
    let words: Vec<&str> = words.chain(notes.iter().map(String::as_str)).collect();
    ReportLine {
        number,
        entry: name.to_owned(),
        outcome,
        article,
        slug,
        code,
        message: (!words.is_empty()).then(|| words.join("; ")),
    }
}
