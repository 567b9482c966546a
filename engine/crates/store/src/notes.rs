//! The table `note`: what people and research tools have found.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{NoteId, UserId};
use inkstone_domain::note::{Note, NoteText};
use inkstone_domain::ports::NoteStore;
use surrealdb::types::{RecordId, SurrealValue};

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, from_json, parse, to_json};
use crate::statement::Statement;

const TABLE: &str = "note";

const CREATE: &str = concat!(
    "
    IF record::exists(type::record('note', $row.key)) { THROW 'refused:already_exists' };
    CREATE type::record('note', $row.key) CONTENT $row RETURN NONE;
",
    tell!()
);
const UPDATE: &str = concat!(
    "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('note', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('note', $row.key) CONTENT $row RETURN NONE;
",
    tell!()
);
const DELETE: &str = concat!(
    "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('note', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $revision { THROW 'refused:stale:' + <string>$stored };
    DELETE type::record('note', $key) RETURN NONE;
",
    tell!()
);

#[derive(SurrealValue)]
struct NoteRow {
    key: String,
    project: String,
    author: String,
    title: String,
    body: String,
    sources: String,
    found_with: Option<String>,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[async_trait]
impl NoteStore for SurrealStore {
    async fn create_note(&self, note: &Note, audit: &AuditRecord) -> Result<()> {
        let statement = audited(CREATE, audit)
            .about(subject(note.id))
            .bind("row", NoteRow::of(note)?)
            .tell(ScopedEvent::note_created(note, audit))?;
        Ok(self.write(statement).await?)
    }

    async fn update_note(&self, next: &Note, by: UserId, audit: &AuditRecord) -> Result<()> {
        let statement = audited(UPDATE, audit)
            .about(subject(next.id))
            .bind("row", NoteRow::of(next)?)
            .tell(ScopedEvent::note_changed(next, by, audit.at))?;
        Ok(self.write(statement).await?)
    }

    async fn delete_note(&self, note: &Note, by: UserId, audit: &AuditRecord) -> Result<()> {
        let statement = audited(DELETE, audit)
            .about(subject(note.id))
            .bind("key", note.id.to_string())
            .bind("revision", note.revision)
            .tell(ScopedEvent::note_deleted(note, by, audit.at))?;
        Ok(self.write(statement).await?)
    }

    async fn note(&self, id: NoteId) -> Result<Option<Note>> {
        let row: Option<NoteRow> = self.record(TABLE, id.to_string()).await?;
        Ok(row.map(Note::try_from).transpose()?)
    }

    async fn list_notes(
        &self,
        project: &str,
        author: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Note>> {
        let place: Place<NoteId> = Place::of(&page)?;
        let rows: Vec<NoteRow> = self.read(list(project, author, &place)).await?;
        Ok(place.page(read_all(rows)?, |note: &Note| note.id))
    }
}

impl SurrealStore {
    /// Those of them that there are.
    pub(crate) async fn notes_by_id(&self, ids: &[NoteId]) -> Result<Vec<Note>> {
        let records = ids.iter().map(|id| RecordId::new(TABLE, id.to_string()));
        let statement = Statement::new("SELECT * FROM $records WHERE key != NONE")
            .bind("records", records.collect::<Vec<_>>());
        let rows: Vec<NoteRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

/// The page's rows and one more, newest first, read from the index of the project or of the author in it.
pub(crate) fn list(project: &str, author: Option<UserId>, place: &Place<NoteId>) -> Statement {
    let (index, whose) = match author {
        Some(_) => ("note_author", "AND author = $author"),
        None => ("note_project", ""),
    };
    // Where none is given, what comes after all keys.
    let before = place
        .before
        .map_or_else(|| "z".to_owned(), |id| id.to_string());
    Statement::new(format!(
        "SELECT * FROM note WITH INDEX {index} \
         WHERE project = $project {whose} AND key < $before ORDER BY key DESC LIMIT $rows"
    ))
    .bind("project", project)
    .bind("author", author.map(|author| author.to_string()))
    .bind("before", before)
    .bind("rows", place.rows)
}

fn subject(id: NoteId) -> String {
    format!("note `{id}`")
}

impl NoteRow {
    fn of(note: &Note) -> RowResult<Self> {
        let found_with = note.found_with.as_ref();
        Ok(Self {
            key: note.id.to_string(),
            project: note.project.clone(),
            author: note.author.to_string(),
            title: note.text.title.clone(),
            body: note.text.body.clone(),
            sources: to_json(TABLE, &note.text.sources)?,
            found_with: found_with.map(|it| to_json(TABLE, it)).transpose()?,
            revision: note.revision,
            created_at: note.created_at,
            updated_at: note.updated_at,
        })
    }
}

impl TryFrom<NoteRow> for Note {
    type Error = StoreFailure;

    fn try_from(row: NoteRow) -> RowResult<Self> {
        let found_with = row.found_with.as_deref();
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            project: row.project,
            text: NoteText {
                title: row.title,
                body: row.body,
                sources: from_json(TABLE, &row.sources)?,
            },
            found_with: found_with.map(|it| from_json(TABLE, it)).transpose()?,
            author: parse(TABLE, &row.author)?,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
