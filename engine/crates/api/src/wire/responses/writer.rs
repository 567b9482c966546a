//! Puts a response together from what a model says, and tells every step as events: an item begins, its
//! pieces come, it ends. At most one message or thought is open, and it is the last item; calls stay open
//! to the end, since their pieces may come in any order.

mod calls;
mod items;
mod texts;
mod thoughts;

use inkstone_domain::chat::{Chunk, FinishReason, Usage};
use inkstone_domain::{Error, Result};

use super::event::{Numbering, ResponseEventReply};
use super::item::{OutputItemReply, UrlAnnotationReply};
use super::reply::{
    IncompleteReply, ResponseEchoReply, ResponseErrorReply, ResponseReply, ResponseUsageReply,
};
use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::wire::inkstone::InkstoneReply;
use crate::wire::logprobs::token_logprobs;

/// A response in the making.
pub(crate) struct ResponseWriter {
    /// What the ids of everything here share.
    id: String,
    response_id: String,
    created_at: i64,
    model: String,
    echo: ResponseEchoReply,
    output: Vec<OutputItemReply>,
    is_last_open: bool,
    /// Which index of a call stands where in the output.
    calls: Vec<(u32, usize)>,
    /// Citations that came before any text.
    early_citations: Vec<UrlAnnotationReply>,
    numbering: Numbering,
    is_rerouted: bool,
    finish: FinishReason,
    usage: Option<Usage>,
    status: &'static str,
    error: Option<ResponseErrorReply>,
}

impl ResponseWriter {
    /// `id` is without a prefix.
    pub(crate) fn new(id: String, created_at: i64, model: String, echo: ResponseEchoReply) -> Self {
        Self {
            response_id: format!("resp_{id}"),
            id,
            created_at,
            model,
            echo,
            output: Vec::new(),
            is_last_open: false,
            calls: Vec::new(),
            early_citations: Vec::new(),
            numbering: Numbering::default(),
            is_rerouted: false,
            finish: FinishReason::Stop,
            usage: None,
            status: "in_progress",
            error: None,
        }
    }

    /// The response as far as it has come.
    pub(crate) fn reply(&self) -> ResponseReply<'_> {
        ResponseReply {
            id: &self.response_id,
            object: "response",
            created_at: self.created_at,
            status: self.status,
            error: self.error.clone(),
            incomplete_details: (self.status == "incomplete")
                .then(|| IncompleteReply::of(self.finish))
                .flatten(),
            model: &self.model,
            output: &self.output,
            usage: self.usage.map(ResponseUsageReply::from),
            background: false,
            previous_response_id: (),
            store: false,
            truncation: "disabled",
            echo: &self.echo,
            inkstone: self
                .is_rerouted
                .then(|| InkstoneReply::rerouted(self.model.as_str())),
        }
    }

    fn send_response(&mut self, kind: &'static str, frame: &mut EventFrame) {
        let mut numbering = std::mem::take(&mut self.numbering);
        let event = ResponseEventReply {
            response: Some(&self.reply()),
            ..ResponseEventReply::of(kind)
        };
        numbering.send(event, frame);
        self.numbering = numbering;
    }
}

impl AnswerWriter for ResponseWriter {
    fn open(&mut self, frame: &mut EventFrame) {
        self.send_response("response.created", frame);
        self.send_response("response.in_progress", frame);
    }

    fn write(&mut self, _: usize, said: Said, frame: &mut EventFrame) -> Result<()> {
        match said.chunk {
            Chunk::Text(text) if text.is_empty() && said.logprobs.is_empty() => {}
            Chunk::Text(text) => self.text(&text, token_logprobs(said.logprobs), frame),
            Chunk::Reasoning(text) if text.is_empty() => {}
            Chunk::Reasoning(text) => self.thought(&text, frame),
            Chunk::ThoughtSignature(signature) => self.signature(signature, frame),
            Chunk::ToolCall(delta) => self.call(delta, frame),
            Chunk::Citation(source) => self.citation(source, frame),
            Chunk::Rerouted(model) => {
                self.model = model;
                self.is_rerouted = true;
            }
            Chunk::Usage(usage) => self.usage = Some(usage),
            Chunk::Finish(reason) => self.finish = reason,
            // They come with their text.
            Chunk::Logprobs(_) => {}
        }
        Ok(())
    }

    fn close(&mut self, frame: &mut EventFrame) {
        self.status = match IncompleteReply::of(self.finish) {
            Some(_) => "incomplete",
            None => "completed",
        };
        self.end_all(self.status, frame);
        let kind = match self.status {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        self.send_response(kind, frame);
    }

    fn fail(&mut self, error: &Error, frame: &mut EventFrame) {
        let failure = ResponseErrorReply::from(error);
        let event = ResponseEventReply {
            code: Some(&failure.code),
            message: Some(&failure.message),
            param: Some(()),
            ..ResponseEventReply::of("error")
        };
        self.numbering.send(event, frame);
        self.output.iter_mut().for_each(OutputItemReply::break_off);
        self.status = "failed";
        self.error = Some(failure);
        self.send_response("response.failed", frame);
    }
}
