//! The rules as a table: for each act who may know of the thing, the least role in the engine, and who
//! does it by right. Admins do everything else too, and are written down for it.

use inkstone_domain::principal::Role;
use inkstone_domain::project::ProjectRole;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    WriteArticle,
    ReadArticle {
        is_published: bool,
    },
    /// Its revisions and where it comes from.
    InspectArticle {
        is_published: bool,
    },
    ChangeArticle {
        is_published: bool,
    },
    /// Approves it, or gives it back.
    ReviewArticle {
        is_published: bool,
    },
    /// Schedules and publishes it, and takes it from the public.
    PublishArticle {
        is_published: bool,
    },
    /// A new one, in a project other than `default`.
    CreateArticle,
    MakeKey,
    /// In the name of somebody else.
    MakeKeyForOthers,
    SeeKey,
    ChangeKey,
    /// Ends it, and changes nothing else of it.
    RevokeKey,
    /// It spends the project's budget and reads its cached answers.
    PutKeyIntoProject,
    SubmitJob,
    SeeJob,
    CancelJob,
    /// Of what failed: it spends once more.
    RequeueJob,
    SeeSpending,
    SetAllowance,
    ChangePlugins,
    ReadAudit,
    CreateProject,
    SeeProject,
    ChangeProject,
    SetMember,
    /// As a member oneself.
    LeaveProject,
    /// What its words mean to searches.
    WriteSearchSettings,
    ReadPrompt,
    WritePrompt,
    /// Costs tokens.
    TestPrompt,
    /// Into a project; each article then is asked about by itself.
    ImportArticles,
    /// All that is in a project, drafts too.
    ExportArticles,
    /// The project as a whole, out or in: prompts, members' names, revisions.
    MoveArchive,
    StartChat,
    SeeChat,
    ChangeChat,
    AddMedia,
    ReadMedia,
    ChangeMedia,
    AddNote,
    ReadNote,
    ChangeNote,
}

/// A set of people around a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Who signed in.
    Everybody,
    /// Whose thing it is.
    Owner,
    /// Who has at least this role in its project.
    Members(ProjectRole),
    /// Whose thing it is, and who has at least this role in its project.
    OwnerOrMembers(ProjectRole),
    /// Whose thing it is, as long as they have at least this role in its project.
    OwnerAmongMembers(ProjectRole),
    Admins,
}

/// Who may do one thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// All others hear that there is no such thing.
    pub sees: Reach,
    /// In the engine.
    pub needs: Role,
    pub does: Reach,
}

impl Act {
    /// All acts, for tables.
    pub const ALL: [Self; 47] = [
        Self::WriteArticle,
        Self::ReadArticle {
            is_published: false,
        },
        Self::ReadArticle { is_published: true },
        Self::InspectArticle {
            is_published: false,
        },
        Self::InspectArticle { is_published: true },
        Self::ChangeArticle {
            is_published: false,
        },
        Self::ChangeArticle { is_published: true },
        Self::ReviewArticle {
            is_published: false,
        },
        Self::ReviewArticle { is_published: true },
        Self::PublishArticle {
            is_published: false,
        },
        Self::PublishArticle { is_published: true },
        Self::CreateArticle,
        Self::MakeKey,
        Self::MakeKeyForOthers,
        Self::SeeKey,
        Self::ChangeKey,
        Self::RevokeKey,
        Self::PutKeyIntoProject,
        Self::SubmitJob,
        Self::SeeJob,
        Self::CancelJob,
        Self::RequeueJob,
        Self::SeeSpending,
        Self::SetAllowance,
        Self::ChangePlugins,
        Self::ReadAudit,
        Self::CreateProject,
        Self::SeeProject,
        Self::ChangeProject,
        Self::SetMember,
        Self::LeaveProject,
        Self::WriteSearchSettings,
        Self::ReadPrompt,
        Self::WritePrompt,
        Self::TestPrompt,
        Self::ImportArticles,
        Self::ExportArticles,
        Self::MoveArchive,
        Self::StartChat,
        Self::SeeChat,
        Self::ChangeChat,
        Self::AddMedia,
        Self::ReadMedia,
        Self::ChangeMedia,
        Self::AddNote,
        Self::ReadNote,
        Self::ChangeNote,
    ];

    pub(super) fn rule(self) -> Rule {
        use ProjectRole::{Editor, Owner, Reviewer, Viewer as Guest};
        use Reach::{Admins, Everybody, Members, OwnerAmongMembers, OwnerOrMembers};
        use Role::{Admin, Creator, Viewer};
        let rule = |sees, needs, does| Rule { sees, needs, does };
        let readers = |is_published| match is_published {
            true => Everybody,
            false => OwnerOrMembers(Guest),
        };
        match self {
            Self::WriteArticle => rule(Everybody, Creator, Everybody),
            Self::ReadArticle { is_published } => {
                rule(readers(is_published), Viewer, readers(is_published))
            }
            Self::InspectArticle { is_published } => {
                rule(readers(is_published), Viewer, OwnerOrMembers(Guest))
            }
            Self::ChangeArticle { is_published } => {
                rule(readers(is_published), Creator, OwnerOrMembers(Editor))
            }
            Self::ReviewArticle { is_published } => {
                rule(readers(is_published), Creator, Members(Reviewer))
            }
            Self::PublishArticle { is_published } => {
                rule(readers(is_published), Creator, Members(Editor))
            }
            Self::CreateArticle => rule(Members(Guest), Creator, Members(Editor)),
            Self::MakeKey => rule(Everybody, Creator, Everybody),
            Self::MakeKeyForOthers | Self::SetAllowance | Self::ChangePlugins | Self::ReadAudit => {
                rule(Everybody, Admin, Admins)
            }
            Self::SeeKey | Self::RevokeKey => {
                rule(OwnerOrMembers(Owner), Viewer, OwnerOrMembers(Owner))
            }
            Self::ChangeKey => rule(OwnerOrMembers(Owner), Viewer, Reach::Owner),
            Self::SeeJob | Self::CancelJob => rule(Reach::Owner, Viewer, Reach::Owner),
            Self::RequeueJob => rule(Reach::Owner, Creator, Reach::Owner),
            Self::PutKeyIntoProject => rule(Everybody, Creator, Members(Owner)),
            Self::SubmitJob => rule(Everybody, Creator, Everybody),
            Self::SeeSpending => rule(Everybody, Viewer, Reach::Owner),
            Self::CreateProject => rule(Everybody, Creator, Everybody),
            Self::SeeProject => rule(Members(Guest), Viewer, Members(Guest)),
            Self::ChangeProject | Self::SetMember => rule(Members(Guest), Creator, Members(Owner)),
            Self::LeaveProject => rule(Members(Guest), Viewer, Reach::Owner),
            Self::ReadPrompt => rule(Members(Guest), Viewer, Members(Guest)),
            Self::WritePrompt | Self::WriteSearchSettings => {
                rule(Members(Guest), Creator, Members(Editor))
            }
            Self::ImportArticles | Self::ExportArticles => {
                rule(Members(Guest), Creator, Members(Editor))
            }
            Self::MoveArchive => rule(Members(Guest), Creator, Members(Owner)),
            Self::TestPrompt | Self::StartChat => rule(Members(Guest), Creator, Members(Guest)),
            Self::AddMedia | Self::AddNote => rule(Members(Guest), Creator, Members(Editor)),
            Self::ReadMedia | Self::ReadNote => {
                rule(OwnerOrMembers(Guest), Viewer, OwnerOrMembers(Guest))
            }
            Self::ChangeMedia | Self::ChangeNote => {
                rule(OwnerOrMembers(Guest), Creator, OwnerOrMembers(Editor))
            }
            Self::SeeChat | Self::ChangeChat => {
                let own = OwnerAmongMembers(Guest);
                rule(own, Viewer, own)
            }
        }
    }
}
