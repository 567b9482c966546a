//! What projects say about words. Every search in a project asks, so what was read is kept for a few seconds: changes
//! through this engine hold at once, those through others when they are heard of, or then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ports::{Clock, EngineBus, News, SearchSettingsStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::search::{Lexicon, SearchSettings};
use inkstone_domain::{Error, FieldError, Result, codes};
use quick_cache::sync::Cache;
use serde_json::json;

use crate::access::Access;
use crate::policy::Act;
use crate::projects::{CHANGE_ATTEMPTS, by_right, check_revision, contended, retries};

/// Projects whose words are kept.
const KEPT: usize = 256;
/// How long what another engine changed may still hold here.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(5);
const MAX_STOP_WORDS: usize = 500;
const MAX_GROUPS: usize = 500;
const MAX_GROUP: usize = 20;
const MAX_WORD_CHARS: usize = 100;
/// Longer ones are sentences.
const MAX_TOGETHER: usize = 5;

/// Reads and changes the search settings of projects in the name of a principal.
pub struct Lexicons {
    store: Arc<dyn SearchSettingsStore>,
    access: Arc<Access>,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    known: Cache<Box<str>, Known>,
    /// Rises with every change, so that what was read before one is not kept after it.
    changes: AtomicU64,
}

#[derive(Clone)]
struct Known {
    lexicon: Arc<Lexicon>,
    read_at: DateTime<Utc>,
}

impl Lexicons {
    pub fn new(
        store: Arc<dyn SearchSettingsStore>,
        access: Arc<Access>,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            access,
            bus,
            clock,
            known: Cache::new(KEPT),
            changes: AtomicU64::new(0),
        }
    }

    /// For members of the project; `not_found` for strangers.
    pub async fn settings(&self, principal: &Principal, project: &str) -> Result<SearchSettings> {
        self.access
            .enter(principal, project, Act::SeeProject)
            .await?;
        self.stored(project).await
    }

    /// Replaces them, for editors of the project. With `expected` the stored revision must be that one, else
    /// `revision_mismatch`. The same settings again make no revision.
    pub async fn replace(
        &self,
        principal: &Principal,
        project: &str,
        lexicon: Lexicon,
        expected: Option<u64>,
    ) -> Result<SearchSettings> {
        let (_, verdict) = self
            .access
            .enter_to_change(principal, project, Act::WriteSearchSettings)
            .await?;
        check(&lexicon)?;
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.stored(project).await?;
            check_revision("search settings", before.revision, expected)?;
            if before.lexicon == lexicon {
                return Ok(before);
            }
            let now = self.clock.now();
            let after = SearchSettings {
                project: project.to_owned(),
                lexicon: lexicon.clone(),
                revision: before.revision + 1,
                updated_at: Some(now),
            };
            let action = actions::SEARCH_SETTINGS_CHANGED;
            let audit = AuditRecord::by(principal, now, action, format!("project:{project}"))
                .with_states(Some(&json!(before.lexicon)), Some(&json!(after.lexicon)));
            let audit = by_right(audit, verdict);
            let written = self.store.put_search_settings(&after, &audit).await;
            self.forget(project);
            self.bus.tell(News::Lexicon {
                project: project.to_owned(),
            });
            match written {
                Ok(()) => return Ok(after),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("search settings of", project))
    }

    /// Whether they could be replaced by these, for the same.
    pub(crate) async fn check(
        &self,
        principal: &Principal,
        project: &str,
        lexicon: &Lexicon,
    ) -> Result<()> {
        self.access
            .enter_to_change(principal, project, Act::WriteSearchSettings)
            .await?;
        check(lexicon)
    }

    /// What holds for a search in this project; nothing for who may not see the project.
    pub(super) async fn of(&self, principal: &Principal, project: &str) -> Result<Arc<Lexicon>> {
        let role = self.access.role(principal, project).await?;
        match role.is_some() || principal.is_admin() {
            true => self.kept(project).await,
            false => Ok(Arc::default()),
        }
    }

    async fn kept(&self, project: &str) -> Result<Arc<Lexicon>> {
        let now = self.clock.now();
        if let Some(known) = self.known.get(project)
            && now - known.read_at < KEPT_FOR
        {
            return Ok(known.lexicon);
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let lexicon = Arc::new(self.stored(project).await?.lexicon);
        if self.changes.load(Ordering::SeqCst) == changes {
            let known = Known {
                lexicon: Arc::clone(&lexicon),
                read_at: now,
            };
            self.known.insert(Box::from(project), known);
        }
        // Whoever changed it between the look above and the insertion has found nothing to remove.
        if self.changes.load(Ordering::SeqCst) != changes {
            self.known.remove(project);
        }
        Ok(lexicon)
    }

    async fn stored(&self, project: &str) -> Result<SearchSettings> {
        let stored = self.store.search_settings(project).await?;
        Ok(stored.unwrap_or_else(|| SearchSettings::of(project)))
    }

    /// Another engine has changed everything, as far as anybody knows.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }

    pub(crate) fn forget(&self, project: &str) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.remove(project);
    }
}

/// Every wrong word is named at once.
fn check(lexicon: &Lexicon) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |pointer: String, detail: String| wrong.push(FieldError { pointer, detail });
    if lexicon.stop_words.len() > MAX_STOP_WORDS {
        let detail = format!("must have at most {MAX_STOP_WORDS} words");
        refuse("/stop_words".to_owned(), detail);
    }
    for (at, word) in lexicon.stop_words.iter().enumerate() {
        if let Some(detail) = fault(word, 1) {
            refuse(format!("/stop_words/{at}"), detail);
        }
    }
    if lexicon.synonyms.len() > MAX_GROUPS {
        let detail = format!("must have at most {MAX_GROUPS} groups");
        refuse("/synonyms".to_owned(), detail);
    }
    for (at, group) in lexicon.synonyms.iter().enumerate() {
        let least = if group.of.is_some() { 1 } else { 2 };
        if !(least..=MAX_GROUP).contains(&group.words.len()) {
            let detail = format!("must have from {least} to {MAX_GROUP} words");
            refuse(format!("/synonyms/{at}/words"), detail);
        }
        if let Some(detail) = group.of.as_deref().and_then(|of| fault(of, MAX_TOGETHER)) {
            refuse(format!("/synonyms/{at}/of"), detail);
        }
        for (number, word) in group.words.iter().enumerate() {
            if let Some(detail) = fault(word, MAX_TOGETHER) {
                refuse(format!("/synonyms/{at}/words/{number}"), detail);
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => {
            let message = "the search settings are not valid as given";
            Err(Error::new(&codes::INVALID_INPUT, message).with_fields(wrong))
        }
    }
}

/// What is wrong with a word, or with at most so many together.
fn fault(text: &str, together: usize) -> Option<String> {
    let words = text.split_whitespace().count();
    if !text.contains(char::is_alphanumeric) || text.chars().count() > MAX_WORD_CHARS {
        return Some(format!(
            "must have 1 to {MAX_WORD_CHARS} characters, and a letter or digit among them"
        ));
    }
    (words > together).then(|| match together {
        1 => "must be one word".to_owned(),
        _ => format!("must have at most {together} words"),
    })
}

#[cfg(test)]
mod tests {
    use inkstone_domain::search::Synonyms;

    use super::*;

    #[test]
    fn every_wrong_word_is_named() {
        let lexicon = Lexicon {
            stop_words: vec!["ok".to_owned(), "two words".to_owned(), " - ".to_owned()],
            synonyms: vec![
                Synonyms::mutual(["alone"]),
                Synonyms::one_way("", ["b"]),
                Synonyms::mutual(["a b c d e f".to_owned(), "x".repeat(101)]),
                Synonyms::mutual((0..21).map(|word| word.to_string())),
                Synonyms::mutual(["new york", "nyc"]),
            ],
        };
        let error = check(&lexicon).unwrap_err();
        let pointers: Vec<&str> = error
            .fields()
            .iter()
            .map(|at| at.pointer.as_str())
            .collect();
        assert_eq!(
            pointers,
            [
                "/stop_words/1",
                "/stop_words/2",
                "/synonyms/0/words",
                "/synonyms/1/of",
                "/synonyms/2/words/0",
                "/synonyms/2/words/1",
                "/synonyms/3/words",
            ]
        );
        let many = Lexicon {
            stop_words: vec!["a".to_owned(); 501],
            synonyms: vec![Synonyms::mutual(["a", "b"]); 501],
        };
        assert_eq!(check(&many).unwrap_err().fields().len(), 2);
    }
}
