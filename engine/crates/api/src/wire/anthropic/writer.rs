//! Puts a message together from what a model says, and tells every step as events. Blocks come one after
//! the other: the last one is the only one that may be open.

use inkstone_domain::chat::{Chunk, FinishReason, ToolCallDelta, Usage};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, Result, codes};

use super::REDACTED;
use super::error::AnthropicError;
use super::event::{BlockDeltaReply, MessageDeltaReply, MessageEventReply};
use super::reply::{
    AnthropicBlockReply, AnthropicMessageReply, AnthropicUsageReply, CitationReply, citation,
    stop_reason,
};
use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::middleware::RequestId;
use crate::wire::inkstone::InkstoneReply;

/// Calls beyond this are dropped: an index comes from outside.
const MAX_CALLS: usize = 128;

/// A message in the making.
pub(crate) struct MessageWriter {
    id: String,
    model: String,
    request_id: RequestId,
    content: Vec<AnthropicBlockReply>,
    is_last_open: bool,
    /// Which index of a call stands where in the content; the last one may be open.
    calls: Vec<(u32, usize)>,
    /// Citations that came before any text.
    early_citations: Vec<CitationReply>,
    is_rerouted: bool,
    usage: Usage,
    finish: FinishReason,
    stop_reason: Option<&'static str>,
}

impl MessageWriter {
    pub(crate) fn new(id: String, model: String, request_id: RequestId) -> Self {
        Self {
            id,
            model,
            request_id,
            content: Vec::new(),
            is_last_open: false,
            calls: Vec::new(),
            early_citations: Vec::new(),
            is_rerouted: false,
            usage: Usage::default(),
            finish: FinishReason::Stop,
            stop_reason: None,
        }
    }

    /// The message as far as it has come.
    pub(crate) fn reply(&self) -> AnthropicMessageReply<'_> {
        AnthropicMessageReply {
            id: &self.id,
            kind: "message",
            role: "assistant",
            model: &self.model,
            content: &self.content,
            stop_reason: self.stop_reason,
            stop_sequence: (),
            usage: AnthropicUsageReply::from(self.usage),
            inkstone: self.inkstone(),
        }
    }

    fn inkstone(&self) -> Option<InkstoneReply<'_>> {
        self.is_rerouted
            .then(|| InkstoneReply::rerouted(self.model.as_str()))
    }

    fn begin(&mut self, block: AnthropicBlockReply, frame: &mut EventFrame) {
        self.end(frame);
        MessageEventReply::ContentBlockStart {
            index: self.content.len(),
            content_block: &block,
        }
        .send(frame);
        self.content.push(block);
        self.is_last_open = true;
    }

    /// Ends the block that is open, if one is.
    fn end(&mut self, frame: &mut EventFrame) {
        if std::mem::take(&mut self.is_last_open) {
            let index = self.content.len().saturating_sub(1);
            MessageEventReply::ContentBlockStop { index }.send(frame);
        }
    }

    /// The block that is open, if one is.
    fn open_block(&mut self) -> Option<&mut AnthropicBlockReply> {
        self.content.last_mut().filter(|_| self.is_last_open)
    }

    fn send_delta(&self, delta: BlockDeltaReply<'_>, frame: &mut EventFrame) {
        let index = self.content.len().saturating_sub(1);
        MessageEventReply::ContentBlockDelta { index, delta }.send(frame);
    }

    fn text(&mut self, piece: &str, frame: &mut EventFrame) {
        if !matches!(self.open_block(), Some(AnthropicBlockReply::Text { .. })) {
            let block = AnthropicBlockReply::Text {
                text: String::new(),
                citations: Vec::new(),
            };
            self.begin(block, frame);
            for citation in std::mem::take(&mut self.early_citations) {
                self.cite(citation, frame);
            }
        }
        self.send_delta(BlockDeltaReply::Text { text: piece }, frame);
        if let Some(AnthropicBlockReply::Text { text, .. }) = self.content.last_mut() {
            text.push_str(piece);
        }
    }

    fn citation(&mut self, source: Source, frame: &mut EventFrame) {
        match (citation(source), self.open_block()) {
            (Some(citation), Some(AnthropicBlockReply::Text { .. })) => self.cite(citation, frame),
            (Some(citation), _) => self.early_citations.push(citation),
            (None, _) => {}
        }
    }

    /// In the text that is open.
    fn cite(&mut self, citation: CitationReply, frame: &mut EventFrame) {
        let delta = BlockDeltaReply::Citations {
            citation: &citation,
        };
        self.send_delta(delta, frame);
        if let Some(AnthropicBlockReply::Text { citations, .. }) = self.content.last_mut() {
            citations.push(citation);
        }
    }

    fn thought(&mut self, piece: &str, frame: &mut EventFrame) {
        self.open_thought(frame);
        self.send_delta(BlockDeltaReply::Thinking { thinking: piece }, frame);
        if let Some(AnthropicBlockReply::Thinking { thinking, .. }) = self.content.last_mut() {
            thinking.push_str(piece);
        }
    }

    fn open_thought(&mut self, frame: &mut EventFrame) {
        if !matches!(
            self.open_block(),
            Some(AnthropicBlockReply::Thinking { .. })
        ) {
            let block = AnthropicBlockReply::Thinking {
                thinking: String::new(),
                signature: String::new(),
            };
            self.begin(block, frame);
        }
    }

    /// A signature ends the thought it belongs to.
    fn signature(&mut self, proof: String, frame: &mut EventFrame) {
        if let Some(data) = proof.strip_prefix(REDACTED) {
            let data = data.to_owned();
            self.begin(AnthropicBlockReply::RedactedThinking { data }, frame);
            return self.end(frame);
        }
        self.open_thought(frame);
        self.send_delta(BlockDeltaReply::Signature { signature: &proof }, frame);
        if let Some(AnthropicBlockReply::Thinking { signature, .. }) = self.content.last_mut() {
            *signature = proof;
        }
        self.end(frame);
    }

    fn call(&mut self, delta: ToolCallDelta, frame: &mut EventFrame) -> Result<()> {
        let known = self.calls.iter().find(|(index, _)| *index == delta.index);
        let place = match known {
            Some((_, place)) => *place,
            None if self.calls.len() >= MAX_CALLS => return Ok(()),
            None => self.begin_call(delta.index, delta.id, delta.name, frame),
        };
        if delta.arguments.is_empty() {
            return Ok(());
        }
        let is_open = self.is_last_open && place + 1 == self.content.len();
        if !is_open && !frame.is_muted() {
            return Err(Error::new(
                &codes::UPSTREAM_ERROR,
                "the model mixed the pieces of several tool calls, which cannot be streamed here; ask without `stream`",
            ));
        }
        let piece = BlockDeltaReply::InputJson {
            partial_json: &delta.arguments,
        };
        self.send_delta(piece, frame);
        if let Some(AnthropicBlockReply::ToolUse { arguments, .. }) = self.content.get_mut(place) {
            arguments.push_str(&delta.arguments);
        }
        Ok(())
    }

    fn begin_call(
        &mut self,
        index: u32,
        id: Option<String>,
        name: Option<String>,
        frame: &mut EventFrame,
    ) -> usize {
        let place = self.content.len();
        let given = id.filter(|id| !id.is_empty());
        let block = AnthropicBlockReply::ToolUse {
            id: given.unwrap_or_else(|| format!("toolu_{}_{place}", self.id)),
            name: name.unwrap_or_default(),
            arguments: String::new(),
        };
        self.begin(block, frame);
        self.calls.push((index, place));
        place
    }
}

impl AnswerWriter for MessageWriter {
    fn open(&mut self, frame: &mut EventFrame) {
        let message = self.reply();
        MessageEventReply::MessageStart { message }.send(frame);
    }

    fn write(&mut self, _: usize, said: Said, frame: &mut EventFrame) -> Result<()> {
        match said.chunk {
            Chunk::Text(text) if text.is_empty() => {}
            Chunk::Text(text) => self.text(&text, frame),
            Chunk::Reasoning(text) if text.is_empty() => {}
            Chunk::Reasoning(text) => self.thought(&text, frame),
            Chunk::ThoughtSignature(signature) => self.signature(signature, frame),
            Chunk::ToolCall(delta) => self.call(delta, frame)?,
            Chunk::Citation(source) => self.citation(source, frame),
            Chunk::Rerouted(model) => {
                self.model = model;
                self.is_rerouted = true;
            }
            Chunk::Usage(usage) => self.usage = usage,
            Chunk::Finish(reason) => self.finish = reason,
            // Anthropic's API has no word for them.
            Chunk::Logprobs(_) => {}
        }
        Ok(())
    }

    fn close(&mut self, frame: &mut EventFrame) {
        self.end(frame);
        let stop_reason = stop_reason(self.finish, !self.calls.is_empty());
        self.stop_reason = Some(stop_reason);
        MessageEventReply::MessageDelta {
            delta: MessageDeltaReply {
                stop_reason,
                stop_sequence: (),
            },
            usage: AnthropicUsageReply::from(self.usage),
            inkstone: self.inkstone(),
        }
        .send(frame);
        MessageEventReply::MessageStop {}.send(frame);
    }

    fn fail(&mut self, error: &Error, frame: &mut EventFrame) {
        let error = AnthropicError::new(error, self.request_id.as_str());
        frame.event("error", &error);
    }

    fn keep_alive(&mut self, frame: &mut EventFrame) {
        MessageEventReply::Ping {}.send(frame);
    }
}
