//! Passages of texts, as searches and answers show them.

use inkstone_domain::ids::ConversationId;
use inkstone_domain::search::{DocumentId, Passage};
use serde::Serialize;
use utoipa::ToSchema;

use super::search::KindWord;

/// What a passage is of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PassageDocumentReply {
    pub kind: KindWord,
    /// Of an article, a prompt, a file or a message.
    #[schema(value_type = String, example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: DocumentId,
    /// Of the text that the passage is of.
    pub revision: u64,
    pub project: String,
    /// Empty for messages.
    pub title: String,
    /// Of articles; null for all else.
    pub slug: Option<String>,
    /// Of messages: the chat it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "cnv_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub conversation: Option<ConversationId>,
}

/// A piece of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PassageReply {
    /// Its number among the pieces of the text, from 0.
    pub ordinal: usize,
    /// Where it begins in the body, bytes of UTF-8.
    pub start: usize,
    /// Where it ends; where it begins, if there is no body but a title or a summary.
    pub end: usize,
    /// The headings it stands under, the outermost first.
    pub headings: Vec<String>,
    pub text: String,
}

/// A passage that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchPassageReply {
    pub document: PassageDocumentReply,
    pub passage: PassageReply,
    /// Relative, higher is better.
    pub score: f32,
}

/// A passage in its parts.
pub(crate) fn parts(passage: Passage) -> (PassageDocumentReply, PassageReply, f32) {
    let document = PassageDocumentReply {
        kind: passage.document.kind().into(),
        id: passage.document,
        revision: passage.revision,
        project: passage.project,
        title: passage.title,
        slug: passage.slug,
        conversation: passage.conversation,
    };
    let piece = PassageReply {
        ordinal: passage.ordinal,
        start: passage.start,
        end: passage.end,
        headings: passage.headings,
        text: passage.text,
    };
    (document, piece, passage.score)
}

impl From<Passage> for SearchPassageReply {
    fn from(passage: Passage) -> Self {
        let (document, passage, score) = parts(passage);
        Self {
            document,
            passage,
            score,
        }
    }
}
