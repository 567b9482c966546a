//! What stores tell of comments. Their scope is that of their article, which a store looks up.

use chrono::{DateTime, Utc};

use super::{Event, EventBody, Scope, ScopedEvent};
use crate::comment::Comment;
use crate::ids::UserId;

impl EventBody {
    pub fn comment_written(comment: &Comment) -> Self {
        Self::CommentWritten {
            comment: comment.id,
            article: comment.article,
            revision: comment.revision,
        }
    }

    pub fn comment_changed(comment: &Comment) -> Self {
        Self::CommentChanged {
            comment: comment.id,
            article: comment.article,
            revision: comment.revision,
        }
    }
}

impl ScopedEvent {
    pub fn comment_written(comment: &Comment, scope: Scope) -> Self {
        let body = EventBody::comment_written(comment);
        Event::new(comment.created_at, comment.author, body).within(scope)
    }

    pub fn comment_changed(comment: &Comment, by: UserId, scope: Scope) -> Self {
        let body = EventBody::comment_changed(comment);
        Event::new(comment.updated_at, by, body).within(scope)
    }

    pub fn comment_deleted(comment: &Comment, by: UserId, at: DateTime<Utc>, scope: Scope) -> Self {
        let body = EventBody::CommentDeleted {
            comment: comment.id,
            article: comment.article,
        };
        Event::new(at, by, body).within(scope)
    }
}
