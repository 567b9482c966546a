//! Notes: what people and research tools have found, kept in projects in the name of a principal. In
//! `default` a note is its author's alone, as an article there is.

mod arrival;
pub(crate) mod check;
mod found;

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::NoteId;
use inkstone_domain::note::{FoundWith, Note, NoteText};
use inkstone_domain::ports::{Clock, NoteStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{DEFAULT_PROJECT, ProjectRole};
use inkstone_domain::research::{Answer, Source};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};

use crate::access::Access;
use crate::content::check_page;
use crate::policy::{self, Act, Standing, Verdict};
use crate::projects::{CHANGE_ATTEMPTS, by_right, check_revision, contended, retries};

/// What is to change of a note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotePatch {
    pub title: Option<String>,
    pub body: Option<String>,
    /// All of them.
    pub sources: Option<Vec<Source>>,
}

/// Keeps notes, and shows them.
pub struct Notes {
    store: Arc<dyn NoteStore>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
}

impl Notes {
    pub fn new(store: Arc<dyn NoteStore>, access: Arc<Access>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            access,
            clock,
        }
    }

    /// For editors of the project.
    pub async fn create(
        &self,
        principal: &Principal,
        project: &str,
        text: NoteText,
    ) -> Result<Note> {
        self.keep(principal, project, text, None).await
    }

    /// Whether somebody may keep what a tool finds for this input, before it is asked: `not_found`, `forbidden` and
    /// `conflict` as for [`Self::create`], `invalid_input` where the input is too large.
    pub(crate) async fn check_may_keep(
        &self,
        principal: &Principal,
        project: &str,
        input: &Value,
    ) -> Result<()> {
        self.may_add(principal, project).await?;
        found::check_input(input)
    }

    /// Keeps what a tool of this title found, as far as a note can hold it. For editors of the project.
    pub(crate) async fn keep_found(
        &self,
        principal: &Principal,
        project: &str,
        tool: &str,
        found_with: FoundWith,
        answer: Answer,
    ) -> Result<Note> {
        let text = found::text_of(tool, &found_with, answer);
        self.keep(principal, project, text, Some(found_with)).await
    }

    /// Newest first. For members of the project; in `default` everybody has their own, and admins all.
    pub async fn list(
        &self,
        principal: &Principal,
        project: &str,
        page: PageRequest,
    ) -> Result<Page<Note>> {
        check_page(&page)?;
        let author = match project == DEFAULT_PROJECT && !principal.is_admin() {
            true => Some(principal.user),
            false => None,
        };
        let entered = self.access.enter(principal, project, Act::SeeProject);
        entered.await?;
        self.store.list_notes(project, author, page).await
    }

    /// For members of the project, and its author.
    pub async fn get(&self, principal: &Principal, project: &str, id: NoteId) -> Result<Note> {
        let (note, _) = self.readable(principal, project, id).await?;
        Ok(note)
    }

    /// With `expected` it must be at that revision. A change that changes nothing is none. For its author, and
    /// editors of the project.
    pub async fn change(
        &self,
        principal: &Principal,
        project: &str,
        id: NoteId,
        patch: NotePatch,
        expected: Option<u64>,
    ) -> Result<Note> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, project, id, expected).await?;
            let text = patched(before.text.clone(), patch.clone());
            check::text(&text)?;
            if text == before.text {
                return Ok(before);
            }
            let after = Note {
                text,
                revision: before.revision + 1,
                updated_at: self.clock.now(),
                ..before.clone()
            };
            let audit = record(principal, actions::NOTE_CHANGED, verdict, &after)
                .with_states(Some(&state(&before)), Some(&state(&after)));
            let changed = self.store.update_note(&after, principal.user, &audit).await;
            match changed {
                Ok(()) => return Ok(after),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("note", &id.to_string()))
    }

    /// With `expected` it must be at that revision. For its author, and editors of the project.
    pub async fn delete(
        &self,
        principal: &Principal,
        project: &str,
        id: NoteId,
        expected: Option<u64>,
    ) -> Result<()> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, project, id, expected).await?;
            let gone = Note {
                updated_at: self.clock.now(),
                ..before.clone()
            };
            let audit = record(principal, actions::NOTE_DELETED, verdict, &gone)
                .with_states(Some(&state(&before)), None);
            let deleted = self.store.delete_note(&before, principal.user, &audit);
            match deleted.await {
                Ok(()) => return Ok(()),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("note", &id.to_string()))
    }

    async fn keep(
        &self,
        principal: &Principal,
        project: &str,
        text: NoteText,
        found_with: Option<FoundWith>,
    ) -> Result<Note> {
        let verdict = self.may_add(principal, project).await?;
        check::text(&text)?;
        let now = self.clock.now();
        let note = Note {
            id: NoteId::new(),
            project: project.to_owned(),
            text,
            found_with,
            author: principal.user,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        let audit = record(principal, actions::NOTE_CREATED, verdict, &note)
            .with_states(None, Some(&state(&note)));
        self.store.create_note(&note, &audit).await?;
        Ok(note)
    }

    async fn may_add(&self, principal: &Principal, project: &str) -> Result<Verdict> {
        let entered = self
            .access
            .enter_to_change(principal, project, Act::AddNote);
        entered.await.map(|(_, verdict)| verdict)
    }

    async fn readable(
        &self,
        principal: &Principal,
        project: &str,
        id: NoteId,
    ) -> Result<(Note, Standing)> {
        let stored = self.store.note(id).await?;
        let there = stored.filter(|note| note.project == project);
        let note = there.ok_or_else(|| not_found(project, id))?;
        let owns = note.author == principal.user;
        let role = match project {
            // Nobody has a role over the notes of others there.
            DEFAULT_PROJECT => owns.then_some(ProjectRole::Editor),
            project => self.access.role(principal, project).await?,
        };
        let standing = Standing::in_project(principal, owns, role);
        policy::check(standing, Act::ReadNote, "", || not_found(project, id))?;
        Ok((note, standing))
    }

    async fn changeable(
        &self,
        principal: &Principal,
        project: &str,
        id: NoteId,
        expected: Option<u64>,
    ) -> Result<(Note, Verdict)> {
        let (note, standing) = self.readable(principal, project, id).await?;
        let why = "your role does not allow this; it needs the role `creator`, and to be the note's author or an editor of its project";
        let verdict = policy::check(standing, Act::ChangeNote, why, || not_found(project, id))?;
        self.access.check_open(project).await?;
        check_revision(&format!("note `{id}`"), note.revision, expected)?;
        Ok((note, verdict))
    }
}

fn patched(text: NoteText, patch: NotePatch) -> NoteText {
    NoteText {
        title: patch.title.unwrap_or(text.title),
        body: patch.body.unwrap_or(text.body),
        sources: patch.sources.unwrap_or(text.sources),
    }
}

fn record(principal: &Principal, action: &str, verdict: Verdict, note: &Note) -> AuditRecord {
    let audit = AuditRecord::by(principal, note.updated_at, action, note.subject())
        .on_behalf_of(note.author)
        .with_detail(format!("in {}", note.project));
    by_right(audit, verdict)
}

/// What is digested of a note.
fn state(note: &Note) -> Value {
    json!({
        "id": note.id,
        "project": note.project,
        "text": note.text,
        "found_with": note.found_with,
        "author": note.author,
        "revision": note.revision,
    })
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(project: &str, id: NoteId) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!("the project `{project}` has no note {id}"),
    )
}
