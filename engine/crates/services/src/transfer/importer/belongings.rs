//! What an archive holds beside articles: the project itself, content types, words of searches, prompts and
//! notes. Each is brought to what the archive says by the service that keeps it, and doing so twice changes
//! nothing more.

use chrono::{DateTime, Utc};
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{NoteId, PromptId};
use inkstone_domain::note::{Note, NoteText};
use inkstone_domain::prompt::{Prompt, PromptText};
use inkstone_domain::search::Lexicon;
use inkstone_domain::transfer::Outcome;
use inkstone_domain::{Error, Result, codes};

use super::arrivals::check_number;
use super::{Decision, Run};
use crate::content::NewContentType;
use crate::projects::ProjectPatch;
use crate::prompts::ArrivingVersion;
use crate::transfer::lines::{NoteRecord, PromptPiece, PromptRecord, VersionRecord};
use crate::transfer::piece::{ContentTypePiece, ProjectPiece, wrong};

impl Run<'_> {
    /// A project that nobody has changed since it was made takes what the archive says of it; others
    /// only where they are to be updated.
    pub(super) async fn project(&mut self, piece: &ProjectPiece) -> Result<Decision> {
        let projects = &self.powers.projects;
        let slug = self.import.project.clone();
        let stored = projects.get(&self.principal, &slug).await?;
        let is_same = stored.name == piece.name
            && stored.description == piece.description
            && stored.settings == piece.settings;
        if is_same {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        let is_new = stored.revision == 1 && stored.name == stored.slug;
        if !is_new && let Some(kept) = self.kept("the project") {
            return Ok(kept);
        }
        let patch = ProjectPatch {
            name: Some(piece.name.clone()),
            description: Some(piece.description.clone()),
            settings: Some(piece.settings.clone()),
            is_archived: None,
        };
        if !self.import.dry_run {
            let expected = Some(stored.revision);
            projects
                .update(&self.principal, &slug, patch, expected)
                .await?;
        }
        Ok(Decision::of(Outcome::Updated))
    }

    pub(super) async fn content_type(&mut self, piece: &ContentTypePiece) -> Result<Decision> {
        let types = &self.powers.content_types;
        let new = NewContentType {
            name: piece.name.clone(),
            title: piece.title.clone(),
            schema: piece.schema.clone(),
        };
        match types.get(&piece.name).await {
            Ok(stored) if stored.schema == piece.schema && stored.title == piece.title => {
                Ok(Decision::of(Outcome::Unchanged))
            }
            Ok(stored) => {
                if let Some(kept) = self.kept("the content type") {
                    return Ok(kept);
                }
                self.check_admin()?;
                if !self.import.dry_run {
                    types
                        .replace(&self.principal, new, Some(stored.revision))
                        .await?;
                }
                Ok(Decision::of(Outcome::Updated))
            }
            Err(error) if error.code() == &codes::NOT_FOUND => {
                self.check_admin()?;
                if self.import.dry_run {
                    self.known.types.insert(new.name);
                } else {
                    types.create(&self.principal, new).await?;
                }
                Ok(Decision::of(Outcome::Created))
            }
            Err(error) => Err(error),
        }
    }

    /// Those of a project that never said anything about words are the archive's.
    pub(super) async fn search_settings(&mut self, words: &Lexicon) -> Result<Decision> {
        let lexicons = &self.powers.search.lexicons;
        let project = self.import.project.clone();
        let stored = lexicons.settings(&self.principal, &project).await?;
        if stored.lexicon == *words {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        if stored.revision > 0
            && let Some(kept) = self.kept("what the project says about words")
        {
            return Ok(kept);
        }
        match self.import.dry_run {
            true => lexicons.check(&self.principal, &project, words).await?,
            false => {
                let (words, expected) = (words.clone(), Some(stored.revision));
                lexicons
                    .replace(&self.principal, &project, words, expected)
                    .await?;
            }
        }
        Ok(Decision::of(match stored.revision {
            0 => Outcome::Created,
            _ => Outcome::Updated,
        }))
    }

    /// Versions that are here stay; where they are how the archive's begin, the rest follows them.
    pub(super) async fn prompt(
        &mut self,
        piece: &PromptPiece,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        if piece.versions.is_empty() {
            return Err(wrong("has no versions"));
        }
        let project = self.import.project.clone();
        let PromptRecord { id, name } = piece.record.clone();
        let stored = self.powers.prompt_store.prompt(&project, &name).await?;
        let Some(stored) = stored else {
            let all = self.arriving(&name, &piece.versions, notes).await?;
            let mut all = all.into_iter();
            if !self.import.dry_run
                && let Some(first) = all.next()
            {
                let id = self.prompt_id(id).await?;
                let prompts = &self.powers.prompts;
                let made = prompts.arrive(&self.principal, &project, (id, name), first);
                self.follow(made.await?, all).await?;
            }
            return Ok(Decision::of(Outcome::Created));
        };
        let here = self.versions(&name, stored.version).await?;
        let there: Vec<&PromptText> = piece.versions.iter().map(|it| &it.text).collect();
        let is_beginning = here.iter().eq(there.iter().copied().take(here.len()));
        let missing = match is_beginning {
            true => &piece.versions[here.len()..],
            false => {
                if let Some(kept) = self.kept("the prompt") {
                    return Ok(kept);
                }
                match here.last() == there.last().copied() {
                    true => &[],
                    false => &piece.versions[there.len() - 1..],
                }
            }
        };
        if missing.is_empty() {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        let missing = self.arriving(&name, missing, notes).await?;
        if !self.import.dry_run {
            self.follow(stored, missing).await?;
        }
        Ok(Decision::of(Outcome::Updated))
    }

    async fn follow(
        &self,
        mut prompt: Prompt,
        versions: impl IntoIterator<Item = ArrivingVersion>,
    ) -> Result<()> {
        for version in versions {
            let prompts = &self.powers.prompts;
            prompt = prompts.follow(&self.principal, &prompt, version).await?;
        }
        Ok(())
    }

    /// Versions by who wrote them, as far as they are here, and when. All are checked before any of them is written.
    async fn arriving(
        &mut self,
        name: &str,
        versions: &[VersionRecord],
        notes: &mut Vec<String>,
    ) -> Result<Vec<ArrivingVersion>> {
        let texts = versions.iter().map(|version| version.text.clone());
        let prompts = &self.powers.prompts;
        let project = &self.import.project;
        let checked = prompts.check_arrival(&self.principal, project, name, texts.collect());
        checked.await?;
        let now = self.powers.clock.now();
        let mut arriving = Vec::with_capacity(versions.len());
        for version in versions {
            let author = match version.author {
                Some(author) => self.person(author, "wrote versions of it", notes).await?,
                None => self.principal.user,
            };
            arriving.push(ArrivingVersion {
                text: version.text.clone(),
                author,
                created_at: version.created_at.unwrap_or(now),
            });
        }
        Ok(arriving)
    }

    /// The one that it had, else one that it always has in this project.
    async fn prompt_id(&self, id: Option<PromptId>) -> Result<PromptId> {
        for id in id.into_iter().flat_map(|id| [id, self.prompt_twin(id)]) {
            if !self.powers.prompts.is_taken(id).await? {
                return Ok(id);
            }
        }
        Ok(PromptId::new())
    }

    fn prompt_twin(&self, id: PromptId) -> PromptId {
        let at: DateTime<Utc> = id.0.datetime().into();
        PromptId(self.derived(&id.to_string(), at))
    }

    pub(super) async fn note(
        &mut self,
        record: &NoteRecord,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        check_number("its revision", record.revision)?;
        let now = self.powers.clock.now();
        let author = self.person(record.author, "kept it", notes).await?;
        let created_at = record.created_at.min(now);
        let mut note = Note {
            id: record.id,
            project: self.import.project.clone(),
            text: record.text.clone(),
            found_with: record.found_with.clone(),
            author,
            revision: record.revision,
            created_at,
            updated_at: record.updated_at.min(now).max(created_at),
        };
        let NoteText { title, body, .. } = &mut note.text;
        self.refer_texts(vec![title, body]).await?;
        let before = match self.find_note(record.id).await? {
            (id, None) => {
                note.id = id;
                None
            }
            (_, Some(before)) if before.text == note.text => {
                return Ok(Decision::of(Outcome::Unchanged));
            }
            (_, Some(before)) => {
                if let Some(kept) = self.kept("the note") {
                    return Ok(kept);
                }
                note = Note {
                    text: note.text,
                    revision: before.revision + 1,
                    updated_at: now,
                    ..before.clone()
                };
                Some(before)
            }
        };
        let outcome = match before {
            None => Outcome::Created,
            Some(_) => Outcome::Updated,
        };
        let shelf = &self.powers.notes;
        match self.import.dry_run {
            true => drop(shelf.check_arrival(&self.principal, &note).await?),
            false => {
                let before = before.as_ref();
                shelf.arrive(&self.principal, before, note).await?;
            }
        }
        Ok(Decision::of(outcome))
    }

    /// By its id, or by the one that it has in this project where that is another's.
    async fn find_note(&self, id: NoteId) -> Result<(NoteId, Option<Note>)> {
        let at: DateTime<Utc> = id.0.datetime().into();
        let twin = NoteId(self.derived_own(&id.to_string(), at));
        let mut free = None;
        for id in [id, twin] {
            match self.powers.note_store.note(id).await? {
                None => {
                    free.get_or_insert(id);
                }
                Some(note) if !self.is_ours(&note.project, note.author) => {}
                Some(note) => return Ok((id, Some(note))),
            }
        }
        free.map(|id| (id, None)).ok_or_else(|| {
            let message = format!("the id `{id}` is another note's");
            Error::new(&codes::ALREADY_EXISTS, message)
        })
    }

    /// The first first.
    async fn versions(&self, name: &str, newest: u32) -> Result<Vec<PromptText>> {
        let mut texts = Vec::new();
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let prompts = &self.powers.prompts;
            let project = &self.import.project;
            let found = prompts.versions(&self.principal, project, name, page.clone());
            let found = found.await?;
            texts.extend(found.items.into_iter().map(|version| version.text));
            match found.next_cursor {
                Some(cursor) if texts.len() < newest as usize => page.cursor = Some(cursor),
                _ => break,
            }
        }
        texts.reverse();
        Ok(texts)
    }

    fn check_admin(&self) -> Result<()> {
        match self.principal.is_admin() {
            true => Ok(()),
            false => Err(Error::new(
                &codes::FORBIDDEN,
                "content types are kept by admins; ask one to make it, and import again",
            )),
        }
    }
}
