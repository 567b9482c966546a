//! Reasoning in the making: what the model thought, as a summary, and the provider's proof of it.

use super::ResponseWriter;
use crate::answer::EventFrame;
use crate::wire::responses::event::{ResponseEventReply, ResponsePartReply};
use crate::wire::responses::item::{OutputItemReply, OutputReasoningReply, SummaryTextReply};

impl ResponseWriter {
    pub(super) fn thought(&mut self, text: &str, frame: &mut EventFrame) {
        self.open_reasoning(frame);
        let output_index = self.last_place();
        let Some(OutputItemReply::Reasoning(reasoning)) = self.output.last_mut() else {
            return;
        };
        if reasoning.summary.is_empty() {
            let part = SummaryTextReply::new();
            let event = ResponseEventReply {
                output_index,
                item_id: Some(&reasoning.id),
                summary_index: Some(0),
                part: Some(ResponsePartReply::Summary(&part)),
                ..ResponseEventReply::of("response.reasoning_summary_part.added")
            };
            self.numbering.send(event, frame);
            reasoning.summary.push(part);
        }
        let event = ResponseEventReply {
            output_index,
            item_id: Some(&reasoning.id),
            summary_index: Some(0),
            delta: Some(text),
            ..ResponseEventReply::of("response.reasoning_summary_text.delta")
        };
        self.numbering.send(event, frame);
        if let Some(part) = reasoning.summary.last_mut() {
            part.text.push_str(text);
        }
    }

    fn open_reasoning(&mut self, frame: &mut EventFrame) {
        if self.is_last_open && matches!(self.output.last(), Some(OutputItemReply::Reasoning(_))) {
            return;
        }
        self.end_last("completed", frame);
        let reasoning = OutputReasoningReply {
            id: format!("rs_{}_{}", self.id, self.output.len()),
            summary: Vec::new(),
            encrypted_content: None,
            status: "in_progress",
        };
        self.begin_item(OutputItemReply::Reasoning(reasoning), frame);
        self.is_last_open = true;
    }

    /// A signature ends the thought it belongs to.
    pub(super) fn signature(&mut self, signature: String, frame: &mut EventFrame) {
        self.open_reasoning(frame);
        if let Some(OutputItemReply::Reasoning(reasoning)) = self.output.last_mut() {
            reasoning.encrypted_content = Some(signature);
        }
        self.end_last("completed", frame);
    }
}
