//! An answer as it comes: events of the wire become chunks. Usage and the end are handed out last, once each, because
//! the counts of the last event hold for the whole answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

use inkstone_plugin::json;
use inkstone_plugin::provider::{
    Chunk, Error, FinishReason, Request, Result, ToolCallDelta, Usage,
};
use inkstone_plugin::sse::Event;
use provider_wire::failure;
use provider_wire::fault::Fault;
use provider_wire::stream::{self, Chunks};

use crate::client::Client;
use crate::wire::content::REDACTED;
use crate::wire::message_reply::{
    Block, BlockDelta, BlockStart, BlockStop, Delta, Kind, MessageDelta, MessageReply,
    MessageStart, PageBody, ThinkingBody, UsageBody, finish_reason,
};
use crate::wire::message_request::MessageRequestBody;

/// Sends the request; returns once the server answers with something that is no error.
pub fn open(client: &Client, request: &Request) -> Result<Chunks<Reader>> {
    let body = MessageRequestBody::new(request, &client.settings)?;
    let accept = stream::accept(request.stream);
    let response = client.upstream.post("/v1/messages", &body, accept)?;
    stream::read(response, request.stream, Reader::default())
}

/// What is known of an answer so far.
#[derive(Default)]
pub struct Reader {
    ready: VecDeque<Chunk>,
    usage: Option<UsageBody>,
    finish: Option<FinishReason>,
    has_begun: bool,
    /// How many tool calls there were; the next one has this index.
    call_count: u32,
    /// Calls whose block is not over, by the block's place in the message.
    open_calls: BTreeMap<u32, Call>,
    /// Of the thought that is not over yet.
    signature: String,
    cited: BTreeSet<String>,
}

/// A tool call begun.
struct Call {
    index: u32,
    /// What the block itself held, which counts where no pieces follow.
    input: String,
    has_pieces: bool,
}

impl stream::Reader for Reader {
    fn whole(&mut self, answer: &str) -> Result<()> {
        self.message(json::parse(answer)?)?;
        self.finish(false)
    }

    fn event(&mut self, event: &Event) -> Result<ControlFlow<()>> {
        let data = event.data.trim();
        if event.event == "error" {
            return Err(failure::from_stream(&Fault::of_event(data)));
        }
        if data.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let kind = json::parse::<Kind>(data)?.kind;
        match kind.as_deref().unwrap_or(&event.event) {
            "message_start" => self.message(json::parse::<MessageStart>(data)?.message)?,
            "content_block_start" => {
                let start: BlockStart = json::parse(data)?;
                self.block(start.index, Block::read(&start.content_block)?);
            }
            "content_block_delta" => {
                let piece: BlockDelta = json::parse(data)?;
                self.delta(piece.index, Delta::read(&piece.delta)?);
            }
            "content_block_stop" => {
                let stop: BlockStop = json::parse(data)?;
                self.end_block(stop.index);
            }
            "message_delta" => self.message_delta(json::parse(data)?),
            "message_stop" => return self.finish(true).map(ControlFlow::Break),
            "error" => return Err(failure::from_stream(&Fault::of_event(data))),
            // `ping`, and what the API may add.
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self) -> Result<()> {
        self.finish(false)
    }

    fn ready(&mut self) -> &mut VecDeque<Chunk> {
        &mut self.ready
    }

    fn queued(&self) -> usize {
        self.ready.len()
    }
}

impl Reader {
    /// A message just begun, or whole.
    fn message(&mut self, message: MessageReply) -> Result<()> {
        if let Some(error) = message.error {
            return Err(failure::from_stream(&error.into()));
        }
        self.has_begun = true;
        for (index, raw) in (0..).zip(message.content.unwrap_or_default()) {
            self.block(index, Block::read(&raw)?);
            self.end_block(index);
        }
        self.note(message.stop_reason, message.usage);
        Ok(())
    }

    fn message_delta(&mut self, piece: MessageDelta) {
        let stop = piece.delta.unwrap_or_default();
        self.note(stop.stop_reason, piece.usage);
    }

    fn note(&mut self, stop_reason: Option<String>, usage: Option<UsageBody>) {
        if let Some(word) = stop_reason.filter(|word| !word.is_empty()) {
            self.finish = Some(finish_reason(&word));
        }
        if let Some(newer) = usage {
            self.usage.get_or_insert_default().update(newer);
        }
    }

    fn block(&mut self, place: u32, block: Block) {
        match block {
            Block::Text(body) => {
                self.text(body.text);
                let pages = body.citations.unwrap_or_default();
                pages.into_iter().for_each(|page| self.cite(page));
            }
            Block::Thinking(body) => self.thinking(body),
            Block::RedactedThinking(body) => {
                if let Some(data) = body.data.filter(|data| !data.is_empty()) {
                    let signature = format!("{REDACTED}{data}");
                    self.ready.push_back(Chunk::ThoughtSignature(signature));
                }
            }
            Block::ToolUse(body) => {
                let index = self.call_count;
                self.call_count += 1;
                let input = body.input.map(|input| input.get().to_owned());
                self.open_calls.insert(
                    place,
                    Call {
                        index,
                        input: input
                            .filter(|text| text != "null")
                            .unwrap_or_else(|| "{}".to_owned()),
                        has_pieces: false,
                    },
                );
                self.ready.push_back(Chunk::ToolCall(ToolCallDelta {
                    index,
                    id: Some(body.id),
                    name: Some(body.name),
                    arguments: String::new(),
                }));
            }
            Block::Other => {}
        }
    }

    fn delta(&mut self, place: u32, delta: Delta) {
        match delta {
            Delta::Text(body) => self.text(body.text),
            Delta::Thinking(body) => self.thinking(body),
            Delta::InputJson(body) => {
                let piece = body.partial_json.filter(|text| !text.is_empty());
                // Tools that the server runs itself have input too, and were not handed out as calls.
                if let (Some(piece), Some(call)) = (piece, self.open_calls.get_mut(&place)) {
                    call.has_pieces = true;
                    let index = call.index;
                    self.arguments(index, piece);
                }
            }
            Delta::Citation(body) => self.cite(body.citation),
            Delta::Other => {}
        }
    }

    /// A block is over; a thought has its signature now, and a call that came without pieces its arguments.
    fn end_block(&mut self, place: u32) {
        self.end_thought();
        if let Some(call) = self.open_calls.remove(&place)
            && !call.has_pieces
        {
            self.arguments(call.index, call.input);
        }
    }

    fn end_thought(&mut self) {
        if !self.signature.is_empty() {
            let signature = std::mem::take(&mut self.signature);
            self.ready.push_back(Chunk::ThoughtSignature(signature));
        }
    }

    fn text(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Text(text));
        }
    }

    fn thinking(&mut self, body: ThinkingBody) {
        if let Some(text) = body.thinking.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Reasoning(text));
        }
        if let Some(piece) = body.signature {
            self.signature.push_str(&piece);
        }
    }

    fn arguments(&mut self, index: u32, arguments: String) {
        self.ready.push_back(Chunk::ToolCall(ToolCallDelta {
            index,
            id: None,
            name: None,
            arguments,
        }));
    }

    /// Hands out a page once, however often the text leans on it.
    fn cite(&mut self, page: PageBody) {
        if let Some(source) = page.into_source()
            && self.cited.insert(source.url.clone().unwrap_or_default())
        {
            self.ready.push_back(Chunk::Citation(source));
        }
    }

    /// The answer is over: hands out usage and the reason. `is_marked`: the server said so itself.
    fn finish(&mut self, is_marked: bool) -> Result<()> {
        let finish = match self.finish {
            Some(finish) => finish,
            // A look-alike may name no reason but mark the end.
            None if is_marked && self.has_begun && self.call_count == 0 => FinishReason::Stop,
            None if is_marked && self.has_begun => FinishReason::ToolCalls,
            None => {
                return Err(Error::upstream(
                    "the upstream's answer ended before it was finished",
                ));
            }
        };
        self.end_thought();
        let open: Vec<u32> = self.open_calls.keys().copied().collect();
        open.into_iter().for_each(|place| self.end_block(place));
        if let Some(usage) = self.usage.take() {
            self.ready.push_back(Chunk::Usage(Usage::from(usage)));
        }
        self.ready.push_back(Chunk::Finish(finish));
        Ok(())
    }
}
