//! Imports, their reports, and articles that come with a past, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Article, Page, PageRequest};
use inkstone_domain::ids::{ArticleId, ImportId, UserId};
use inkstone_domain::job::{JobError, JobStatus};
use inkstone_domain::ports::{Arrival, ImportChange, ImportStep, TransferStore};
use inkstone_domain::transfer::{FormerSlug, Import, ReportLine};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists, not_found, page_of};

/// An import with its report.
pub(super) struct ImportEntry {
    import: Import,
    lines: Vec<ReportLine>,
}

#[async_trait]
impl TransferStore for MemStore {
    async fn create_import(&self, import: &Import, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.imports.contains_key(&import.id) {
            return Err(already_exists("import", import.id));
        }
        let entry = ImportEntry {
            import: import.clone(),
            lines: Vec::new(),
        };
        state.imports.insert(import.id, entry);
        state.append_audit(audit);
        Ok(())
    }

    async fn import(&self, id: ImportId) -> Result<Option<Import>> {
        let state = self.state();
        Ok(state.imports.get(&id).map(|entry| entry.import.clone()))
    }

    async fn list_imports(&self, project: &str, page: PageRequest) -> Result<Page<Import>> {
        let state = self.state();
        let newest_first = state
            .imports
            .iter()
            .rev()
            .filter(|(_, entry)| entry.import.project == project)
            .map(|(id, entry)| (*id, entry.import.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }

    async fn open_imports(&self, engine: &str) -> Result<Vec<Import>> {
        let state = self.state();
        let all = state.imports.values().map(|entry| &entry.import);
        let open = all.filter(|it| it.engine == engine && !it.status.is_final());
        Ok(open.cloned().collect())
    }

    async fn open_imports_of(&self, owner: UserId, limit: usize) -> Result<Vec<Import>> {
        let state = self.state();
        let all = state.imports.values().map(|entry| &entry.import);
        let open = all.filter(|it| it.owner == owner && !it.status.is_final());
        Ok(open.take(limit).cloned().collect())
    }

    async fn take_step(&self, step: ImportStep) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let entry = state.imports.get(&step.import);
        let entry = entry.ok_or_else(|| not_found("import", step.import))?;
        if entry.import.status.is_final() || entry.import.position != step.after {
            return Err(Error::new(
                &codes::LEASE_LOST,
                "the import has ended, or another worker has taken over",
            ));
        }
        let changes = step.change.is_some();
        match step.change {
            None => {}
            Some(ImportChange::CreateArticle(arrival)) => state.take_arrival(*arrival, now)?,
            Some(ImportChange::UpdateArticle(write)) => state.update_article(*write, now)?,
            Some(ImportChange::CreateMedia(arrival)) => state.create_arrived_media(*arrival)?,
            Some(ImportChange::UpdateMedia(arrival)) => state.update_arrived_media(*arrival)?,
            Some(ImportChange::CreateComment(arrival)) => state.create_arrived_comment(*arrival)?,
            Some(ImportChange::UpdateComment(arrival)) => state.update_arrived_comment(*arrival)?,
        }
        if let Some(entry) = state.imports.get_mut(&step.import) {
            for line in &step.lines {
                entry.import.counts.add(line.outcome);
            }
            entry.import.position += step.lines.len() as u64;
            entry.import.status = JobStatus::Running;
            entry.lines.extend(step.lines);
        }
        drop(state);
        if changes {
            self.nudge();
        }
        Ok(())
    }

    async fn end_import(
        &self,
        id: ImportId,
        status: JobStatus,
        error: Option<JobError>,
        at: DateTime<Utc>,
    ) -> Result<Import> {
        let mut state = self.state();
        let entry = state.imports.get_mut(&id);
        let import = &mut entry.ok_or_else(|| not_found("import", id))?.import;
        if !import.status.is_final() {
            import.status = status;
            import.error = error;
            import.finished_at = Some(at);
        }
        Ok(import.clone())
    }

    async fn forget_imports(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let all = state.imports.values().map(|entry| &entry.import);
        let old = all.filter(|it| it.finished_at.is_some_and(|at| at < before));
        let old: Vec<ImportId> = old.map(|it| it.id).take(limit).collect();
        for id in &old {
            state.imports.remove(id);
        }
        Ok(old.len() as u64)
    }

    async fn report(&self, id: ImportId, after: u64, limit: usize) -> Result<Vec<ReportLine>> {
        let state = self.state();
        let lines = state.imports.get(&id).into_iter();
        let lines = lines.flat_map(|entry| &entry.lines);
        let lines = lines.filter(|line| line.number > after).take(limit);
        Ok(lines.cloned().collect())
    }

    async fn line_of(&self, id: ImportId, article: ArticleId) -> Result<Option<u64>> {
        let state = self.state();
        let lines = state.imports.get(&id).into_iter();
        let mut lines = lines.flat_map(|entry| &entry.lines);
        let line = lines.find(|line| line.article == Some(article));
        Ok(line.map(|line| line.number))
    }

    async fn former_slugs(&self, article: &Article) -> Result<Vec<FormerSlug>> {
        let state = self.state();
        let present = article.text.language.to_ascii_lowercase();
        let own = state.slugs.iter().filter(|(_, id)| **id == article.id);
        let slugs = own.map(|((_, language, slug), _)| FormerSlug {
            language: language.clone(),
            slug: slug.clone(),
        });
        let former = slugs.filter(|it| it.slug != article.slug || it.language != present);
        Ok(former.collect())
    }
}

impl State {
    fn take_arrival(&mut self, arrival: Arrival, now: DateTime<Utc>) -> Result<()> {
        let Arrival {
            write,
            past,
            former_slugs,
            provenance,
        } = arrival;
        let (id, project) = (write.article.id, write.article.project.clone());
        self.create_article(write, now)?;
        self.put_past(id, past);
        for former in former_slugs {
            let key = (project.clone(), former.language, former.slug);
            self.slugs.entry(key).or_insert(id);
        }
        if let Some(provenance) = provenance {
            self.provenance.insert(id, provenance);
        }
        Ok(())
    }
}
