//! What is said about the articles of an archive. Which comments there are is read first and what they say
//! afterwards, so that of an article with very many no more than their ids are in memory.

use inkstone_domain::Result;
use inkstone_domain::comment::Comment;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{ArticleId, CommentId};

use super::gather::Gather;
use crate::transfer::piece::Piece;

/// Threads in their order; in each what began it first, then the replies.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    thread: CommentId,
    reply: Option<CommentId>,
}

impl Gather {
    /// Those about these articles, in their order.
    pub(super) async fn comments(&self, articles: &[ArticleId]) -> Result<()> {
        for article in articles {
            for place in self.places(*article).await? {
                let id = place.reply.unwrap_or(place.thread);
                // Somebody may have taken it away since it was listed.
                if let Some(comment) = self.powers.comments.comment(id).await? {
                    self.put(Piece::Comment(Box::new(comment.into()))).await?;
                }
            }
        }
        Ok(())
    }

    async fn places(&self, article: ArticleId) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let found = self.powers.comments.comments(article, page.clone()).await?;
            places.extend(found.items.iter().map(Place::of));
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        places.sort();
        Ok(places)
    }
}

impl Place {
    fn of(comment: &Comment) -> Self {
        match comment.reply_to {
            None => Self {
                thread: comment.id,
                reply: None,
            },
            Some(thread) => Self {
                thread,
                reply: Some(comment.id),
            },
        }
    }
}
