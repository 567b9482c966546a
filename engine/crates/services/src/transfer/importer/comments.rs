//! What becomes of a comment of an archive: about which article here it is, which one here it is itself, if any,
//! and what is written.

use chrono::{DateTime, Utc};
use inkstone_domain::comment::{Comment, Resolution, Suggestion, SuggestionState};
use inkstone_domain::ids::{ArticleId, CommentId};
use inkstone_domain::ports::ImportChange;
use inkstone_domain::transfer::Outcome;
use inkstone_domain::{Error, Result, codes};

use super::arrivals::check_number;
use super::{Decision, Run};
use crate::content::Comments;
use crate::transfer::lines::CommentRecord;
use crate::transfer::piece::wrong;

/// What is here already of a comment.
enum Match {
    /// Nothing; it can have this id.
    None(CommentId),
    Comment(Box<Comment>),
    /// An earlier entry, in a dry run.
    Earlier,
}

impl Run<'_> {
    pub(super) async fn comment(
        &mut self,
        record: &CommentRecord,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        check_number("its revision", record.revision)?;
        if let Some(anchor) = &record.anchor {
            check_number("the revision of its place", anchor.revision)?;
        }
        let article = self.article_here(record.article).await?;
        let article = article.ok_or_else(|| {
            let message = format!("its article `{}` is not here", record.article);
            Error::new(&codes::NOT_FOUND, message)
        })?;
        let comment = self.told(record, article, notes).await?;
        Comments::check_arrived(&comment)?;
        let decision = match self.find_comment(record.id, article).await? {
            Match::None(id) => self.new_comment(Comment { id, ..comment }).await?,
            Match::Comment(before) => self.comment_again(*before, comment).await?,
            Match::Earlier => match self.kept("the comment") {
                Some(kept) => kept,
                None => Decision::of(Outcome::Updated),
            },
        };
        Ok(Decision {
            article: Some(article),
            ..decision
        })
    }

    async fn new_comment(&mut self, comment: Comment) -> Result<Decision> {
        if self.import.dry_run {
            self.known.comments.insert(comment.id, comment.reply_to);
        }
        // Of an article that is not there yet there is nobody to ask who may say something about it.
        if self.known.has(comment.article) {
            return Ok(Decision::of(Outcome::Created));
        }
        let comments = &self.powers.comments;
        let arrival = comments.arrival(&self.principal, None, comment).await?;
        Ok(Decision {
            change: Some(ImportChange::CreateComment(Box::new(arrival))),
            ..Decision::of(Outcome::Created)
        })
    }

    /// For one that is here already. Who wrote it, and when, stays as it is.
    async fn comment_again(&mut self, before: Comment, there: Comment) -> Result<Decision> {
        if before.reply_to.is_some() != there.reply_to.is_some() {
            return Err(wrong(
                "is a reply here or in the file, and none in the other",
            ));
        }
        if says_the_same(&before, &there) {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        if let Some(kept) = self.kept("the comment") {
            return Ok(kept);
        }
        let after = Comment {
            id: before.id,
            author: before.author,
            reply_to: before.reply_to,
            revision: before.revision + 1,
            created_at: before.created_at,
            updated_at: there.updated_at.max(before.created_at),
            ..there
        };
        let comments = &self.powers.comments;
        let arrival = comments.arrival(&self.principal, Some(&before), after);
        Ok(Decision {
            change: Some(ImportChange::UpdateComment(Box::new(arrival.await?))),
            ..Decision::of(Outcome::Updated)
        })
    }

    /// What the record says, as it is here: in the names of those who are here, of media and comments that are.
    async fn told(
        &mut self,
        record: &CommentRecord,
        article: ArticleId,
        notes: &mut Vec<String>,
    ) -> Result<Comment> {
        let CommentRecord {
            id,
            article: _,
            author: writer,
            mut body,
            reply_to,
            mut anchor,
            mut suggestion,
            resolved,
            revision,
            created_at,
            updated_at,
        } = record.clone();
        let mut texts = vec![&mut body];
        if let Some(anchor) = &mut anchor {
            texts.extend([&mut anchor.exact, &mut anchor.prefix, &mut anchor.suffix]);
        }
        texts.extend(suggestion.as_mut().map(|it| &mut it.replacement));
        self.refer_texts(texts).await?;
        let author = self.person(writer, "wrote it", notes).await?;
        let reply_to = match reply_to {
            Some(first) => Some(self.thread_here(first, article).await?),
            None => None,
        };
        let now = self.powers.clock.now();
        let suggestion = match suggestion {
            Some(suggestion) => Some(self.decided(suggestion, now, notes).await?),
            None => None,
        };
        let resolved = match resolved {
            Some(resolution) => Some(Resolution {
                by: self.person(resolution.by, "settled it", notes).await?,
                at: resolution.at.min(now),
            }),
            None => None,
        };
        let created_at = created_at.min(now);
        Ok(Comment {
            id,
            article,
            author,
            mentions: Comment::mentions_of(&body),
            body,
            reply_to,
            anchor,
            suggestion,
            resolved,
            revision,
            created_at,
            updated_at: updated_at.min(now).max(created_at),
        })
    }

    async fn decided(
        &mut self,
        suggestion: Suggestion,
        now: DateTime<Utc>,
        notes: &mut Vec<String>,
    ) -> Result<Suggestion> {
        let is_open = suggestion.state == SuggestionState::Open;
        let decided_by = match suggestion.decided_by.filter(|_| !is_open) {
            Some(user) => Some(self.person(user, "decided on it", notes).await?),
            None => None,
        };
        let decided_at = suggestion.decided_at.filter(|_| !is_open);
        Ok(Suggestion {
            decided_by,
            decided_at: decided_at.map(|at| at.min(now)),
            ..suggestion
        })
    }

    /// The article of this project that an id of the file means, if there is one.
    async fn article_here(&mut self, id: ArticleId) -> Result<Option<ArticleId>> {
        if let Some((of, here)) = self.known.home
            && of == id
        {
            return Ok(Some(here));
        }
        let mut here = self.article_of_entry(id).await?;
        for id in [id, self.twin_of(id)] {
            if here.is_none() {
                let article = self.powers.article_store.article(id).await?;
                let ours = article.filter(|it| it.project == self.import.project);
                here = ours.map(|it| it.id);
            }
        }
        // Those about one article stand together.
        self.known.home = here.map(|here| (id, here));
        Ok(here)
    }

    /// What was decided of the entry of this article says which one it became.
    async fn article_of_entry(&self, id: ArticleId) -> Result<Option<ArticleId>> {
        let Some(number) = self.known.entries.get(&id) else {
            return Ok(None);
        };
        if let Some(line) = self.waiting.iter().find(|line| line.number == *number) {
            return Ok(line.article);
        }
        let lines = self.powers.store.report(self.import.id, number - 1, 1);
        Ok(lines.await?.pop().and_then(|line| line.article))
    }

    /// By its id, or by the one that it has in this project where that is another's.
    async fn find_comment(&self, id: CommentId, article: ArticleId) -> Result<Match> {
        let mut free = None;
        for id in [id, self.comment_twin(id)] {
            if self.known.comments.contains_key(&id) {
                return Ok(Match::Earlier);
            }
            match self.powers.comment_store.comment(id).await? {
                None => {
                    free.get_or_insert(id);
                }
                Some(comment) if comment.article == article => {
                    return Ok(Match::Comment(Box::new(comment)));
                }
                Some(_) => {}
            }
        }
        free.map(Match::None).ok_or_else(|| {
            let message = format!("the id `{id}` is another comment's");
            Error::new(&codes::ALREADY_EXISTS, message)
        })
    }

    /// The comment about this article that a reply of the file answers.
    async fn thread_here(&self, first: CommentId, article: ArticleId) -> Result<CommentId> {
        for id in [first, self.comment_twin(first)] {
            if self.known.comments.get(&id) == Some(&None) {
                return Ok(id);
            }
            let found = self.powers.comment_store.comment(id).await?;
            if found.is_some_and(|it| it.article == article && it.reply_to.is_none()) {
                return Ok(id);
            }
        }
        let message = format!(
            "the comment `{first}` that it answers is not here, at least not before it, or answers one itself"
        );
        Err(Error::new(&codes::NOT_FOUND, message))
    }

    /// The id that a comment of another project has here: always the same one.
    fn comment_twin(&self, id: CommentId) -> CommentId {
        let at: DateTime<Utc> = id.0.datetime().into();
        CommentId(self.derived(&id.to_string(), at))
    }
}

/// Whoever said it, and when: who imports it again may be another.
fn says_the_same(here: &Comment, there: &Comment) -> bool {
    let suggested = |comment: &Comment| {
        let suggestion = comment.suggestion.clone();
        suggestion.map(|it| (it.replacement, it.state))
    };
    here.body == there.body
        && here.anchor == there.anchor
        && suggested(here) == suggested(there)
        && here.resolved.is_some() == there.resolved.is_some()
}
