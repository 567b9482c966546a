//! Many changes of articles in one request. Each is made in its turn as if it had come alone: under the same
//! rules, in a transaction of its own, with a result of its own. What fails does not stop what follows.

use inkstone_domain::content::Article;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::check::check_tag;
use super::extras::wrong_field;
use super::{ArticlePatch, Articles, NewArticle, Transition, check_article, policy};

/// Operations of one request.
pub const MAX_OPERATIONS: usize = 100;

/// One of many changes. `expected_revision` as in the methods of the same names.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    Create(Box<NewArticle>),
    Update(Target, Box<ArticlePatch>),
    Move(Target, Transition),
    /// Tags that it shall have, too.
    Tag(Target, Vec<String>),
    /// Tags that it shall not have any more.
    Untag(Target, Vec<String>),
    Trash(Target),
    /// From the trash.
    Restore(Target),
}

/// Which article is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub id: ArticleId,
    /// Any where `None`.
    pub expected_revision: Option<u64>,
}

/// What became of one operation.
#[derive(Debug)]
pub struct Outcome {
    /// The article that was meant, or made.
    pub id: Option<ArticleId>,
    /// Its revision now.
    pub result: Result<u64>,
}

impl Operation {
    fn target(&self) -> Option<ArticleId> {
        match self {
            Self::Create(_) => None,
            Self::Update(target, _)
            | Self::Move(target, _)
            | Self::Tag(target, _)
            | Self::Untag(target, _)
            | Self::Trash(target)
            | Self::Restore(target) => Some(target.id),
        }
    }
}

impl Articles {
    /// Makes all changes, in their order; the outcomes are in the same order. Fails as a whole where there
    /// are none or more than [`MAX_OPERATIONS`], and for who may not write at all.
    pub async fn bulk(
        &self,
        principal: &Principal,
        operations: Vec<Operation>,
    ) -> Result<Vec<Outcome>> {
        policy::check_may_write(principal)?;
        if !(1..=MAX_OPERATIONS).contains(&operations.len()) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`operations` must be 1 to {MAX_OPERATIONS}; send the rest in a request of its own"
                ),
            ));
        }
        let mut outcomes = Vec::with_capacity(operations.len());
        for operation in operations {
            let target = operation.target();
            let outcome = match self.operate(principal, operation).await {
                Ok(article) => Outcome {
                    id: Some(article.id),
                    result: Ok(article.revision),
                },
                Err(error) => Outcome {
                    id: target,
                    result: Err(error),
                },
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn operate(&self, principal: &Principal, operation: Operation) -> Result<Article> {
        match operation {
            Operation::Create(new) => self.create(principal, *new).await,
            Operation::Update(
                Target {
                    id,
                    expected_revision,
                },
                patch,
            ) => self.update(principal, id, *patch, expected_revision).await,
            Operation::Move(
                Target {
                    id,
                    expected_revision,
                },
                step,
            ) => {
                self.transition(principal, id, step, expected_revision)
                    .await
            }
            Operation::Tag(target, tags) => self.tag(principal, target, &tags, &[]).await,
            Operation::Untag(target, tags) => self.tag(principal, target, &[], &tags).await,
            Operation::Trash(Target {
                id,
                expected_revision,
            }) => self.delete(principal, id, expected_revision).await,
            Operation::Restore(Target {
                id,
                expected_revision,
            }) => self.restore(principal, id, expected_revision).await,
        }
    }

    /// Gives an article tags and takes others away, whatever others do to its tags meanwhile. Conditions as
    /// for an update.
    async fn tag(
        &self,
        principal: &Principal,
        target: Target,
        more: &[String],
        less: &[String],
    ) -> Result<Article> {
        let Target {
            id,
            expected_revision,
        } = target;
        let named = [more, less].concat();
        if named.is_empty() {
            return Err(wrong_field("/tags", "must be one at least"));
        }
        for (index, tag) in named.iter().enumerate() {
            check_tag(&format!("/tags/{index}"), tag)?;
        }
        self.change(principal, id, expected_revision, None, |before, footing| {
            let mut article = before.clone();
            let tags = &mut article.text.tags;
            tags.retain(|tag| !less.contains(tag));
            for tag in more {
                if !tags.contains(tag) {
                    tags.push(tag.clone());
                }
            }
            if article == *before {
                return Ok(None);
            }
            check_article(&article)?;
            self.check_change(footing, before, &article, "/tags")?;
            Ok(Some(article))
        })
        .await
    }
}
