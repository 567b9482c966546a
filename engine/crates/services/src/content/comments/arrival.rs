//! Comments that come from an archive, with whatever became of them there. What is found out here is written by
//! the import, in the step it belongs to.

use inkstone_domain::audit::actions;
use inkstone_domain::comment::{Anchor, CONTEXT_CHARS, Comment};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ports::CommentArrival;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::{Comments, MAX_EXACT_CHARS, check_body, check_replacement, forbidden, is_by_right};

impl Comments {
    /// That a comment could have been written here: of what an archive says nothing is believed.
    pub(crate) fn check_arrived(comment: &Comment) -> Result<()> {
        check_body(&comment.body, comment.suggestion.is_some())?;
        if let Some(suggestion) = &comment.suggestion {
            check_replacement(&suggestion.replacement)?;
        }
        if !comment.anchor.as_ref().is_none_or(is_whole) {
            return Err(wrong("names a place that is none"));
        }
        if comment.suggestion.is_some() && comment.anchor.is_none() {
            return Err(wrong("suggests other words for none"));
        }
        let is_plain = comment.anchor.is_none() && comment.resolved.is_none();
        if comment.reply_to.is_some() && !is_plain {
            return Err(wrong(
                "is a reply, and those have no place and are settled with their thread",
            ));
        }
        Ok(())
    }

    /// What an import writes of a comment that was checked. For who may say something about its article; with
    /// `before` it is there, and its words are changed by nobody but who wrote them, and admins.
    pub(crate) async fn arrival(
        &self,
        principal: &Principal,
        before: Option<&Comment>,
        comment: Comment,
    ) -> Result<CommentArrival> {
        let found = self.enter(principal, comment.article).await?;
        let changes_words = before.is_some_and(|before| words(before) != words(&comment));
        if changes_words && comment.author != principal.user && !principal.is_admin() {
            return Err(forbidden("only who wrote a comment may change its words"));
        }
        let (action, body) = match before {
            None => (
                actions::COMMENT_WRITTEN,
                EventBody::comment_written(&comment),
            ),
            Some(_) => (
                actions::COMMENT_CHANGED,
                EventBody::comment_changed(&comment),
            ),
        };
        let audit = self.record(principal, action, &comment);
        Ok(CommentArrival {
            // It was said elsewhere and at another time, but it came now.
            event: Event::new(self.clock.now(), principal.user, body),
            audit: (!is_by_right(&found)).then_some(audit),
            comment,
        })
    }
}

/// What somebody said, as against what became of it.
fn words(comment: &Comment) -> (&str, Option<&str>, Option<&Anchor>) {
    let suggestion = comment.suggestion.as_ref();
    (
        &comment.body,
        suggestion.map(|it| it.replacement.as_str()),
        comment.anchor.as_ref(),
    )
}

fn is_whole(anchor: &Anchor) -> bool {
    let chars = anchor.end.saturating_sub(anchor.start);
    let is_context = |text: &str| text.chars().count() <= CONTEXT_CHARS;
    (1..=MAX_EXACT_CHARS).contains(&chars)
        && anchor.exact.chars().count() == chars
        && is_context(&anchor.prefix)
        && is_context(&anchor.suffix)
}

fn wrong(why: &str) -> Error {
    Error::new(&codes::INVALID_INPUT, why)
}
