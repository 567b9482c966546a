//! Messages in the making: text with its log probabilities, and citations.

use inkstone_domain::research::Source;

use super::ResponseWriter;
use crate::answer::EventFrame;
use crate::wire::logprobs::TokenLogprobReply;
use crate::wire::responses::event::{ResponseEventReply, ResponsePartReply};
use crate::wire::responses::item::{
    OutputItemReply, OutputMessageReply, OutputTextReply, UrlAnnotationReply, url_annotation,
};

impl ResponseWriter {
    pub(super) fn text(
        &mut self,
        text: &str,
        logprobs: Vec<TokenLogprobReply>,
        frame: &mut EventFrame,
    ) {
        self.open_message(frame);
        let output_index = self.last_place();
        let Some(OutputItemReply::Message(message)) = self.output.last_mut() else {
            return;
        };
        let Some(part) = message.content.last_mut() else {
            return;
        };
        let event = ResponseEventReply {
            output_index,
            item_id: Some(&message.id),
            content_index: Some(0),
            delta: Some(text),
            logprobs: Some(&logprobs),
            ..ResponseEventReply::of("response.output_text.delta")
        };
        self.numbering.send(event, frame);
        part.text.push_str(text);
        part.logprobs.extend(logprobs);
    }

    fn open_message(&mut self, frame: &mut EventFrame) {
        if self.is_last_open && matches!(self.output.last(), Some(OutputItemReply::Message(_))) {
            return;
        }
        self.end_last("completed", frame);
        let id = format!("msg_{}_{}", self.id, self.output.len());
        let message = OutputMessageReply {
            id: id.clone(),
            status: "in_progress",
            role: "assistant",
            content: Vec::new(),
        };
        self.begin_item(OutputItemReply::Message(message), frame);
        self.is_last_open = true;
        let part = OutputTextReply::new();
        let event = ResponseEventReply {
            output_index: self.last_place(),
            item_id: Some(&id),
            content_index: Some(0),
            part: Some(ResponsePartReply::Text(&part)),
            ..ResponseEventReply::of("response.content_part.added")
        };
        self.numbering.send(event, frame);
        if let Some(OutputItemReply::Message(message)) = self.output.last_mut() {
            message.content.push(part);
        }
        for citation in std::mem::take(&mut self.early_citations) {
            self.cite(citation, frame);
        }
    }

    pub(super) fn citation(&mut self, source: Source, frame: &mut EventFrame) {
        let Some(citation) = url_annotation(source) else {
            return;
        };
        match self.is_last_open && matches!(self.output.last(), Some(OutputItemReply::Message(_))) {
            true => self.cite(citation, frame),
            false => self.early_citations.push(citation),
        }
    }

    /// In the message that is open.
    fn cite(&mut self, citation: UrlAnnotationReply, frame: &mut EventFrame) {
        let output_index = self.last_place();
        let Some(OutputItemReply::Message(message)) = self.output.last_mut() else {
            return;
        };
        let Some(part) = message.content.last_mut() else {
            return;
        };
        let event = ResponseEventReply {
            output_index,
            item_id: Some(&message.id),
            content_index: Some(0),
            annotation_index: Some(part.annotations.len()),
            annotation: Some(&citation),
            ..ResponseEventReply::of("response.output_text.annotation.added")
        };
        self.numbering.send(event, frame);
        part.annotations.push(citation);
    }
}
