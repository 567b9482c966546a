//! What an archive holds beside articles: the project itself, content types and prompts. Each is brought
//! to what the archive says by the service that keeps it, and doing so twice changes nothing more.

use inkstone_domain::content::PageRequest;
use inkstone_domain::prompt::PromptText;
use inkstone_domain::transfer::Outcome;
use inkstone_domain::{Error, Result, codes};

use super::{Decision, Run};
use crate::content::NewContentType;
use crate::projects::ProjectPatch;
use crate::transfer::piece::{ContentTypePiece, ProjectPiece, PromptPiece, wrong};

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
                if !self.import.dry_run {
                    types.create(&self.principal, new).await?;
                }
                Ok(Decision::of(Outcome::Created))
            }
            Err(error) => Err(error),
        }
    }

    /// Versions that are here stay; where they are how the archive's begin, the rest follows them.
    pub(super) async fn prompt(&mut self, piece: &PromptPiece) -> Result<Decision> {
        let Some((first, rest)) = piece.versions.split_first() else {
            return Err(wrong("has no versions"));
        };
        let project = self.import.project.clone();
        let stored = self
            .powers
            .prompt_store
            .prompt(&project, &piece.name)
            .await?;
        let prompts = &self.powers.prompts;
        let principal = &self.principal;
        let Some(stored) = stored else {
            if !self.import.dry_run {
                let name = piece.name.clone();
                prompts
                    .create(principal, &project, name, first.clone())
                    .await?;
                self.add_versions(&piece.name, rest).await?;
            }
            return Ok(Decision::of(Outcome::Created));
        };
        let here = self.versions(&piece.name, stored.version).await?;
        if here == piece.versions {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        let missing = match piece.versions.strip_prefix(here.as_slice()) {
            Some(missing) => missing,
            None => {
                if let Some(kept) = self.kept("the prompt") {
                    return Ok(kept);
                }
                piece
                    .versions
                    .last()
                    .map(std::slice::from_ref)
                    .unwrap_or_default()
            }
        };
        if !self.import.dry_run {
            self.add_versions(&piece.name, missing).await?;
        }
        Ok(Decision::of(Outcome::Updated))
    }

    async fn add_versions(&self, name: &str, versions: &[PromptText]) -> Result<()> {
        let prompts = &self.powers.prompts;
        for text in versions {
            let project = &self.import.project;
            prompts
                .add_version(&self.principal, project, name, text.clone(), None)
                .await?;
        }
        Ok(())
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
