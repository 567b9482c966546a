//! The tables `transfer` and `transfer_line`. A step of an import is one transaction: its lines, how far the
//! import is, and the article or the file they tell of.

mod row;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Article, Page, PageRequest};
use inkstone_domain::ids::{ArticleId, ImportId, UserId};
use inkstone_domain::job::{JobError, JobStatus};
use inkstone_domain::ports::{Arrival, ImportChange, ImportStep, TransferStore};
use inkstone_domain::transfer::{Counts, FormerSlug, Import, ReportLine};
use surrealdb::types::SurrealValue;

use self::row::{CountsRow, ImportRow, LineRow};
use crate::articles::{CREATE_ARTICLE, REPLACE_ARTICLE, bind_write, read_all};
use crate::audit::{audited, transaction};
use crate::comments;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::media;
use crate::pages::Place;
use crate::provenance::{CREATE_PROVENANCE, ProvenanceRow};
use crate::revisions::RevisionRow;
use crate::row::unreadable;
use crate::statement::Statement;

const CREATE_IMPORT: &str = "
    CREATE type::record('transfer', $row.key) CONTENT $row RETURN NONE;
";
/// First part of every step: whoever is at another place than the import has lost it.
const TAKE_STEP: &str = "
    LET $import = SELECT open, position FROM ONLY type::record('transfer', $key);
    IF $import = NONE { THROW 'refused:not_found' };
    IF $import.open = false OR $import.position != $after { THROW 'refused:lease_lost' };
    FOR $line IN $lines {
        CREATE type::record('transfer_line', [$key, $line.number]) CONTENT $line RETURN NONE;
    };
    UPDATE type::record('transfer', $key) SET
        status = 'running',
        position += array::len($lines),
        created += $counts.created,
        updated += $counts.updated,
        unchanged += $counts.unchanged,
        skipped += $counts.skipped,
        refused += $counts.refused
        RETURN NONE;
";
/// What comes with a new article that has a past.
const PUT_PAST: &str = "
    FOR $one IN $past {
        CREATE type::record('article_revision', [$one.article, $one.revision])
            CONTENT $one RETURN NONE;
    };
    FOR $one IN $former {
        LET $former_id = type::record('article_slug', [$article.project, $one.language, $one.slug]);
        IF record::exists($former_id) = false {
            CREATE $former_id CONTENT { article: $article.key } RETURN NONE;
        };
    };
";
const END_IMPORT: &str = "{
    LET $import = SELECT * FROM ONLY type::record('transfer', $key);
    IF $import = NONE { THROW 'refused:not_found' };
    IF $import.open {
        UPDATE type::record('transfer', $key) SET
            open = false, status = $status, error_code = $code, error_message = $message,
            finished_at = $at RETURN NONE;
    };
    RETURN SELECT * FROM ONLY type::record('transfer', $key);
}";

/// Ids are times, and an import ends after its id was made; so whatever ended long ago is at the front.
const ENDED: &str = "
    SELECT key, position FROM type::record('transfer', $first..$last)
    WHERE open = false AND finished_at < $before LIMIT $limit
";
/// Of a report.
const FORGET_LINES: &str = "{
    LET $old = SELECT VALUE id FROM type::record('transfer_line', [$key, $first]..[$key, $behind]);
    DELETE $old RETURN NONE;
    RETURN NONE;
}";
const FORGET_IMPORT: &str = "{
    DELETE type::record('transfer', $key) RETURN NONE;
    RETURN NONE;
}";
/// In one transaction.
const FORGOTTEN_LINES: u64 = 1_000;

#[derive(SurrealValue)]
struct EndedRow {
    key: String,
    position: u64,
}

#[derive(SurrealValue)]
struct FormerRow {
    language: String,
    slug: String,
}

#[async_trait]
impl TransferStore for SurrealStore {
    async fn create_import(&self, import: &Import, audit: &AuditRecord) -> Result<()> {
        let statement = audited(CREATE_IMPORT, audit)
            .about(subject(import.id))
            .bind("row", ImportRow::from(import));
        Ok(self.write(statement).await?)
    }

    async fn import(&self, id: ImportId) -> Result<Option<Import>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('transfer', $key)")
            .bind("key", id.to_string());
        let row: Option<ImportRow> = self.read(statement).await?;
        Ok(row.map(Import::try_from).transpose()?)
    }

    async fn list_imports(&self, project: &str, page: PageRequest) -> Result<Page<Import>> {
        let place: Place<ImportId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM transfer WHERE project = $project {beginning} ORDER BY key DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("project", project)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<ImportRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |import: &Import| import.id))
    }

    async fn open_imports(&self, engine: &str) -> Result<Vec<Import>> {
        let statement = Statement::new(
            "SELECT * FROM transfer WHERE open = true AND engine = $engine ORDER BY key",
        )
        .bind("engine", engine);
        let rows: Vec<ImportRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn open_imports_of(&self, owner: UserId, limit: usize) -> Result<Vec<Import>> {
        let statement = Statement::new(
            "SELECT * FROM transfer WITH INDEX transfer_open \
             WHERE open = true AND owner = $owner ORDER BY key LIMIT $limit",
        )
        .bind("owner", owner.to_string())
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<ImportRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn take_step(&self, step: ImportStep) -> Result<()> {
        let ImportStep {
            import,
            after,
            lines,
            change,
        } = step;
        let mut counts = Counts::default();
        for line in &lines {
            counts.add(line.outcome);
        }
        let rows: Vec<LineRow> = lines
            .into_iter()
            .map(|line| LineRow::of(import, line))
            .collect();
        let changes = matches!(
            change,
            Some(ImportChange::CreateArticle(_) | ImportChange::UpdateArticle(_))
        );
        let statement = match change {
            None => transaction(TAKE_STEP, None),
            Some(ImportChange::CreateArticle(arrival)) => arriving(*arrival)?,
            Some(ImportChange::CreateMedia(arrival)) => {
                media::arrivals::creating(TAKE_STEP, *arrival)?
            }
            Some(ImportChange::UpdateMedia(arrival)) => {
                media::arrivals::updating(TAKE_STEP, *arrival)?
            }
            Some(ImportChange::CreateComment(arrival)) => comments::creating(TAKE_STEP, *arrival)?,
            Some(ImportChange::UpdateComment(arrival)) => comments::updating(TAKE_STEP, *arrival)?,
            Some(ImportChange::UpdateArticle(write)) => {
                let parts = format!("{TAKE_STEP} {REPLACE_ARTICLE}");
                let statement = transaction(&parts, write.audit.as_ref());
                let subject = format!("article `{}`", write.article.id);
                bind_write(statement.about(subject), *write)?
            }
        };
        let statement = statement
            .bind("key", import.to_string())
            .bind("after", after)
            .bind("lines", rows)
            .bind("counts", CountsRow::from(counts));
        self.write::<()>(statement).await?;
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
        let (code, message) = match error {
            Some(error) => (Some(error.code), Some(error.message)),
            None => (None, None),
        };
        let statement = Statement::new(END_IMPORT)
            .about(subject(id))
            .bind("key", id.to_string())
            .bind("status", status.as_str())
            .bind("code", code)
            .bind("message", message)
            .bind("at", at);
        let row: ImportRow = self.write(statement).await?;
        Ok(Import::try_from(row)?)
    }

    async fn forget_imports(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let statement = Statement::new(ENDED)
            .bind("first", format!("{}_", ImportId::PREFIX))
            .bind("last", ImportId::at(before).to_string())
            .bind("before", before)
            .bind("limit", limit.min(u32::MAX as usize));
        let ended: Vec<EndedRow> = self.read(statement).await?;
        let mut forgotten = 0;
        for EndedRow { key, position } in ended {
            // Small transactions; cut off in between, the import is there still and goes the next time.
            for first in (0..=position).step_by(FORGOTTEN_LINES as usize) {
                let statement = Statement::new(FORGET_LINES)
                    .about("old reports")
                    .bind("key", key.clone())
                    .bind("first", first)
                    .bind("behind", first + FORGOTTEN_LINES);
                self.write::<()>(statement).await?;
            }
            let statement = Statement::new(FORGET_IMPORT)
                .about("old imports")
                .bind("key", key);
            self.write::<()>(statement).await?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    async fn report(&self, id: ImportId, after: u64, limit: usize) -> Result<Vec<ReportLine>> {
        // Beyond this there is no number of the database.
        let Ok(after) = i64::try_from(after) else {
            return Ok(Vec::new());
        };
        let statement = Statement::new(
            "SELECT * FROM transfer_line WHERE transfer = $import AND number > $after \
             ORDER BY number LIMIT $limit",
        )
        .bind("import", id.to_string())
        .bind("after", after)
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<LineRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn line_of(&self, id: ImportId, article: ArticleId) -> Result<Option<u64>> {
        let statement = Statement::new(
            "SELECT VALUE number FROM transfer_line WHERE transfer = $import AND article = $article",
        )
        .bind("import", id.to_string())
        .bind("article", article.to_string());
        let numbers: Vec<u64> = self.read(statement).await?;
        Ok(numbers.into_iter().min())
    }

    async fn former_slugs(&self, article: &Article) -> Result<Vec<FormerSlug>> {
        // `[project, language, slug]`
        let statement = Statement::new(
            "SELECT VALUE record::id(id) FROM article_slug WHERE article = $article",
        )
        .bind("article", article.id.to_string());
        let keys: Vec<Vec<String>> = self.read(statement).await?;
        let present = article.text.language.to_ascii_lowercase();
        let mut former = Vec::with_capacity(keys.len());
        for key in keys {
            let Ok([_, language, slug]) = <[String; 3]>::try_from(key) else {
                return Err(unreadable("article_slug", "its id has not three parts").into());
            };
            if slug != article.slug || language != present {
                former.push(FormerSlug { language, slug });
            }
        }
        former.sort();
        Ok(former)
    }
}

/// The step of an article that comes, without what is the step's own.
fn arriving(arrival: Arrival) -> Result<Statement, StoreFailure> {
    let Arrival {
        write,
        past,
        former_slugs,
        provenance,
    } = arrival;
    let told = match &provenance {
        Some(_) => CREATE_PROVENANCE,
        None => "",
    };
    let parts = format!("{TAKE_STEP} {CREATE_ARTICLE} {PUT_PAST} {told}");
    let past: Vec<RevisionRow> = past.into_iter().map(RevisionRow::from).collect();
    let former: Vec<FormerRow> = former_slugs
        .into_iter()
        .map(|former| FormerRow {
            language: former.language,
            slug: former.slug,
        })
        .collect();
    let statement = transaction(&parts, write.audit.as_ref())
        .about(format!("article `{}`", write.article.id))
        .bind("past", past)
        .bind("former", former);
    let statement = match provenance {
        Some(provenance) => statement.bind("provenance", ProvenanceRow::of(&provenance)?),
        None => statement,
    };
    bind_write(statement, write)
}

fn subject(id: ImportId) -> String {
    format!("import `{id}`")
}
