//! Rows of `project` and `member`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::project::{Member, Project, ProjectRole};
use surrealdb::types::SurrealValue;

use super::PROJECT;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, to_json, unknown_word};

const MEMBER: &str = "member";

#[derive(SurrealValue)]
pub(super) struct ProjectRow {
    key: String,
    slug: String,
    name: String,
    description: String,
    settings: String,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    is_archived: bool,
    archived_at: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
pub(super) struct MemberRow {
    pub(super) project: String,
    user: String,
    pub(super) role: String,
    revision: u64,
    added_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ProjectRow {
    pub(super) fn of(project: &Project) -> RowResult<Self> {
        Ok(Self {
            key: project.id.to_string(),
            slug: project.slug.clone(),
            name: project.name.clone(),
            description: project.description.clone(),
            settings: to_json(PROJECT, &project.settings)?,
            revision: project.revision,
            created_at: project.created_at,
            updated_at: project.updated_at,
            is_archived: project.archived_at.is_some(),
            archived_at: project.archived_at,
        })
    }
}

impl TryFrom<ProjectRow> for Project {
    type Error = StoreFailure;

    fn try_from(row: ProjectRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(PROJECT, &row.key)?,
            slug: row.slug,
            name: row.name,
            description: row.description,
            settings: from_json(PROJECT, &row.settings)?,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
        })
    }
}

impl From<&Member> for MemberRow {
    fn from(member: &Member) -> Self {
        Self {
            project: member.project.clone(),
            user: member.user.to_string(),
            role: member.role.as_str().to_owned(),
            revision: member.revision,
            added_at: member.added_at,
            updated_at: member.updated_at,
        }
    }
}

impl TryFrom<MemberRow> for Member {
    type Error = StoreFailure;

    fn try_from(row: MemberRow) -> RowResult<Self> {
        Ok(Self {
            user: parse(MEMBER, &row.user)?,
            role: role_of(&row.role)?,
            project: row.project,
            revision: row.revision,
            added_at: row.added_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) fn role_of(word: &str) -> RowResult<ProjectRole> {
    match word {
        "viewer" => Ok(ProjectRole::Viewer),
        "reviewer" => Ok(ProjectRole::Reviewer),
        "editor" => Ok(ProjectRole::Editor),
        "owner" => Ok(ProjectRole::Owner),
        _ => Err(unknown_word(MEMBER, "role", word)),
    }
}
