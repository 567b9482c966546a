//! The tables `prompt` and `prompt_version`. A version is written once and never again.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::PromptId;
use inkstone_domain::ports::PromptStore;
use inkstone_domain::prompt::{Prompt, PromptVersion};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, from_json, parse, to_json};
use crate::statement::Statement;

const PROMPT: &str = "prompt";
const VERSION: &str = "prompt_version";

const CREATE_PROMPT: &str = concat!(
    "
    LET $stored = SELECT VALUE key FROM ONLY type::record('prompt', [$row.project, $row.name]);
    IF $stored != NONE { THROW 'refused:already_exists' };
    CREATE type::record('prompt', [$row.project, $row.name]) CONTENT $row RETURN NONE;
    CREATE type::record('prompt_version', [$version.prompt, $version.version])
        CONTENT $version RETURN NONE;
",
    tell!()
);
const ADD_VERSION: &str = concat!(
    "
    LET $stored = SELECT VALUE version FROM ONLY type::record('prompt', [$row.project, $row.name]);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $version.version - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('prompt', [$row.project, $row.name]) CONTENT $row RETURN NONE;
    CREATE type::record('prompt_version', [$version.prompt, $version.version])
        CONTENT $version RETURN NONE;
",
    tell!()
);

#[derive(SurrealValue)]
struct PromptRow {
    key: String,
    project: String,
    name: String,
    version: u32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct VersionRow {
    prompt: String,
    version: u32,
    text: String,
    author: String,
    created_at: DateTime<Utc>,
}

/// Prompts with their newest versions, in no order.
#[derive(SurrealValue)]
struct FoundRow {
    prompts: Vec<PromptRow>,
    versions: Vec<VersionRow>,
}

#[async_trait]
impl PromptStore for SurrealStore {
    async fn create_prompt(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = bound(CREATE_PROMPT, prompt, version, audit)?;
        Ok(self.write(statement).await?)
    }

    async fn add_prompt_version(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = bound(ADD_VERSION, prompt, version, audit)?;
        Ok(self.write(statement).await?)
    }

    async fn prompt(&self, project: &str, name: &str) -> Result<Option<Prompt>> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('prompt', [$project, $name])")
                .bind("project", project)
                .bind("name", name);
        let row: Option<PromptRow> = self.read(statement).await?;
        Ok(row.map(Prompt::try_from).transpose()?)
    }

    async fn list_prompts(&self, project: &str, page: PageRequest) -> Result<Page<Prompt>> {
        let place: Place<PromptId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM prompt WHERE project = $project {beginning} ORDER BY key DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("project", project)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<PromptRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |prompt: &Prompt| prompt.id))
    }

    async fn prompt_version(
        &self,
        prompt: PromptId,
        version: u32,
    ) -> Result<Option<PromptVersion>> {
        let statement = Statement::new(
            "SELECT * FROM ONLY type::record('prompt_version', [$prompt, $version])",
        )
        .bind("prompt", prompt.to_string())
        .bind("version", version);
        let row: Option<VersionRow> = self.read(statement).await?;
        Ok(row.map(PromptVersion::try_from).transpose()?)
    }

    async fn prompt_versions(
        &self,
        prompt: PromptId,
        page: PageRequest,
    ) -> Result<Page<PromptVersion>> {
        let place: Place<u32> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND version < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM prompt_version WHERE prompt = $prompt {beginning} \
             ORDER BY version DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("prompt", prompt.to_string())
            .bind("before", place.before)
            .bind("rows", place.rows);
        let rows: Vec<VersionRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |version: &PromptVersion| version.version))
    }
}

impl SurrealStore {
    /// Those of them that there are, with their newest versions.
    pub(crate) async fn prompts_by_id(
        &self,
        ids: &[PromptId],
    ) -> Result<Vec<(Prompt, PromptVersion)>> {
        let keys = ids.iter().map(|id| id.to_string());
        let statement = Statement::new(
            "{
                LET $found = SELECT * FROM prompt WHERE key IN $keys;
                LET $newest = $found.map(|$row| type::record('prompt_version', [$row.key, $row.version]));
                RETURN { prompts: $found, versions: (SELECT * FROM $newest) };
            }",
        )
        .bind("keys", keys.collect::<Vec<_>>());
        let found: FoundRow = self.read(statement).await?;
        let versions: Vec<PromptVersion> = read_all(found.versions)?;
        let mut versions: HashMap<PromptId, PromptVersion> =
            versions.into_iter().map(|one| (one.prompt, one)).collect();
        let prompts: Vec<Prompt> = read_all(found.prompts)?;
        let pairs = prompts.into_iter().filter_map(|prompt| {
            let newest = versions.remove(&prompt.id)?;
            Some((prompt, newest))
        });
        Ok(pairs.collect())
    }
}

fn bound(
    parts: &str,
    prompt: &Prompt,
    version: &PromptVersion,
    audit: &AuditRecord,
) -> RowResult<Statement> {
    audited(parts, audit)
        .about(format!("prompt `{}`", prompt.name))
        .bind("row", PromptRow::from(prompt))
        .bind("version", VersionRow::of(version)?)
        .tell(ScopedEvent::prompt_written(prompt, version, audit))
}

impl From<&Prompt> for PromptRow {
    fn from(prompt: &Prompt) -> Self {
        Self {
            key: prompt.id.to_string(),
            project: prompt.project.clone(),
            name: prompt.name.clone(),
            version: prompt.version,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
        }
    }
}

impl TryFrom<PromptRow> for Prompt {
    type Error = StoreFailure;

    fn try_from(row: PromptRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(PROMPT, &row.key)?,
            project: row.project,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl VersionRow {
    fn of(version: &PromptVersion) -> RowResult<Self> {
        Ok(Self {
            prompt: version.prompt.to_string(),
            version: version.version,
            text: to_json(VERSION, &version.text)?,
            author: version.author.to_string(),
            created_at: version.created_at,
        })
    }
}

impl TryFrom<VersionRow> for PromptVersion {
    type Error = StoreFailure;

    fn try_from(row: VersionRow) -> RowResult<Self> {
        Ok(Self {
            prompt: parse(VERSION, &row.prompt)?,
            version: row.version,
            text: from_json(VERSION, &row.text)?,
            author: parse(VERSION, &row.author)?,
            created_at: row.created_at,
        })
    }
}
