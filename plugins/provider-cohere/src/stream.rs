//! An answer as it comes: events of the wire become chunks. What the model plans before it calls tools is told as
//! reasoning.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

use inkstone_plugin::json;
use inkstone_plugin::provider::{Chunk, Error, Request, Result, ToolCallDelta, Usage};
use inkstone_plugin::sse::Event;
use provider_wire::failure;
use provider_wire::fault::Fault;
use provider_wire::stream::{self, Chunks};

use crate::client::Client;
use crate::wire::chat_reply::{
    ChatReply, CitationBody, ContentBody, DeltaBody, EndBody, EventBody, MessageDelta,
    ToolCallBody, UsageBody, finish_reason,
};
use crate::wire::chat_request::ChatRequestBody;

/// Sends the request; returns once the server answers with something that is no error.
pub fn open(client: &Client, request: &Request) -> Result<Chunks<Reader>> {
    let drops = client.settings.drop_unsupported || request.drop_unsupported;
    let body = ChatRequestBody::new(request, drops)?;
    let accept = stream::accept(request.stream);
    let response = client.upstream.post("/v2/chat", &body, accept)?;
    stream::read(response, request.stream, Reader::default())
}

/// What is known of an answer so far.
#[derive(Default)]
pub struct Reader {
    ready: VecDeque<Chunk>,
    /// Indexes of tool calls for readers, by those of the server.
    calls: BTreeMap<u32, u32>,
    cited: BTreeSet<String>,
}

impl stream::Reader for Reader {
    fn whole(&mut self, answer: &str) -> Result<()> {
        let reply: ChatReply = json::parse(answer)?;
        let message = reply.message.unwrap_or_default();
        self.reasoning(message.tool_plan);
        for content in message.content.unwrap_or_default() {
            self.content(content);
        }
        for (index, call) in (0..).zip(message.tool_calls.unwrap_or_default()) {
            self.tool_call(index, call);
        }
        for citation in message.citations.unwrap_or_default() {
            self.cite(citation);
        }
        self.finish(reply.finish_reason.as_deref(), reply.usage, None)
    }

    fn event(&mut self, event: &Event) -> Result<ControlFlow<()>> {
        let data = event.data.trim();
        // The last is no word of Cohere's, but proxies like to end a stream with it.
        if matches!(data, "" | "[DONE]") {
            return Ok(ControlFlow::Continue(()));
        }
        let body: EventBody = json::parse(data)?;
        let delta = body.delta.as_deref().map_or("{}", |delta| delta.get());
        match body.kind.as_deref() {
            Some("message-end") => {
                let end: EndBody = json::parse(delta)?;
                let said = end.error.as_deref();
                self.finish(end.finish_reason.as_deref(), end.usage, said)?;
                return Ok(ControlFlow::Break(()));
            }
            Some(
                "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start"
                | "tool-call-delta" | "citation-start",
            ) => {
                let delta: DeltaBody = json::parse(delta)?;
                self.delta(body.index.unwrap_or_default(), delta.message);
            }
            // An event without a type is an error's body.
            None => return Err(failure::from_stream(&Fault::of_event(data))),
            // The beginning, ends of parts, and what the API may add.
            Some(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self) -> Result<()> {
        Err(unfinished())
    }

    fn ready(&mut self) -> &mut VecDeque<Chunk> {
        &mut self.ready
    }

    fn queued(&self) -> usize {
        self.ready.len()
    }
}

impl Reader {
    fn delta(&mut self, index: u32, message: MessageDelta) {
        self.reasoning(message.tool_plan);
        if let Some(content) = message.content {
            self.content(content);
        }
        if let Some(call) = message.tool_calls {
            self.tool_call(index, call);
        }
        if let Some(citation) = message.citations {
            self.cite(citation);
        }
    }

    fn content(&mut self, content: ContentBody) {
        self.reasoning(content.thinking);
        if let Some(text) = content.text.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Text(text));
        }
    }

    fn reasoning(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Reasoning(text));
        }
    }

    fn tool_call(&mut self, server_index: u32, piece: ToolCallBody) {
        let next = self.calls.len() as u32;
        let index = *self.calls.entry(server_index).or_insert(next);
        self.ready.push_back(Chunk::ToolCall(ToolCallDelta {
            index,
            id: piece.id,
            name: piece.function.name,
            arguments: piece.function.arguments.unwrap_or_default(),
        }));
    }

    /// Hands out a page once, however often the text leans on it.
    fn cite(&mut self, citation: CitationBody) {
        let sources = citation.sources.unwrap_or_default().into_iter();
        for document in sources.filter_map(|source| source.document) {
            if let Some(source) = document.into_source()
                && self.cited.insert(source.url.clone().unwrap_or_default())
            {
                self.ready.push_back(Chunk::Citation(source));
            }
        }
    }

    /// The answer is over.
    fn finish(
        &mut self,
        word: Option<&str>,
        usage: Option<UsageBody>,
        said: Option<&str>,
    ) -> Result<()> {
        let finish = finish_reason(word.ok_or_else(unfinished)?, said)?;
        if let Some(usage) = usage {
            self.ready.push_back(Chunk::Usage(Usage::from(usage)));
        }
        self.ready.push_back(Chunk::Finish(finish));
        Ok(())
    }
}

fn unfinished() -> Error {
    Error::upstream("the upstream's answer ended before it was finished")
}
