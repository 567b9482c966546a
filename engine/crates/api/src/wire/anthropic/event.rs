//! The events of a streamed message; their names are their types.

use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{
    AnthropicBlockReply, AnthropicMessageReply, AnthropicUsageReply, CitationReply,
};
use crate::answer::EventFrame;
use crate::wire::inkstone::InkstoneReply;
use crate::wire::schema;

/// An event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum MessageEventReply<'a> {
    MessageStart {
        message: AnthropicMessageReply<'a>,
    },
    ContentBlockStart {
        index: usize,
        #[schema(value_type = AnthropicBlockReply)]
        content_block: &'a AnthropicBlockReply,
    },
    ContentBlockDelta {
        index: usize,
        delta: BlockDeltaReply<'a>,
    },
    ContentBlockStop {
        index: usize,
    },
    /// How the message ended, and the tokens of all of it.
    MessageDelta {
        delta: MessageDeltaReply,
        usage: AnthropicUsageReply,
        /// Only where there is something to tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        inkstone: Option<InkstoneReply<'a>>,
    },
    MessageStop {},
    /// A sign of life.
    Ping {},
}

/// What is new in a block.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub(crate) enum BlockDeltaReply<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citations {
        #[schema(value_type = CitationReply)]
        citation: &'a CitationReply,
    },
}

/// How a message ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageDeltaReply {
    /// `end_turn`, `max_tokens`, `tool_use` or `refusal`.
    pub stop_reason: &'static str,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub stop_sequence: (),
}

impl MessageEventReply<'_> {
    pub(super) fn send(&self, frame: &mut EventFrame) {
        let name = match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop {} => "message_stop",
            Self::Ping {} => "ping",
        };
        frame.event(name, self);
    }
}
