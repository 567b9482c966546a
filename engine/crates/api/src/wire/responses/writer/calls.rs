//! Calls of functions in the making. Providers number them; their pieces may come in any order.

use inkstone_domain::chat::ToolCallDelta;

use super::ResponseWriter;
use crate::answer::EventFrame;
use crate::wire::responses::event::ResponseEventReply;
use crate::wire::responses::item::{OutputCallReply, OutputItemReply};

/// Calls beyond this are dropped: an index comes from outside.
const MAX_CALLS: usize = 128;

impl ResponseWriter {
    pub(super) fn call(&mut self, delta: ToolCallDelta, frame: &mut EventFrame) {
        let known = self.calls.iter().find(|(index, _)| *index == delta.index);
        let place = match known {
            Some((_, place)) => *place,
            None if self.calls.len() >= MAX_CALLS => return,
            None => self.begin_call(&delta, frame),
        };
        let Some(OutputItemReply::FunctionCall(call)) = self.output.get_mut(place) else {
            return;
        };
        if delta.arguments.is_empty() {
            return;
        }
        let event = ResponseEventReply {
            output_index: Some(place),
            item_id: Some(&call.id),
            delta: Some(&delta.arguments),
            ..ResponseEventReply::of("response.function_call_arguments.delta")
        };
        self.numbering.send(event, frame);
        call.arguments.push_str(&delta.arguments);
    }

    fn begin_call(&mut self, delta: &ToolCallDelta, frame: &mut EventFrame) -> usize {
        self.end_last("completed", frame);
        let place = self.output.len();
        let given = delta.id.clone().filter(|id| !id.is_empty());
        let call = OutputCallReply {
            id: format!("fc_{}_{place}", self.id),
            call_id: given.unwrap_or_else(|| format!("call_{}_{place}", self.id)),
            name: delta.name.clone().unwrap_or_default(),
            arguments: String::new(),
            status: "in_progress",
        };
        self.begin_item(OutputItemReply::FunctionCall(call), frame);
        self.calls.push((delta.index, place));
        place
    }
}
