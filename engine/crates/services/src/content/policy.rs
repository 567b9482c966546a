//! What the rules of `policy` mean for articles: refusals in their words, and lists narrowed to what may
//! be read. Pure, but for the role in the project, which `access` knows.

use inkstone_domain::content::{Article, ArticleFilter, Status};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::principal::Principal;
use inkstone_domain::project::ProjectRole;
use inkstone_domain::{Error, Result, codes};

use super::DEFAULT_PROJECT;
use super::status::Hands;
use crate::access::Access;
use crate::policy::{self, Act, Standing, Verdict};

/// The role that counts for articles: in `default` nobody has one, and what is there is its owner's.
pub async fn role(
    access: &Access,
    principal: &Principal,
    project: &str,
) -> Result<Option<ProjectRole>> {
    match project {
        DEFAULT_PROJECT => Ok(None),
        _ => access.role(principal, project).await,
    }
}

/// What somebody with this role in its project is to an article. In `default` everybody is the editor
/// of their own.
pub fn standing(principal: &Principal, article: &Article, role: Option<ProjectRole>) -> Standing {
    let owns = article.owner == principal.user;
    let role = match article.project.as_str() {
        DEFAULT_PROJECT => owns.then_some(ProjectRole::Editor),
        _ => role,
    };
    Standing::in_project(principal, owns, role)
}

pub fn may_read(standing: Standing, article: &Article) -> bool {
    let act = Act::ReadArticle {
        is_published: is_published(article),
    };
    policy::decide(standing, act).is_allowed()
}

/// Whether the role in the engine is enough to write at all.
pub fn check_may_write(principal: &Principal) -> Result<()> {
    let why = "your role may read only; writing needs the role `creator`";
    policy::check_open(principal, Act::WriteArticle, why)
}

/// For an article the principal may read: whether its text is theirs to change, and whether only
/// because they are an admin.
pub fn check_may_change(
    principal: &Principal,
    standing: Standing,
    article: &Article,
) -> Result<Verdict> {
    check_may_write(principal)?;
    let act = Act::ChangeArticle {
        is_published: is_published(article),
    };
    check(standing, article, act)
}

/// For an article the principal may read: whether any change may be theirs, of the text or of the
/// status. Which one, the rules of the statuses say.
pub fn check_has_hands(principal: &Principal, standing: Standing, article: &Article) -> Result<()> {
    check_may_write(principal)?;
    match hands(standing, article) == Hands::default() {
        true => check_may_change(principal, standing, article).map(drop),
        false => Ok(()),
    }
}

/// What somebody may do with an article.
pub fn hands(standing: Standing, article: &Article) -> Hands {
    hands_where(standing, article, Verdict::is_allowed)
}

/// The same without what only an admin may.
pub fn hands_by_right(standing: Standing, article: &Article) -> Hands {
    hands_where(standing, article, |verdict| verdict == Verdict::Allowed)
}

/// For an article the principal may read: whether they may see where it comes from.
pub fn check_may_inspect(standing: Standing, article: &Article) -> Result<()> {
    let act = Act::InspectArticle {
        is_published: is_published(article),
    };
    check(standing, article, act).map(drop)
}

/// The filter narrowed to what the principal may read; `None` where nothing is left. `role` is theirs in
/// the project that the filter names.
pub fn visible_filter(
    principal: &Principal,
    role: Option<ProjectRole>,
    filter: ArticleFilter,
) -> Option<ArticleFilter> {
    let sees_all = match filter.trashed {
        true => role >= Some(ProjectRole::Editor),
        false => role.is_some(),
    };
    if principal.is_admin() || sees_all {
        return Some(filter);
    }
    if filter.trashed {
        let is_own = filter.owner.is_none_or(|owner| owner == principal.user);
        return is_own.then_some(ArticleFilter {
            owner: Some(principal.user),
            ..filter
        });
    }
    match (filter.owner, filter.status) {
        (Some(owner), _) if owner == principal.user => Some(filter),
        (_, Some(Status::Published)) => Some(filter),
        (None, _) => Some(ArticleFilter {
            owner: Some(principal.user),
            ..filter
        }),
        (Some(_), None) => Some(ArticleFilter {
            status: Some(Status::Published),
            ..filter
        }),
        (Some(_), Some(_)) => None,
    }
}

/// Said for what does not exist and for what must not be seen alike.
pub fn not_found(id: ArticleId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no article {id}"))
}

fn hands_where(standing: Standing, article: &Article, is_given: fn(Verdict) -> bool) -> Hands {
    let is_published = is_published(article);
    let may = |act| is_given(policy::decide(standing, act));
    Hands {
        author: may(Act::ChangeArticle { is_published }),
        reviewer: may(Act::ReviewArticle { is_published }),
        publisher: may(Act::PublishArticle { is_published }),
        needs_review: false,
    }
}

fn check(standing: Standing, article: &Article, act: Act) -> Result<Verdict> {
    let why = match standing.in_project {
        Some(_) => "your role in the project does not allow this; its owners can change that",
        None => "the article belongs to somebody else",
    };
    policy::check(standing, act, why, || not_found(article.id))
}

fn is_published(article: &Article) -> bool {
    article.text.status == Status::Published
}
