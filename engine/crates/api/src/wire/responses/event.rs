//! The events of a streamed response. They are numbered, and their names are their types.

use serde::Serialize;
use utoipa::ToSchema;

use super::item::{OutputItemReply, OutputTextReply, SummaryTextReply, UrlAnnotationReply};
use super::reply::ResponseReply;
use crate::answer::EventFrame;
use crate::wire::logprobs::TokenLogprobReply;
use crate::wire::schema;

/// An event. Which fields it has depends on its type, as in OpenAI's reference.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ResponseEventReply<'a> {
    /// Such as `response.output_text.delta`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Counts the events of the stream from 0.
    pub sequence_number: u64,
    /// In events that begin or end a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ResponseReply>)]
    pub response: Option<&'a ResponseReply<'a>>,
    /// The place of the item in the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<&'a str>,
    /// The place of the text in its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_index: Option<usize>,
    /// The place of the thought in its item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_index: Option<usize>,
    /// In events that begin or end an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OutputItemReply>)]
    pub item: Option<&'a OutputItemReply>,
    /// In events that begin or end a text or a thought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<ResponsePartReply<'a>>,
    /// What is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<&'a str>,
    /// The whole text or thought, at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// How likely the tokens of a text were.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<TokenLogprobReply>>)]
    pub logprobs: Option<&'a [TokenLogprobReply]>,
    /// The place of a citation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<UrlAnnotationReply>)]
    pub annotation: Option<&'a UrlAnnotationReply>,
    /// The function whose arguments are complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a str>,
    /// Of an `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::null)]
    pub param: Option<()>,
}

/// A text or a thought.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ResponsePartReply<'a> {
    #[schema(value_type = OutputTextReply)]
    Text(&'a OutputTextReply),
    #[schema(value_type = SummaryTextReply)]
    Summary(&'a SummaryTextReply),
}

impl ResponseEventReply<'_> {
    pub(super) fn of(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }
}

/// Numbers the events of one stream.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    next: u64,
}

impl Numbering {
    pub(super) fn send(&mut self, mut event: ResponseEventReply<'_>, frame: &mut EventFrame) {
        event.sequence_number = self.next;
        self.next += 1;
        frame.event(event.kind, &event);
    }
}
