//! How items begin and end, whatever they are.

use super::ResponseWriter;
use crate::answer::EventFrame;
use crate::wire::responses::event::{ResponseEventReply, ResponsePartReply};
use crate::wire::responses::item::OutputItemReply;

impl ResponseWriter {
    /// Puts an item behind the others and tells that it has begun.
    pub(super) fn begin_item(&mut self, item: OutputItemReply, frame: &mut EventFrame) {
        let event = ResponseEventReply {
            output_index: Some(self.output.len()),
            item: Some(&item),
            ..ResponseEventReply::of("response.output_item.added")
        };
        self.numbering.send(event, frame);
        self.output.push(item);
    }

    /// The place of the last item.
    pub(super) fn last_place(&self) -> Option<usize> {
        self.output.len().checked_sub(1)
    }

    /// Ends the message or thought that is open, if one is.
    pub(super) fn end_last(&mut self, status: &'static str, frame: &mut EventFrame) {
        if !std::mem::take(&mut self.is_last_open) {
            return;
        }
        let place = self.output.len().saturating_sub(1);
        self.end_item(place, status, frame);
    }

    fn end_item(&mut self, place: usize, status: &'static str, frame: &mut EventFrame) {
        let Some(item) = self.output.get_mut(place) else {
            return;
        };
        item.set_status(status);
        for event in last_events(item) {
            let event = ResponseEventReply {
                output_index: Some(place),
                ..event
            };
            self.numbering.send(event, frame);
        }
    }

    /// What is still open when it all ends; only the very last item may be incomplete.
    pub(super) fn end_all(&mut self, status: &'static str, frame: &mut EventFrame) {
        self.end_last(status, frame);
        let last = self.output.len().saturating_sub(1);
        for (_, place) in std::mem::take(&mut self.calls) {
            let status = if place == last { status } else { "completed" };
            self.end_item(place, status, frame);
        }
    }
}

/// The events that end an item, without its place.
fn last_events(item: &OutputItemReply) -> Vec<ResponseEventReply<'_>> {
    let mut events = Vec::with_capacity(3);
    match item {
        OutputItemReply::Message(message) => {
            for part in &message.content {
                events.push(ResponseEventReply {
                    item_id: Some(&message.id),
                    content_index: Some(0),
                    text: Some(&part.text),
                    logprobs: Some(&part.logprobs),
                    ..ResponseEventReply::of("response.output_text.done")
                });
                events.push(ResponseEventReply {
                    item_id: Some(&message.id),
                    content_index: Some(0),
                    part: Some(ResponsePartReply::Text(part)),
                    ..ResponseEventReply::of("response.content_part.done")
                });
            }
        }
        OutputItemReply::Reasoning(reasoning) => {
            for part in &reasoning.summary {
                events.push(ResponseEventReply {
                    item_id: Some(&reasoning.id),
                    summary_index: Some(0),
                    text: Some(&part.text),
                    ..ResponseEventReply::of("response.reasoning_summary_text.done")
                });
                events.push(ResponseEventReply {
                    item_id: Some(&reasoning.id),
                    summary_index: Some(0),
                    part: Some(ResponsePartReply::Summary(part)),
                    ..ResponseEventReply::of("response.reasoning_summary_part.done")
                });
            }
        }
        OutputItemReply::FunctionCall(call) => events.push(ResponseEventReply {
            item_id: Some(&call.id),
            name: Some(&call.name),
            arguments: Some(&call.arguments),
            ..ResponseEventReply::of("response.function_call_arguments.done")
        }),
    }
    events.push(ResponseEventReply {
        item: Some(item),
        ..ResponseEventReply::of("response.output_item.done")
    });
    events
}
