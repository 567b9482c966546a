//! An answer as it comes: events of the wire become chunks. Usage and the end are handed out last, once each, because
//! servers send them in any order and some several times.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use inkstone_plugin::json;
use inkstone_plugin::provider::{
    Chunk, Error, FinishReason, Request, Result, Source, TokenLogprob, ToolCallDelta, Usage,
};
use inkstone_plugin::sse::Event;
use serde_json::value::Value;

use super::Server;
use super::wire::chat_reply::{
    ChatReply, Choice, CitationBody, Content, ContentPart, LogprobsBody, ToolCallPiece,
    finish_reason,
};
use super::wire::chat_request::ChatRequestBody;
use crate::failure;
use crate::fault::Fault;
use crate::stream::{self, Chunks};

/// Sends the request; returns once the server answers with something that is no error.
pub fn open(server: &Server, request: &Request) -> Result<Chunks<Reader>> {
    let body = ChatRequestBody::new(request, &server.options)?;
    let accept = stream::accept(request.stream);
    let response = server.upstream.post("/chat/completions", &body, accept)?;
    stream::read(response, request.stream, Reader::default())
}

/// What is known of an answer so far.
#[derive(Default)]
pub struct Reader {
    ready: VecDeque<Chunk>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    has_choice: bool,
    calls: Vec<Call>,
    cited: BTreeSet<String>,
}

/// A tool call begun, and what of it was handed out. Its place in the list is its index for readers.
struct Call {
    /// The server's own index, where it sends one.
    server_index: Option<u32>,
    id: Option<String>,
    has_name: bool,
}

impl stream::Reader for Reader {
    fn whole(&mut self, answer: &str) -> Result<()> {
        self.absorb(json::parse(answer)?)?;
        // What could be read as JSON is whole.
        self.finish(true)
    }

    fn event(&mut self, event: &Event) -> Result<ControlFlow<()>> {
        let data = event.data.trim();
        match data {
            "" => {}
            "[DONE]" => return self.finish(true).map(ControlFlow::Break),
            _ if event.event == "error" => {
                return Err(failure::from_stream(&Fault::of_event(data)));
            }
            _ => self.absorb(json::parse(data)?)?,
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
    fn absorb(&mut self, reply: ChatReply) -> Result<()> {
        if let Some(error) = reply.error {
            return Err(failure::from_stream(&error.into()));
        }
        if reply.object.as_deref() == Some("error") {
            return Err(failure::from_stream(&Fault {
                message: reply.message.unwrap_or_default(),
                ..Fault::default()
            }));
        }
        for choice in reply.choices.unwrap_or_default() {
            // One answer was asked for; a server that sends more is not followed into mixing them.
            if choice.index.unwrap_or(0) == 0 {
                self.choice(choice);
            }
        }
        for citation in reply.citations.unwrap_or_default() {
            self.cite(citation.into());
        }
        if let Some(usage) = reply.usage {
            self.usage = Some(usage.into());
        }
        Ok(())
    }

    fn choice(&mut self, choice: Choice) {
        self.has_choice = true;
        let delta = choice.delta.unwrap_or_default();
        let reasoning = delta
            .reasoning_content
            .filter(|text| !text.is_empty())
            .or_else(|| Some(delta.reasoning?.as_str()?.to_owned()));
        self.reasoning(reasoning);
        match delta.content {
            Some(Content::Text(text)) => self.text(Some(text)),
            Some(Content::Parts(parts)) => parts.into_iter().for_each(|part| self.part(part)),
            None => {}
        }
        // A refusal is what the model has to say instead of an answer.
        self.text(delta.refusal);
        for piece in delta.tool_calls.unwrap_or_default() {
            self.tool_call(piece);
        }
        if let Some(logprobs) = choice.logprobs {
            self.logprobs(logprobs);
        }
        for annotation in delta.annotations.unwrap_or_default() {
            if let Some(page) = annotation.url_citation {
                self.cite(CitationBody::Page(page).into());
            }
        }
        if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
            self.finish = Some(finish_reason(&word));
        }
    }

    fn part(&mut self, part: ContentPart) {
        for thought in part.thinking.unwrap_or_default() {
            self.reasoning(thought.text);
        }
        self.text(part.text);
    }

    fn text(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Text(text));
        }
    }

    fn reasoning(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.ready.push_back(Chunk::Reasoning(text));
        }
    }

    fn logprobs(&mut self, body: LogprobsBody) {
        let tokens = [body.content, body.refusal].into_iter().flatten().flatten();
        let tokens: Vec<TokenLogprob> = tokens.map(TokenLogprob::from).collect();
        if !tokens.is_empty() {
            self.ready.push_back(Chunk::Logprobs(tokens));
        }
    }

    fn tool_call(&mut self, piece: ToolCallPiece) {
        let id = piece.id.filter(|id| !id.is_empty());
        let function = piece.function.unwrap_or_default();
        let name = function.name.filter(|name| !name.is_empty());
        let index = self.begun(piece.index, id.as_deref(), name.is_some());
        let index = index.unwrap_or_else(|| {
            self.calls.push(Call {
                server_index: piece.index,
                id: None,
                has_name: false,
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[index];
        // Some servers repeat id and name in every piece, and readers append what they get.
        let new_id = id.filter(|_| call.id.is_none());
        let new_name = name.filter(|_| !call.has_name);
        call.id = call.id.take().or_else(|| new_id.clone());
        call.has_name |= new_name.is_some();
        let arguments = match function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(object) => object.to_string(),
        };
        self.ready.push_back(Chunk::ToolCall(ToolCallDelta {
            index: index as u32,
            id: new_id,
            name: new_name,
            arguments,
        }));
    }

    /// The call that a piece goes on with; `None` where it begins one. An id and a name together, with another id
    /// than before, begin a call even at a known index: Gemini's look-alike gives all parallel calls the same.
    fn begun(&self, server_index: Option<u32>, id: Option<&str>, is_named: bool) -> Option<usize> {
        let known = match server_index {
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.server_index == server_index)?,
            None => self.calls.len().checked_sub(1)?,
        };
        let known_id = self.calls[known].id.as_deref();
        let begins_another = match (known_id, id) {
            (Some(known_id), Some(id)) => is_named && known_id != id,
            // Without an index or an id to compare, a name begins a call.
            _ => is_named && server_index.is_none() && self.calls[known].has_name,
        };
        (!begins_another).then_some(known)
    }

    fn cite(&mut self, source: Source) {
        let url = source.url.clone().unwrap_or_default();
        if !url.is_empty() && self.cited.insert(url) {
            self.ready.push_back(Chunk::Citation(source));
        }
    }

    /// The answer is over: hands out usage and the reason. `is_marked`: the server said so itself.
    fn finish(&mut self, is_marked: bool) -> Result<()> {
        let finish = match self.finish {
            Some(finish) => finish,
            // Some servers name no reason but mark the end.
            None if is_marked && self.has_choice && self.calls.is_empty() => FinishReason::Stop,
            None if is_marked && self.has_choice => FinishReason::ToolCalls,
            None => {
                return Err(Error::upstream(
                    "the upstream's answer ended before it was finished",
                ));
            }
        };
        if let Some(usage) = self.usage.take() {
            self.ready.push_back(Chunk::Usage(usage));
        }
        self.ready.push_back(Chunk::Finish(finish));
        Ok(())
    }
}
