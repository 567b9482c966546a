//! Comments on articles, and suggestions. Whoever sees the past of an article sees what is said about it;
//! its author, reviewers and editors say something, and who may change the text accepts what is suggested.

mod arrival;

use std::ops::Range;
use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::comment::{
    Anchor, Comment, Resolution, Suggestion, SuggestionState, replaced,
};
use inkstone_domain::content::{Article, ArticleText, Page, PageRequest};
use inkstone_domain::ids::{ArticleId, CommentId};
use inkstone_domain::ports::{Clock, CommentStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::check::{Wrong, check_article};
use super::merge::merge;
use super::reach::Found;
use super::status::Hands;
use super::{ArticlePatch, Articles, check_page, off_reactor, policy};

const MAX_BODY_CHARS: usize = 10_000;
const MAX_REPLACEMENT_BYTES: usize = 64 << 10;
/// Longer places are chapters, and nobody comments on those by their words.
const MAX_EXACT_CHARS: usize = 10_000;
const MAX_MENTIONS: usize = 50;

/// A comment to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewComment {
    pub body: String,
    /// Characters of the body of the article; `None` for all of it.
    pub place: Option<Place>,
}

/// A suggestion to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuggestion {
    /// Why; may be empty.
    pub body: String,
    pub place: Place,
    /// Other words for those at the place; may be empty.
    pub replacement: String,
}

/// Characters of the body of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The newest where `None`.
    pub revision: Option<u64>,
    pub range: Range<usize>,
    /// What the caller takes for the words there.
    pub exact: Option<String>,
}

/// A comment, and where it stands in the text as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub comment: Comment,
    /// `None` where it has no anchor, or the words are gone.
    pub range: Option<Range<usize>>,
}

/// Keeps comments.
pub struct Comments {
    store: Arc<dyn CommentStore>,
    articles: Arc<Articles>,
    clock: Arc<dyn Clock>,
}

impl Comments {
    /// `clock` dates what is said.
    pub fn new(
        store: Arc<dyn CommentStore>,
        articles: &Arc<Articles>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            articles: Arc::clone(articles),
            clock: Arc::clone(clock),
        }
    }

    /// Newest first, replies too. For who may see the article's past.
    pub async fn list(
        &self,
        principal: &Principal,
        article: ArticleId,
        page: PageRequest,
    ) -> Result<Page<Placed>> {
        check_page(&page)?;
        let article = self.articles.inspectable(principal, article).await?;
        let Page { items, next_cursor } = self.store.comments(article.id, page).await?;
        let items = off_reactor(move || {
            let body = article.text.body.as_str();
            items.into_iter().map(|it| placed(it, body)).collect()
        });
        Ok(Page {
            items: items.await?,
            next_cursor,
        })
    }

    /// One of them.
    pub async fn get(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
    ) -> Result<Placed> {
        let article = self.articles.inspectable(principal, article).await?;
        let comment = self.of(article.id, id).await?;
        Ok(placed(comment, &article.text.body))
    }

    /// Says something. For the author of the article, reviewers and editors.
    pub async fn write(
        &self,
        principal: &Principal,
        article: ArticleId,
        new: NewComment,
    ) -> Result<Placed> {
        check_body(&new.body, false)?;
        let found = self.enter(principal, article).await?;
        let anchor = match new.place {
            Some(place) => Some(self.anchor(&found.article, place).await?),
            None => None,
        };
        let comment = self.comment(principal, article, new.body, anchor, None);
        self.create(principal, &found, comment).await
    }

    /// Says something to a comment. For the same.
    pub async fn reply(
        &self,
        principal: &Principal,
        article: ArticleId,
        to: CommentId,
        body: String,
    ) -> Result<Placed> {
        check_body(&body, false)?;
        let found = self.enter(principal, article).await?;
        let first = self.of(article, to).await?;
        let comment = Comment {
            // A thread has one level.
            reply_to: Some(first.reply_to.unwrap_or(first.id)),
            ..self.comment(principal, article, body, None, None)
        };
        self.create(principal, &found, comment).await
    }

    /// Suggests other words. For the same.
    pub async fn suggest(
        &self,
        principal: &Principal,
        article: ArticleId,
        new: NewSuggestion,
    ) -> Result<Placed> {
        check_body(&new.body, true)?;
        check_replacement(&new.replacement)?;
        let found = self.enter(principal, article).await?;
        let anchor = self.anchor(&found.article, new.place).await?;
        let suggestion = Suggestion {
            replacement: new.replacement,
            state: SuggestionState::Open,
            decided_by: None,
            decided_at: None,
        };
        let comment = self.comment(principal, article, new.body, Some(anchor), Some(suggestion));
        self.create(principal, &found, comment).await
    }

    /// Changes what was said. For who said it.
    pub async fn edit(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
        body: String,
        expected_revision: Option<u64>,
    ) -> Result<Placed> {
        let found = self.enter(principal, article).await?;
        let stored = self.expected(article, id, expected_revision).await?;
        check_body(&body, stored.suggestion.is_some())?;
        if stored.author != principal.user {
            return Err(forbidden("only who wrote a comment may change its words"));
        }
        let next = Comment {
            mentions: Comment::mentions_of(&body),
            body,
            ..stored.clone()
        };
        self.replace(principal, &found, &stored, next).await
    }

    /// Takes a thread for settled, or opens it again. For the same as writing.
    pub async fn resolve(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
        is_resolved: bool,
    ) -> Result<Placed> {
        let found = self.enter(principal, article).await?;
        let stored = self.of(article, id).await?;
        if stored.reply_to.is_some() {
            return Err(conflict(
                "a reply is settled with its thread; name its first comment",
            ));
        }
        if stored.resolved.is_some() == is_resolved {
            return Ok(placed(stored, &found.article.text.body));
        }
        let resolution = Resolution {
            by: principal.user,
            at: self.clock.now(),
        };
        let next = Comment {
            resolved: is_resolved.then_some(resolution),
            ..stored.clone()
        };
        self.replace(principal, &found, &stored, next).await
    }

    /// Takes a comment away, with its replies. For who said it, and who may change the article.
    pub async fn delete(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
    ) -> Result<()> {
        let found = self.enter(principal, article).await?;
        let stored = self.of(article, id).await?;
        let hands = policy::hands(found.standing, &found.article);
        if stored.author != principal.user && !hands.author {
            return Err(forbidden(
                "only who wrote a comment, and editors, may take it away",
            ));
        }
        let is_by_right = stored.author == principal.user
            || policy::hands_by_right(found.standing, &found.article).author;
        let record = self.record(principal, actions::COMMENT_DELETED, &stored);
        let record = (!is_by_right).then_some(record);
        self.store
            .delete_comment(id, principal.user, record.as_ref())
            .await
    }

    /// Puts the suggested words into the article as it is now, as a new revision. For who may change its
    /// text. `conflict` where others have changed the same words since.
    pub async fn accept(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
    ) -> Result<(Article, Placed)> {
        let found = self.enter(principal, article).await?;
        policy::check_may_change(principal, found.standing, &found.article)?;
        let stored = self.of(article, id).await?;
        let (anchor, suggestion) = open_suggestion(&stored)?;
        let (base, range) = self.read_in(&found.article, anchor).await?;
        let Some(wished) = replaced(&base.body, &range, &suggestion.replacement) else {
            return Err(Error::new(
                &codes::INTERNAL,
                "the revision of a suggestion has not the words it names",
            ));
        };
        let comment = Some(format!("suggestion {id}"));
        let changed = self
            .articles
            .change(principal, article, None, comment, |before, footing| {
                let patch = ArticlePatch {
                    body: Some(wished.clone()),
                    ..ArticlePatch::default()
                };
                let merged = merge(&base, before, patch);
                if !merged.conflicts.is_empty() {
                    return Err(conflict(
                        "others have changed the same words since; change the text by hand, and reject this",
                    ));
                }
                let mut article = before.clone();
                merged.patch.apply(&mut article);
                if article == *before {
                    return Ok(None);
                }
                check_article(&article)?;
                self.articles
                    .check_change(footing, before, &article, "/publish_at")?;
                Ok(Some(article))
            })
            .await?;
        let found = Found {
            article: changed.clone(),
            ..found
        };
        let next = self.decided(principal, &stored, suggestion, SuggestionState::Accepted);
        let placed = self.replace(principal, &found, &stored, next).await?;
        Ok((changed, placed))
    }

    /// Leaves the words as they are. For who may change the text, and who suggested it.
    pub async fn reject(
        &self,
        principal: &Principal,
        article: ArticleId,
        id: CommentId,
    ) -> Result<Placed> {
        let found = self.enter(principal, article).await?;
        let stored = self.of(article, id).await?;
        let (_, suggestion) = open_suggestion(&stored)?;
        let may_change = policy::hands(found.standing, &found.article).author;
        if stored.author != principal.user && !may_change {
            return Err(forbidden(
                "only who suggested it, and editors, may reject a suggestion",
            ));
        }
        let next = self.decided(principal, &stored, suggestion, SuggestionState::Rejected);
        self.replace(principal, &found, &stored, next).await
    }

    /// The text in which the words of a suggestion were read, and their place in it. One that came with an archive may
    /// name a revision that is not here, or is another one: then the article as it is stands for it.
    async fn read_in(
        &self,
        article: &Article,
        anchor: &Anchor,
    ) -> Result<(ArticleText, Range<usize>)> {
        match self.articles.kept(article.id, anchor.revision).await {
            Ok(kept) if anchor.stands_in(&kept.text.body) => {
                return Ok((kept.text, anchor.start..anchor.end));
            }
            Err(error) if error.code() != &codes::NOT_FOUND => return Err(error),
            _ => {}
        }
        let range = anchor.locate(&article.text.body);
        let range = range.ok_or_else(|| {
            conflict("the words are gone; change the text by hand, and reject this")
        })?;
        Ok((article.text.clone(), range))
    }

    /// The article, for who may say something about it.
    async fn enter(&self, principal: &Principal, article: ArticleId) -> Result<Found> {
        let found = self.articles.readable(principal, article).await?;
        policy::check_may_inspect(found.standing, &found.article)?;
        policy::check_may_write(principal)?;
        if !says(policy::hands(found.standing, &found.article)) {
            return Err(forbidden(
                "your role in the project does not allow comments; its owners can change that",
            ));
        }
        self.articles.check_open(&found.article).await?;
        Ok(found)
    }

    async fn of(&self, article: ArticleId, id: CommentId) -> Result<Comment> {
        let comment = self.store.comment(id).await?;
        comment.filter(|it| it.article == article).ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("the article {article} has no comment {id}"),
            )
        })
    }

    async fn expected(
        &self,
        article: ArticleId,
        id: CommentId,
        expected_revision: Option<u64>,
    ) -> Result<Comment> {
        let stored = self.of(article, id).await?;
        match expected_revision {
            Some(expected) if expected != stored.revision => Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the comment {id} is at revision {}, not {expected}; read it again and repeat the change on it",
                    stored.revision
                ),
            )
            .with_revision(Some(stored.revision))),
            _ => Ok(stored),
        }
    }

    async fn anchor(&self, article: &Article, place: Place) -> Result<Anchor> {
        let revision = place.revision.unwrap_or(article.revision);
        let mut wrong = Wrong::default();
        let chars = place.range.end.saturating_sub(place.range.start);
        if chars > MAX_EXACT_CHARS {
            wrong.add(
                "/anchor/end",
                format!("must be at most {MAX_EXACT_CHARS} characters behind `start`"),
            );
            wrong.into_result("the place is not valid as given")?;
            return Err(Error::new(&codes::INVALID_INPUT, "the place is too long"));
        }
        let body = match revision == article.revision {
            true => article.text.body.clone(),
            false => self.articles.kept(article.id, revision).await?.text.body,
        };
        let range = place.range;
        let anchor = off_reactor(move || Anchor::at(&body, revision, range)).await?;
        let Some(anchor) = anchor else {
            wrong.add(
                "/anchor",
                "must be characters of the body, `start` before `end`",
            );
            wrong.into_result("the place is not valid as given")?;
            return Err(Error::new(&codes::INVALID_INPUT, "there is no such place"));
        };
        if place.exact.is_some_and(|exact| exact != anchor.exact) {
            wrong.add(
                "/anchor/exact",
                format!("is not what stands there in revision {revision}"),
            );
            wrong.into_result("the place is not valid as given")?;
        }
        Ok(anchor)
    }

    fn comment(
        &self,
        principal: &Principal,
        article: ArticleId,
        body: String,
        anchor: Option<Anchor>,
        suggestion: Option<Suggestion>,
    ) -> Comment {
        let now = self.clock.now();
        Comment {
            id: CommentId::new(),
            article,
            author: principal.user,
            mentions: Comment::mentions_of(&body),
            body,
            reply_to: None,
            anchor,
            suggestion,
            resolved: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    fn decided(
        &self,
        principal: &Principal,
        stored: &Comment,
        suggestion: &Suggestion,
        state: SuggestionState,
    ) -> Comment {
        let now = self.clock.now();
        Comment {
            suggestion: Some(Suggestion {
                state,
                decided_by: Some(principal.user),
                decided_at: Some(now),
                ..suggestion.clone()
            }),
            resolved: Some(Resolution {
                by: principal.user,
                at: now,
            }),
            ..stored.clone()
        }
    }

    async fn create(
        &self,
        principal: &Principal,
        found: &Found,
        comment: Comment,
    ) -> Result<Placed> {
        let record = self.record(principal, actions::COMMENT_WRITTEN, &comment);
        let record = (!is_by_right(found)).then_some(record);
        self.store.create_comment(&comment, record.as_ref()).await?;
        Ok(placed(comment, &found.article.text.body))
    }

    async fn replace(
        &self,
        principal: &Principal,
        found: &Found,
        stored: &Comment,
        next: Comment,
    ) -> Result<Placed> {
        let next = Comment {
            revision: stored.revision + 1,
            updated_at: self.clock.now(),
            ..next
        };
        let record = self.record(principal, actions::COMMENT_CHANGED, &next);
        let record = (!is_by_right(found)).then_some(record);
        self.store
            .update_comment(&next, principal.user, record.as_ref())
            .await?;
        Ok(placed(next, &found.article.text.body))
    }

    fn record(&self, principal: &Principal, action: &str, comment: &Comment) -> AuditRecord {
        let subject = format!("comment:{}", comment.id);
        AuditRecord::by(principal, self.clock.now(), action, subject)
            .on_behalf_of(comment.author)
            .with_detail(format!("on {}, as admin", comment.article))
    }
}

fn says(hands: Hands) -> bool {
    hands.author || hands.reviewer
}

/// Whether they may say something without being an admin.
fn is_by_right(found: &Found) -> bool {
    says(policy::hands_by_right(found.standing, &found.article))
}

fn placed(comment: Comment, body: &str) -> Placed {
    Placed {
        range: comment.anchor.as_ref().and_then(|it| it.locate(body)),
        comment,
    }
}

fn open_suggestion(comment: &Comment) -> Result<(&Anchor, &Suggestion)> {
    match (&comment.anchor, &comment.suggestion) {
        (Some(anchor), Some(suggestion)) if suggestion.state == SuggestionState::Open => {
            Ok((anchor, suggestion))
        }
        (_, Some(_)) => Err(conflict("the suggestion was accepted or rejected already")),
        _ => Err(conflict("the comment suggests nothing")),
    }
}

fn check_body(body: &str, may_be_empty: bool) -> Result<()> {
    let mut wrong = Wrong::default();
    if body.chars().count() > MAX_BODY_CHARS || body.trim().is_empty() && !may_be_empty {
        wrong.add(
            "/body",
            format!("must have 1 to {MAX_BODY_CHARS} characters"),
        );
    }
    if Comment::mentions_of(body).len() > MAX_MENTIONS {
        wrong.add(
            "/body",
            format!("must mention at most {MAX_MENTIONS} people"),
        );
    }
    wrong.into_result("the comment is not valid as given")
}

fn check_replacement(replacement: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    if replacement.len() > MAX_REPLACEMENT_BYTES {
        let most = format!("must have at most {MAX_REPLACEMENT_BYTES} bytes");
        wrong.add("/replacement", most);
    }
    wrong.into_result("the suggestion is not valid as given")
}

fn forbidden(why: &str) -> Error {
    Error::new(&codes::FORBIDDEN, why)
}

fn conflict(why: &str) -> Error {
    Error::new(&codes::CONFLICT, why)
}
