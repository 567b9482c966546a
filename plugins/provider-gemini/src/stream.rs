//! An answer as it comes: events of the wire become chunks. Usage and the end are handed out last, once each, because
//! the API repeats usage in every event and may send more after it named the reason.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use inkstone_plugin::json;
use inkstone_plugin::provider::{
    Chunk, Error, FinishReason, Request, Result, Source, TokenLogprob, ToolCallDelta, Usage,
};
use inkstone_plugin::sse::Event;
use provider_wire::failure;
use provider_wire::stream::{self, Chunks};

use crate::call_id;
use crate::client::Client;
use crate::model_name;
use crate::wire::generate_reply::{
    Candidate, FunctionCallBody, GenerateReply, PartBody, UsageBody, finish_reason,
};
use crate::wire::generate_request::GenerateRequestBody;

/// Sends the request; returns once the server answers with something that is no error.
pub fn open(client: &Client, request: &Request) -> Result<Chunks<Reader>> {
    let model = model_name::resource(&request.model)?;
    let body = GenerateRequestBody::new(request, &client.settings)?;
    let path = if request.stream {
        format!("/{model}:streamGenerateContent?alt=sse")
    } else {
        format!("/{model}:generateContent")
    };
    let accept = stream::accept(request.stream);
    let response = client.upstream.post(&path, &body, accept)?;
    stream::read(response, request.stream, Reader::default())
}

/// What is known of an answer so far.
#[derive(Default)]
pub struct Reader {
    ready: VecDeque<Chunk>,
    usage: Option<UsageBody>,
    finish: Option<FinishReason>,
    /// Tool calls so far.
    calls: u32,
    cited: BTreeSet<String>,
}

impl stream::Reader for Reader {
    fn whole(&mut self, answer: &str) -> Result<()> {
        // A stream that nobody asked to come as events is a list.
        if answer.trim_start().starts_with('[') {
            let events: Vec<GenerateReply> = json::parse(answer)?;
            for event in events {
                self.absorb(event)?;
            }
        } else {
            self.absorb(json::parse(answer)?)?;
        }
        self.finish()
    }

    fn event(&mut self, event: &Event) -> Result<ControlFlow<()>> {
        match event.data.trim() {
            // No word of Google's, but proxies like to end a stream with it.
            "" | "[DONE]" => {}
            data => self.absorb(json::parse(data)?)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self) -> Result<()> {
        self.finish()
    }

    fn ready(&mut self) -> &mut VecDeque<Chunk> {
        &mut self.ready
    }

    fn queued(&self) -> usize {
        self.ready.len()
    }
}

impl Reader {
    fn absorb(&mut self, reply: GenerateReply) -> Result<()> {
        if let Some(error) = reply.error {
            return Err(failure::from_stream(&error));
        }
        if let Some(usage) = reply.usage_metadata {
            self.usage = Some(usage.after(self.usage.unwrap_or_default()));
        }
        let block_reason = reply.prompt_feedback.and_then(|said| said.block_reason);
        if block_reason
            .is_some_and(|word| !matches!(word.as_str(), "" | "BLOCK_REASON_UNSPECIFIED"))
        {
            self.finish = Some(FinishReason::ContentFilter);
        }
        for candidate in reply.candidates.unwrap_or_default() {
            // One answer was asked for; a server that sends more is not followed into mixing them.
            if candidate.index.unwrap_or(0) == 0 {
                self.candidate(candidate)?;
            }
        }
        Ok(())
    }

    fn candidate(&mut self, candidate: Candidate) -> Result<()> {
        let content = candidate.content.unwrap_or_default();
        for part in content.parts.unwrap_or_default() {
            self.part(part)?;
        }
        let tokens = candidate.logprobs_result.map(Vec::<TokenLogprob>::from);
        if let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) {
            self.ready.push_back(Chunk::Logprobs(tokens));
        }
        let grounding = candidate.grounding_metadata.unwrap_or_default();
        for chunk in grounding.grounding_chunks.unwrap_or_default() {
            if let Some(page) = chunk.web {
                self.cite(page.into());
            }
        }
        let word = candidate.finish_reason.unwrap_or_default();
        if let Some(finish) = finish_reason(&word, candidate.finish_message.as_deref())? {
            self.finish = Some(finish);
        }
        Ok(())
    }

    fn part(&mut self, part: PartBody) -> Result<()> {
        if let Some(call) = part.function_call {
            return self.function_call(call, part.thought_signature.as_deref());
        }
        let Some(text) = part.text.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        self.ready.push_back(if part.thought == Some(true) {
            Chunk::Reasoning(text)
        } else {
            Chunk::Text(text)
        });
        Ok(())
    }

    fn function_call(&mut self, call: FunctionCallBody, signature: Option<&str>) -> Result<()> {
        let Some(name) = call.name.filter(|name| !name.is_empty()) else {
            return Err(Error::upstream(
                "the upstream sent a function call without a name",
            ));
        };
        let arguments = match call.args {
            Some(args) if !args.is_null() => args.to_string(),
            _ => "{}".to_owned(),
        };
        self.ready.push_back(Chunk::ToolCall(ToolCallDelta {
            index: self.calls,
            id: Some(call_id::hand_out(call.id.as_deref(), signature)),
            name: Some(name),
            arguments,
        }));
        self.calls += 1;
        Ok(())
    }

    fn cite(&mut self, source: Source) {
        let url = source.url.clone().unwrap_or_default();
        if !url.is_empty() && self.cited.insert(url) {
            self.ready.push_back(Chunk::Citation(source));
        }
    }

    /// The answer is over: hands out usage and the reason.
    fn finish(&mut self) -> Result<()> {
        let finish = match self.finish {
            Some(FinishReason::Stop) if self.calls > 0 => FinishReason::ToolCalls,
            Some(finish) => finish,
            None => {
                return Err(Error::upstream(
                    "the upstream's answer ended before it was finished",
                ));
            }
        };
        if let Some(usage) = self.usage.take() {
            self.ready.push_back(Chunk::Usage(Usage::from(usage)));
        }
        self.ready.push_back(Chunk::Finish(finish));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
