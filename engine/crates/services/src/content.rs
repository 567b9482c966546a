//! Articles under the rules of who may read and write them, with every change written as a revision
//! and an event. How an article is stored is the store's business; jobs write theirs through `jobs`.

mod arrival;
mod audited;
mod bulk;
mod check;
mod comments;
mod diff;
mod extras;
mod markdown;
mod merge;
mod policy;
mod publications;
mod reach;
mod related;
mod revisions;
mod shown;
mod slug;
mod status;
mod tags;
mod trash;
mod types;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use inkstone_domain::audit::actions;
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleText, Cause, Extras, Page, PageRequest, Status,
};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::{ArticleId, EventId};
use inkstone_domain::ports::{ArticleStore, ArticleWrite, Clock, ContentTypeStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::provenance::Provenance;
use inkstone_domain::{Error, Result, codes};

pub(crate) use self::arrival::{Arrived, Origin};
pub use self::bulk::{MAX_OPERATIONS, Operation, Outcome, Target};
pub use self::check::MAX_TITLE_CHARS;
pub(crate) use self::check::{check_article, check_comment, check_page, check_project};
pub use self::comments::{Comments, NewComment, NewSuggestion, Place, Placed};
pub use self::diff::{FieldDiff, Piece, PieceKind, RevisionDiff};
pub use self::extras::ExtrasPatch;
pub(crate) use self::markdown::render as render_markdown;
pub use self::markdown::{Heading, Rendered, Stats};
pub use self::merge::{MergeConflict, Merged};
pub use self::publications::{Agenda, Publications};
use self::reach::{Footing, Found};
pub use self::related::{RelatedArticles, RelatedRequest};
pub use self::shown::MediaRef;
pub(crate) use self::slug::{numbered, slug_of};
pub use self::tags::{Retagged, Tags};
pub use self::types::{ContentTypes, NewContentType};
use crate::access::Access;
use crate::media::MediaLibrary;
use crate::policy::Verdict;

/// An article to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewArticle {
    /// `default` where `None`.
    pub project: Option<String>,
    /// From the title where `None`, with a number where others have that one.
    pub slug: Option<String>,
    pub title: String,
    pub summary: String,
    /// CommonMark.
    pub body: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47; `en` where `None`.
    pub language: Option<String>,
    /// As far as the principal could take a draft in one step.
    pub status: Status,
    /// With the status `scheduled`, in the future.
    pub publish_at: Option<DateTime<Utc>>,
    pub extras: Extras,
    /// An article of the principal's and of the same project, or another translation of it.
    pub translation_of: Option<ArticleId>,
}

/// What to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArticlePatch {
    /// Does not follow a change of the title: links to the article must not break.
    pub slug: Option<String>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub body: Option<String>,
    pub tags: Option<Vec<String>>,
    pub meta_description: Option<String>,
    pub language: Option<String>,
    pub status: Option<Status>,
    /// With the status `scheduled`, in the future; another status takes it away.
    pub publish_at: Option<DateTime<Utc>>,
    pub extras: ExtrasPatch,
}

/// A step of an article's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub to: Status,
    /// With the status `scheduled`, in the future.
    pub at: Option<DateTime<Utc>>,
    /// Kept with the revision; at most 2,000 characters.
    pub comment: Option<String>,
}

/// Where articles go that name no project.
pub const DEFAULT_PROJECT: &str = "default";
/// The language of texts that name none.
const DEFAULT_LANGUAGE: &str = "en";
/// How many slugs made from a title are tried.
pub(crate) const SLUG_ATTEMPTS: u32 = 16;
/// How often a change that names no revision is tried again when somebody else was faster.
const CHANGE_ATTEMPTS: usize = 8;

/// What stands behind a slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BySlug {
    Article(Box<Article>),
    /// The article had this slug once; this is where it is now.
    Moved {
        language: String,
        slug: String,
    },
}

/// Settings of articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentConfig {
    /// How long a deleted article can be brought back; `None` is for ever.
    pub trash: Option<Duration>,
}

impl Default for ContentConfig {
    fn default() -> Self {
        Self {
            trash: Some(Duration::from_secs(30 * 24 * 60 * 60)),
        }
    }
}

/// Reads and writes articles in the name of a principal.
pub struct Articles {
    store: Arc<dyn ArticleStore>,
    types: Arc<dyn ContentTypeStore>,
    access: Arc<Access>,
    media: Arc<MediaLibrary>,
    clock: Arc<dyn Clock>,
    config: ContentConfig,
}

impl Articles {
    /// `access` knows the roles in projects, `media` the files that may be covers; `clock` dates the changes.
    pub fn new(
        store: Arc<dyn ArticleStore>,
        types: Arc<dyn ContentTypeStore>,
        access: Arc<Access>,
        media: Arc<MediaLibrary>,
        clock: Arc<dyn Clock>,
        config: ContentConfig,
    ) -> Self {
        Self {
            store,
            types,
            access,
            media,
            clock,
            config,
        }
    }

    /// Stores a new article of the principal's. Needs the role creator, and in a project other than
    /// `default` that of an editor; `not_found` for strangers of the project, `conflict` where it is
    /// archived, `invalid_input` names every wrong field, `slug_taken` a given slug that another
    /// article has or had.
    pub async fn create(&self, principal: &Principal, new: NewArticle) -> Result<Article> {
        policy::check_may_write(principal)?;
        let now = self.clock.now();
        let is_derived = new.slug.is_none();
        let mut article = Article {
            id: ArticleId::new(),
            project: new.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            owner: principal.user,
            slug: new.slug.unwrap_or_else(|| slug_of(&new.title)),
            text: ArticleText {
                title: new.title.trim().to_owned(),
                summary: new.summary,
                body: new.body,
                tags: new.tags,
                meta_description: new.meta_description,
                language: new.language.unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned()),
                status: new.status,
                publish_at: new.publish_at,
                extras: new.extras,
            },
            revision: 1,
            job: None,
            translation_of: None,
            created_at: now,
            updated_at: now,
            trashed_at: None,
        };
        check_article(&article)?;
        let (verdict, review) = self.enter(principal, &article.project).await?;
        let standing = self.standing(principal, &article).await?;
        check_start(Footing { standing, review }, &article, now)?;
        self.check_fields(&article).await?;
        self.check_cover(principal, &article, &article.text.extras.cover)
            .await?;
        if let Some(id) = new.translation_of {
            article.translation_of = Some(self.original_for(principal, id, &article).await?);
        }
        let base = article.slug.clone();
        let mut clashes = 0;
        loop {
            let event = EventBody::article_created(&article);
            let audit = (verdict == Verdict::AllowedAsAdmin)
                .then(|| audited::record(principal, actions::ARTICLE_CREATED, None, &article));
            let write = ArticleWrite {
                audit,
                ..self.write(principal, article.clone(), event)
            };
            match self.store.create_article(write).await {
                Ok(()) => return Ok(article),
                Err(error)
                    if is_derived
                        && error.code() == &codes::SLUG_TAKEN
                        && clashes < SLUG_ATTEMPTS =>
                {
                    clashes += 1;
                    article.slug = numbered(&base, clashes);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Own ones, published ones, those of projects where the principal has a role, and for admins all;
    /// else `not_found`.
    pub async fn get(&self, principal: &Principal, id: ArticleId) -> Result<Article> {
        Ok(self.readable(principal, id).await?.article)
    }

    /// The article of this slug, or where it has moved; `not_found` where it may not be read.
    pub async fn by_slug(
        &self,
        principal: &Principal,
        project: &str,
        language: &str,
        slug: &str,
    ) -> Result<BySlug> {
        let nothing = || {
            Error::new(
                &codes::NOT_FOUND,
                format!(
                    "no article of the project `{project}` has the slug `{slug}` in `{language}`"
                ),
            )
        };
        let article = self.store.article_by_slug(project, language, slug).await?;
        let article = article.ok_or_else(nothing)?;
        let standing = self.standing(principal, &article).await?;
        if !policy::may_read(standing, &article) {
            return Err(nothing());
        }
        let is_here = article.slug == slug && article.text.language.eq_ignore_ascii_case(language);
        Ok(match is_here {
            true => BySlug::Article(Box::new(article)),
            false => BySlug::Moved {
                language: article.text.language,
                slug: article.slug,
            },
        })
    }

    /// The article's body as HTML, with contents and length; for an article that was read. `shown` has
    /// where the files are that its text names, by their addresses there; in the place of others stands
    /// what is said of them.
    pub async fn render(
        &self,
        article: &Article,
        shown: HashMap<String, String>,
    ) -> Result<Rendered> {
        let body = article.text.body.clone();
        off_reactor(move || markdown::render_with(&body, &shown)).await
    }

    /// Changes an article. With `expected_revision` the stored one must be that, else
    /// `revision_mismatch`; with `None` the change is made on whatever is stored. A patch that
    /// changes nothing makes no revision. Its status goes only where [`Articles::transition`] could
    /// take it, what is approved is changed by reviewers only, and what is published by editors.
    pub async fn update(
        &self,
        principal: &Principal,
        id: ArticleId,
        patch: ArticlePatch,
        expected_revision: Option<u64>,
    ) -> Result<Article> {
        if let Some(cover) = &patch.extras.cover {
            let Found { article, standing } = self.readable(principal, id).await?;
            policy::check_has_hands(principal, standing, &article)?;
            if *cover != article.text.extras.cover {
                self.check_cover(principal, &article, cover).await?;
            }
        }
        self.change(principal, id, expected_revision, None, |before, footing| {
            let mut article = before.clone();
            patch.clone().apply(&mut article);
            if article == *before {
                return Ok(None);
            }
            check_article(&article)?;
            self.check_change(footing, before, &article, "/publish_at")?;
            Ok(Some(article))
        })
        .await
    }

    /// Takes an article a step further, or back. `status_not_allowed` names where it may go;
    /// `forbidden` where the step is for others. Conditions as for an update.
    pub async fn transition(
        &self,
        principal: &Principal,
        id: ArticleId,
        transition: Transition,
        expected_revision: Option<u64>,
    ) -> Result<Article> {
        let Transition { to, at, comment } = transition;
        check_comment(comment.as_deref())?;
        self.change(
            principal,
            id,
            expected_revision,
            comment,
            |before, footing| {
                if before.text.status == to && to != Status::Scheduled {
                    status::check_step(to, to, footing.hands(before))?;
                }
                let mut article = before.clone();
                article.text.status = to;
                article.text.publish_at = at;
                self.check_change(footing, before, &article, "/at")?;
                Ok((article != *before).then_some(article))
            },
        )
        .await
    }

    /// Newest first. Who names a project where they have a role sees all of it. Else who is no admin
    /// sees their own and published ones: naming no owner lists their own, unless `status` is
    /// published; naming another owner lists what that one has published. Of the trash everybody sees
    /// their own, editors that of the project they name, and admins all.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: ArticleFilter,
        page: PageRequest,
    ) -> Result<Page<Article>> {
        check_page(&page)?;
        if let Some(project) = &filter.project {
            check_project(project)?;
        }
        let role = match &filter.project {
            Some(project) => policy::role(&self.access, principal, project).await?,
            None => None,
        };
        match policy::visible_filter(principal, role, filter) {
            Some(filter) => self.store.list_articles(filter, page).await,
            None => Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            }),
        }
    }

    /// Where a generated text comes from; `not_found` where a person wrote it. For the owner, members of
    /// the project and admins, since it holds the whole input.
    pub async fn provenance(&self, principal: &Principal, id: ArticleId) -> Result<Provenance> {
        self.inspectable(principal, id).await?;
        self.store.provenance(id).await?.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("the article {id} was written by a person, so it has no provenance"),
            )
        })
    }

    async fn change(
        &self,
        principal: &Principal,
        id: ArticleId,
        expected_revision: Option<u64>,
        comment: Option<String>,
        edit: impl Fn(&Article, Footing) -> Result<Option<Article>>,
    ) -> Result<Article> {
        for _ in 0..CHANGE_ATTEMPTS {
            let found = self.readable(principal, id).await?;
            let Found {
                article: before,
                standing,
            } = found;
            policy::check_has_hands(principal, standing, &before)?;
            let review = self.review_of(&before).await?;
            let footing = Footing { standing, review };
            check_revision(&before, expected_revision)?;
            let Some(edited) = edit(&before, footing)? else {
                return Ok(before);
            };
            if edited.text.extras != before.text.extras {
                self.check_fields(&edited).await?;
            }
            let article = self.next_revision(edited);
            let event = EventBody::article_updated(&article, before.text.status);
            let record = || {
                let action = actions::ARTICLE_CHANGED;
                audited::record(principal, action, Some(&before), &article)
            };
            let write = ArticleWrite {
                comment: comment.clone(),
                audit: (!footing.is_by_right(&before, &article)).then(record),
                ..self.write(principal, article.clone(), event)
            };
            match self.store.update_article(write).await {
                Ok(()) => return Ok(article),
                Err(error) if retries(&error, expected_revision) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended(id))
    }

    fn check_change(
        &self,
        footing: Footing,
        before: &Article,
        after: &Article,
        pointer: &str,
    ) -> Result<()> {
        let hands = footing.hands(before);
        status::check_change(before, after, hands, self.clock.now(), pointer)
    }

    fn next_revision(&self, article: Article) -> Article {
        Article {
            revision: article.revision + 1,
            updated_at: self.clock.now(),
            ..article
        }
    }

    fn write(&self, principal: &Principal, article: Article, body: EventBody) -> ArticleWrite {
        ArticleWrite {
            event: Event {
                id: EventId::new(),
                at: article.updated_at,
                actor: principal.user,
                body,
            },
            article,
            author: principal.user,
            cause: Cause::Person,
            comment: None,
            audit: None,
        }
    }
}

impl ArticlePatch {
    fn apply(self, article: &mut Article) {
        let text = &mut article.text;
        set(&mut article.slug, self.slug);
        set(
            &mut text.title,
            self.title.map(|title| title.trim().to_owned()),
        );
        set(&mut text.summary, self.summary);
        set(&mut text.body, self.body);
        set(&mut text.tags, self.tags);
        set(&mut text.meta_description, self.meta_description);
        set(&mut text.language, self.language);
        if let Some(status) = self.status {
            text.status = status;
            if status != Status::Scheduled {
                text.publish_at = None;
            }
        }
        if self.publish_at.is_some() {
            text.publish_at = self.publish_at;
        }
        self.extras.apply(&mut text.extras);
    }
}

/// A new article is a draft that was taken a step further at once.
fn check_start(footing: Footing, article: &Article, now: DateTime<Utc>) -> Result<()> {
    let mut draft = article.clone();
    draft.text.status = Status::Draft;
    draft.text.publish_at = None;
    let hands = footing.hands(article);
    status::check_change(&draft, article, hands, now, "/publish_at")
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn check_revision(article: &Article, expected: Option<u64>) -> Result<()> {
    match expected {
        Some(expected) if expected != article.revision => Err(Error::new(
            &codes::REVISION_MISMATCH,
            format!(
                "the article {} is at revision {}, not {expected}; read it again and repeat the change on it",
                article.id, article.revision
            ),
        )
        .with_revision(Some(article.revision))),
        _ => Ok(()),
    }
}

/// Somebody else was faster, and the caller named no revision they insist on.
fn retries(error: &Error, expected_revision: Option<u64>) -> bool {
    expected_revision.is_none() && error.code() == &codes::REVISION_MISMATCH
}

/// Long texts take their time.
async fn off_reactor<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(&codes::INTERNAL, "working on the text ended early").with_source(error)
    })
}

fn contended(id: ArticleId) -> Error {
    Error::new(
        &codes::REVISION_MISMATCH,
        format!("others keep changing the article {id}; try again"),
    )
}
