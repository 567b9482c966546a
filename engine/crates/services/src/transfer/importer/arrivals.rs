//! What becomes of an article of a file: which one here it is, if any, and what is written.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{Article, ArticleText, Cause, Revision, Status};
use inkstone_domain::digest::sha256;
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{Arrival, ImportChange};
use inkstone_domain::project::{DEFAULT_PROJECT, is_slug};
use inkstone_domain::transfer::{Format, FormerSlug, OnConflict, Outcome};
use inkstone_domain::{Error, Result, codes};
use ulid::Ulid;

use super::{Decision, Run};
use crate::content::{
    Arrived, Origin, SLUG_ATTEMPTS, check_article, check_comment, numbered, slug_of,
};
use crate::transfer::limits::MOST_REVISION;
use crate::transfer::piece::wrong;
use crate::transfer::record::{ArticlePiece, ArticleRecord, RevisionRecord};

/// The language of texts that name none.
const DEFAULT_LANGUAGE: &str = "en";

/// What is here already of an entry.
enum Match {
    /// Nothing; this slug is free.
    None {
        slug: String,
        is_id_taken: bool,
    },
    Article(Box<Article>),
    /// An earlier entry, in a dry run.
    Earlier(ArticleId),
}

impl Run<'_> {
    pub(super) async fn article(
        &mut self,
        number: u64,
        piece: &ArticlePiece,
        notes: &mut Vec<String>,
        attempt: u32,
    ) -> Result<Decision> {
        let mut piece = piece.clone();
        self.refer(&mut piece).await?;
        self.settle_time(&mut piece.record, notes);
        let piece = &piece;
        let record = piece.record.clone();
        let found = self.find(&record, notes).await?;
        let (slug, is_id_taken) = match found {
            Match::None { slug, is_id_taken } => (slug, is_id_taken),
            Match::Article(article) => {
                self.known.add_translation(&record, article.id);
                return self.again(*article, &record, notes).await;
            }
            Match::Earlier(id) => {
                self.known.add_translation(&record, id);
                return Ok(self.by_choice(id, self.known.slug_of(id)));
            }
        };
        // Where the id was given away before, and is forgotten, another one is as good.
        let is_id_taken = is_id_taken || attempt > 0;
        let article = self.new_article(number, &record, slug, is_id_taken).await?;
        let (id, language) = (article.id, article.text.language.clone());
        let slug = article.slug.clone();
        let arrival = self.arrival(article, piece, &record, notes).await?;
        self.known.add_translation(&record, id);
        if self.import.dry_run {
            self.known.add(id, &language, &slug);
        }
        Ok(Decision {
            article: Some(id),
            slug: Some(slug),
            change: Some(ImportChange::CreateArticle(Box::new(arrival))),
            ..Decision::of(Outcome::Created)
        })
    }

    /// What was to be published, and was not, is published.
    fn settle_time(&self, record: &mut ArticleRecord, notes: &mut Vec<String>) {
        let is_past = record
            .publish_at
            .is_some_and(|at| at <= self.powers.clock.now());
        if record.status == Some(Status::Scheduled) && is_past {
            record.status = Some(Status::Published);
            record.publish_at = None;
            add(
                notes,
                "it was scheduled for a time that has passed, and is published now",
            );
        }
    }

    /// By id first, then by slug and language. Nothing of another project is ever a match.
    async fn find(&self, record: &ArticleRecord, notes: &mut Vec<String>) -> Result<Match> {
        let store = &self.powers.article_store;
        let project = &self.import.project;
        let mut is_id_taken = false;
        for id in record.id.iter().flat_map(|id| [*id, self.twin_of(*id)]) {
            if self.known.has(id) {
                return Ok(Match::Earlier(id));
            }
            match store.article(id).await? {
                Some(article) if article.project == *project => {
                    return self.seen(article).await;
                }
                Some(_) => is_id_taken = true,
                None => match store.trashed_article(id).await? {
                    Some(article) if article.project == *project => return Err(in_trash(id)),
                    Some(_) => is_id_taken = true,
                    None => {}
                },
            }
        }
        let title = record.title.as_deref().unwrap_or_default();
        let base = record.slug.clone().unwrap_or_else(|| slug_of(title));
        let language = record.language.as_deref().unwrap_or(DEFAULT_LANGUAGE);
        let mut slug = base.clone();
        for clash in 1..=SLUG_ATTEMPTS {
            let own = self.known.by_slug(language, &slug);
            let stored = store.article_by_slug(project, language, &slug).await?;
            let is_of_this_import = match (&own, &stored) {
                (Some(_), _) => true,
                (None, Some(article)) => self.has_line(article.id).await?,
                (None, None) => return Ok(Match::None { slug, is_id_taken }),
            };
            if !is_of_this_import && let Some(article) = stored {
                return self.seen(article).await;
            }
            // Another entry of the same file: that is not the same article.
            slug = numbered(&base, clash);
            add(notes, "another entry has its slug, so it has a number");
        }
        let message = format!("other entries have the slug `{base}`; give it another");
        Err(Error::new(&codes::SLUG_TAKEN, message))
    }

    async fn seen(&self, article: Article) -> Result<Match> {
        let is_seen = self.powers.articles.is_seen(&self.principal, &article);
        match is_seen.await? {
            true => Ok(Match::Article(Box::new(article))),
            false => Err(Error::new(
                &codes::SLUG_TAKEN,
                "somebody else's article has this slug; give it another",
            )),
        }
    }

    /// Whether an entry of this import became this article.
    async fn has_line(&self, id: ArticleId) -> Result<bool> {
        if self.waiting.iter().any(|line| line.article == Some(id)) {
            return Ok(true);
        }
        let line = self.powers.store.line_of(self.import.id, id);
        Ok(line.await?.is_some())
    }

    /// For one that is here already.
    async fn again(
        &self,
        before: Article,
        record: &ArticleRecord,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        let mut after = before.clone();
        record.apply(&mut after.text);
        after.text.title = after.text.title.trim().to_owned();
        if let Some(slug) = &record.slug {
            after.slug.clone_from(slug);
        }
        if after == before {
            return Ok(Decision {
                article: Some(before.id),
                slug: Some(before.slug),
                ..Decision::of(Outcome::Unchanged)
            });
        }
        let mut decision = self.by_choice(before.id, Some(before.slug.clone()));
        if self.import.on_conflict == OnConflict::Update {
            let articles = &self.powers.articles;
            let arrived = articles.replacement(&self.principal, &before, after, self.origin());
            let Arrived { write, notes: told } = arrived.await?;
            told.iter().for_each(|note| add(notes, note));
            decision.slug = Some(write.article.slug.clone());
            decision.change = Some(ImportChange::UpdateArticle(Box::new(write)));
        }
        Ok(decision)
    }

    /// What `on_conflict` says, without the write.
    fn by_choice(&self, id: ArticleId, slug: Option<String>) -> Decision {
        let decision = match self.import.on_conflict {
            OnConflict::Skip => {
                Decision::skipped("it is here already and differs; `update` would change it")
            }
            OnConflict::Update => Decision::of(Outcome::Updated),
            OnConflict::Fail => Decision::refused(Error::new(
                &codes::ALREADY_EXISTS,
                "it is here already and differs; choose `skip` or `update`",
            )),
        };
        Decision {
            article: Some(id),
            slug,
            ..decision
        }
    }

    async fn new_article(
        &mut self,
        number: u64,
        record: &ArticleRecord,
        slug: String,
        is_id_taken: bool,
    ) -> Result<Article> {
        let now = self.powers.clock.now();
        let created_at = record.created_at.map_or(now, |at| at.min(now));
        let updated_at = record.updated_at.map_or(created_at, |at| at.min(now));
        let id = match record.id {
            Some(id) if !is_id_taken => id,
            Some(id) => self.twin_of(id),
            None => ArticleId(self.derived(&format!("{}#{number}", self.import.id), created_at)),
        };
        let mut text = ArticleText {
            language: DEFAULT_LANGUAGE.to_owned(),
            ..ArticleText::default()
        };
        record.apply(&mut text);
        text.title = text.title.trim().to_owned();
        let owner = match record.owner {
            Some(owner) => self.known_user(owner).await?,
            None => self.principal.user,
        };
        Ok(Article {
            id,
            project: self.import.project.clone(),
            owner,
            slug,
            text,
            revision: 1,
            job: record.job,
            translation_of: None,
            created_at,
            updated_at: updated_at.max(created_at),
            trashed_at: None,
        })
    }

    async fn arrival(
        &mut self,
        mut article: Article,
        piece: &ArticlePiece,
        record: &ArticleRecord,
        notes: &mut Vec<String>,
    ) -> Result<Arrival> {
        let mut past = self.past(&article, piece).await?;
        let newest = past.pop();
        if let Some(newest) = &newest {
            article.revision = newest.revision;
        }
        if let Some(original) = record.translation_of {
            article.translation_of = self.original(original, &article, notes).await?;
        }
        let former_slugs = self.former_slugs(&article, record, notes).await?;
        let provenance = piece.provenance.clone().map(|mut provenance| {
            provenance.article = article.id;
            provenance.revision = provenance.revision.min(article.revision);
            provenance
        });
        // It would be here by now.
        if self.known.types.contains(&article.text.extras.content_type) {
            article.text.extras.content_type.clear();
            article.text.extras.fields.clear();
        }
        let articles = &self.powers.articles;
        let arrived = articles.arrival(&self.principal, article, self.origin());
        let Arrived {
            mut write,
            notes: told,
        } = arrived.await?;
        told.iter().for_each(|note| add(notes, note));
        if let Some(newest) = newest {
            write.author = newest.author;
            write.cause = newest.cause;
            write.comment = newest.comment;
        }
        Ok(Arrival {
            write,
            past,
            former_slugs,
            provenance,
        })
    }

    /// All revisions of the file, checked as if they were written now.
    async fn past(&mut self, article: &Article, piece: &ArticlePiece) -> Result<Vec<Revision>> {
        let mut past = Vec::with_capacity(piece.revisions.len());
        let mut last = 0;
        for one in &piece.revisions {
            check_number("its revision", one.revision)?;
            if one.revision <= last {
                return Err(wrong("its revisions are not in their order"));
            }
            last = one.revision;
            check_article(&Article {
                text: one.text.clone(),
                ..article.clone()
            })
            .map_err(|error| error.context(format!("its revision {last}")))?;
            check_comment(one.comment.as_deref())?;
            past.push(self.revision(article.id, one).await?);
        }
        Ok(past)
    }

    async fn revision(&mut self, article: ArticleId, one: &RevisionRecord) -> Result<Revision> {
        let author = self.known_user(one.author).await?;
        let cause = match &one.cause {
            Cause::Person => Cause::Person,
            Cause::Job { job, plugin } => Cause::Job {
                job: *job,
                plugin: plugin.chars().take(200).collect(),
            },
        };
        Ok(Revision {
            article,
            revision: one.revision,
            author,
            cause,
            comment: one.comment.clone(),
            text: one.text.clone(),
            created_at: one.created_at.min(self.powers.clock.now()),
        })
    }

    /// Nobody but an admin writes in the name of others; and who is not here cannot own anything.
    /// Who did something here of who `did` it there; it is said where that is another.
    pub(super) async fn person(
        &mut self,
        there: UserId,
        did: &str,
        notes: &mut Vec<String>,
    ) -> Result<UserId> {
        let here = self.known_user(there).await?;
        if here != there {
            let note = format!("`{there}` {did}; here that is in the name of who imports it");
            add(notes, &note);
        }
        Ok(here)
    }

    pub(super) async fn known_user(&mut self, user: UserId) -> Result<UserId> {
        if user == self.principal.user || !self.principal.is_admin() {
            return Ok(self.principal.user);
        }
        let is_here = match self.known.users.get(&user) {
            Some(is_here) => *is_here,
            None => {
                let is_here = self.powers.users.user(user).await?.is_some();
                self.known.users.insert(user, is_here);
                is_here
            }
        };
        Ok(if is_here { user } else { self.principal.user })
    }

    /// What a translation belongs to here: the original, else the first of its translations in this file, which
    /// stands for it. `None` for that one itself.
    async fn original(
        &self,
        id: ArticleId,
        article: &Article,
        notes: &mut Vec<String>,
    ) -> Result<Option<ArticleId>> {
        if let Some(original) = self.group_of(id, article).await? {
            return Ok(Some(original));
        }
        if let Some(first) = self.known.translation_of(id)
            && let Some(first) = self.group_of(first, article).await?
        {
            let note = format!("its original `{id}` is not here; it is a translation of `{first}`");
            add(notes, &note);
            return Ok(Some(first));
        }
        let note = format!(
            "its original `{id}` is not here, at least not before it; it stands for that, and other translations follow it"
        );
        add(notes, &note);
        Ok(None)
    }

    /// The original of the article that an id of the file means here, if there is one.
    async fn group_of(&self, id: ArticleId, article: &Article) -> Result<Option<ArticleId>> {
        for id in [id, self.twin_of(id)] {
            if self.known.has(id) {
                return Ok(Some(id));
            }
            let found = self.powers.article_store.article(id).await?;
            if found.is_some_and(|found| found.project == article.project) {
                let articles = &self.powers.articles;
                let original = articles.original_of(&self.principal, id, article);
                return Ok(Some(original.await?));
            }
        }
        Ok(None)
    }

    fn origin(&self) -> Origin {
        match self.import.format {
            Format::Archive => Origin::Archive,
            _ => Origin::Texts,
        }
    }

    async fn former_slugs(
        &self,
        article: &Article,
        record: &ArticleRecord,
        notes: &mut Vec<String>,
    ) -> Result<Vec<FormerSlug>> {
        let mut kept: Vec<FormerSlug> = Vec::new();
        for former in record.former_slugs.iter().flatten().take(100) {
            let language = match former.language.as_str() {
                "" => article.text.language.to_ascii_lowercase(),
                language => language.to_ascii_lowercase(),
            };
            let slug = former.slug.clone();
            let is_present =
                slug == article.slug && language.eq_ignore_ascii_case(&article.text.language);
            if is_present || !is_slug(&slug) {
                continue;
            }
            let store = &self.powers.article_store;
            let holder = store.article_by_slug(&article.project, &language, &slug);
            let holder = holder.await?.map(|holder| holder.id);
            if holder.or(self.known.by_slug(&language, &slug)).is_some() {
                add(
                    notes,
                    &format!("its old slug `{slug}` is another article's"),
                );
                continue;
            }
            let former = FormerSlug { language, slug };
            if !kept.contains(&former) {
                kept.push(former);
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// The id that an article of another project has here: always the same one.
    pub(super) fn twin_of(&self, id: ArticleId) -> ArticleId {
        let at: DateTime<Utc> = id.0.datetime().into();
        ArticleId(self.derived(&id.to_string(), at))
    }

    /// The same of what belongs to somebody in `default`, where everybody has their own.
    pub(super) fn derived_own(&self, id: &str, at: DateTime<Utc>) -> Ulid {
        match self.import.project.as_str() {
            DEFAULT_PROJECT => self.derived(&format!("{id} of {}", self.principal.user), at),
            _ => self.derived(id, at),
        }
    }

    pub(super) fn derived(&self, source: &str, at: DateTime<Utc>) -> Ulid {
        let digest = sha256(format!("{}\n{source}", self.import.project).as_bytes());
        let random = u128::from_str_radix(&digest[..20], 16).unwrap_or_default();
        let at_ms = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        Ulid::from_parts(at_ms, random)
    }
}

/// Of a revision or a version: what comes goes on counting from there.
pub(super) fn check_number(what: &str, number: u64) -> Result<()> {
    match (1..=MOST_REVISION).contains(&number) {
        true => Ok(()),
        false => Err(wrong(format!(
            "{what} has the number {number}; they go from 1 to {MOST_REVISION}"
        ))),
    }
}

pub(super) fn add(notes: &mut Vec<String>, note: &str) {
    if !notes.iter().any(|it| it == note) {
        notes.push(note.to_owned());
    }
}

fn in_trash(id: ArticleId) -> Error {
    Error::new(
        &codes::CONFLICT,
        format!("the article {id} is in the trash; restore it first"),
    )
}
