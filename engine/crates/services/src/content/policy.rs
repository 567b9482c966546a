//! What the rules of `policy` mean for articles: refusals in their words, and lists narrowed to what may
//! be read.

use inkstone_domain::content::{Article, ArticleFilter, Status};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::DEFAULT_PROJECT;
use super::status::Hands;
use crate::policy::{self, Act, Standing};

pub fn may_read(principal: &Principal, article: &Article) -> bool {
    let act = Act::ReadArticle {
        is_published: is_published(article),
    };
    policy::decide(standing(principal, article), act).is_allowed()
}

pub fn check_may_create(principal: &Principal) -> Result<()> {
    let why = "your role may read only; writing needs the role `creator`";
    policy::check_open(principal, Act::WriteArticle, why)
}

/// For an article the principal may read.
pub fn check_may_change(principal: &Principal, article: &Article) -> Result<()> {
    check_may_create(principal)?;
    let act = Act::ChangeArticle {
        is_published: is_published(article),
    };
    check(principal, article, act)
}

/// What the principal may do with an article. Owners review and publish their own in the project
/// `default`; elsewhere they hand in, and admins review.
pub fn hands(principal: &Principal, article: &Article) -> Hands {
    if principal.is_admin() {
        return Hands {
            author: true,
            reviewer: true,
            express: true,
        };
    }
    let author = principal.can_create() && article.owner == principal.user;
    let publishes = author && article.project == DEFAULT_PROJECT;
    Hands {
        author,
        reviewer: publishes,
        express: publishes,
    }
}

/// For an article the principal may read: owner or admin.
pub fn check_is_own(principal: &Principal, article: &Article) -> Result<()> {
    let act = Act::InspectArticle {
        is_published: is_published(article),
    };
    check(principal, article, act)
}

/// The filter narrowed to what the principal may read; `None` where nothing is left.
pub fn visible_filter(principal: &Principal, filter: ArticleFilter) -> Option<ArticleFilter> {
    if principal.is_admin() {
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

fn check(principal: &Principal, article: &Article, act: Act) -> Result<()> {
    let why = format!("the article {} belongs to somebody else", article.id);
    let hidden = || not_found(article.id);
    policy::check(standing(principal, article), act, &why, hidden).map(drop)
}

fn standing(principal: &Principal, article: &Article) -> Standing {
    Standing::of(principal, article.owner == principal.user)
}

fn is_published(article: &Article) -> bool {
    article.text.status == Status::Published
}

/// Owner or admin.
pub fn is_own(principal: &Principal, article: &Article) -> bool {
    principal.is_admin() || article.owner == principal.user
}
