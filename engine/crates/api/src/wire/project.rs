//! Projects and their members.

use chrono::{DateTime, Utc};
use inkstone_domain::project::{Member, Project, ProjectRole, ProjectSettings, Review};
use inkstone_services::{NewProject, ProjectPatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::object;

/// A project to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProjectBody {
    /// 1 to 100 small letters, digits and `-`. It never changes, and is never free again.
    #[schema(example = "handbook")]
    pub slug: String,
    /// 1 to 100 characters; the slug where it is left out.
    #[serde(default)]
    #[schema(example = "Handbook", min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default, deserialize_with = "object")]
    pub settings: ProjectSettingsBody,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectPatchBody {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// Replaced as a whole.
    #[serde(default)]
    pub settings: Option<ProjectSettingsBody>,
    /// `true` as `DELETE` does; `false` brings the project back.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// What holds in a project where a call says nothing else.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectSettingsBody {
    /// `provider/model` or an alias.
    #[serde(default)]
    #[schema(example = "openai/gpt-4o-mini")]
    pub model: Option<String>,
    /// A prompt of the project, whose system messages begin every chat.
    #[serde(default)]
    #[schema(example = "house-style")]
    pub chat_prompt: Option<String>,
    /// Whether articles must be approved before they are published.
    #[serde(default)]
    pub review: ReviewWord,
}

/// Whether articles need a review before they are published.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReviewWord {
    /// Editors publish what they find right.
    #[default]
    Optional,
    /// Only what was approved is scheduled and published.
    Required,
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectReply {
    #[schema(example = "prj_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    pub slug: String,
    pub name: String,
    pub description: String,
    pub settings: ProjectSettingsBody,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub archived_at: Option<DateTime<Utc>>,
}

/// What a member is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberBody {
    pub role: ProjectRoleWord,
}

/// Somebody in a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberReply {
    /// `usr_…`
    pub user: String,
    pub role: ProjectRoleWord,
    pub revision: u64,
    pub added_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a member may do: each role what those before it may, too.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProjectRoleWord {
    Viewer,
    Reviewer,
    Editor,
    Owner,
}

impl From<NewProjectBody> for NewProject {
    fn from(body: NewProjectBody) -> Self {
        Self {
            slug: body.slug,
            name: body.name,
            description: body.description,
            settings: body.settings.into(),
        }
    }
}

impl From<ProjectPatchBody> for ProjectPatch {
    fn from(body: ProjectPatchBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            settings: body.settings.map(Into::into),
            is_archived: body.archived,
        }
    }
}

impl From<ProjectSettingsBody> for ProjectSettings {
    fn from(body: ProjectSettingsBody) -> Self {
        Self {
            model: body.model,
            chat_prompt: body.chat_prompt,
            review: match body.review {
                ReviewWord::Optional => Review::Optional,
                ReviewWord::Required => Review::Required,
            },
        }
    }
}

impl From<Project> for ProjectReply {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            slug: project.slug,
            name: project.name,
            description: project.description,
            settings: ProjectSettingsBody {
                model: project.settings.model,
                chat_prompt: project.settings.chat_prompt,
                review: match project.settings.review {
                    Review::Optional => ReviewWord::Optional,
                    Review::Required => ReviewWord::Required,
                },
            },
            revision: project.revision,
            created_at: project.created_at,
            updated_at: project.updated_at,
            archived_at: project.archived_at,
        }
    }
}

impl From<Member> for MemberReply {
    fn from(member: Member) -> Self {
        Self {
            user: member.user.to_string(),
            role: member.role.into(),
            revision: member.revision,
            added_at: member.added_at,
            updated_at: member.updated_at,
        }
    }
}

impl From<ProjectRoleWord> for ProjectRole {
    fn from(word: ProjectRoleWord) -> Self {
        match word {
            ProjectRoleWord::Viewer => Self::Viewer,
            ProjectRoleWord::Reviewer => Self::Reviewer,
            ProjectRoleWord::Editor => Self::Editor,
            ProjectRoleWord::Owner => Self::Owner,
        }
    }
}

impl From<ProjectRole> for ProjectRoleWord {
    fn from(role: ProjectRole) -> Self {
        match role {
            ProjectRole::Viewer => Self::Viewer,
            ProjectRole::Reviewer => Self::Reviewer,
            ProjectRole::Editor => Self::Editor,
            ProjectRole::Owner => Self::Owner,
        }
    }
}
