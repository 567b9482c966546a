//! How many tokens a request will cost, roughly: for reservations, and for what an upstream did not tell.

use inkstone_domain::chat::{Chunk, Part, Request, Usage};

/// Bytes of text in a token, on the low side for English.
const BYTES_PER_TOKEN: usize = 4;
/// What a message costs beside its words.
const PER_MESSAGE: usize = 4;
/// An image of middling size.
const PER_IMAGE: usize = 1_000;

/// Tokens of a text.
pub(crate) fn tokens_of(text_bytes: usize) -> u64 {
    text_bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// Tokens of pictures.
pub(crate) fn of_pictures(count: usize) -> u64 {
    (count * PER_IMAGE) as u64
}

/// Tokens of everything that is sent.
pub(crate) fn input_tokens(request: &Request) -> u64 {
    let mut tokens = 0;
    for message in &request.messages {
        tokens += PER_MESSAGE;
        for part in &message.parts {
            tokens += match part {
                Part::Text(text) => text.len().div_ceil(BYTES_PER_TOKEN),
                Part::Image(_) => PER_IMAGE,
                Part::ToolCall(call) => {
                    (call.name.len() + call.arguments.len()).div_ceil(BYTES_PER_TOKEN)
                }
                Part::Thought(thought) => thought.text.len().div_ceil(BYTES_PER_TOKEN),
                Part::ToolResult { content, .. } => content.len().div_ceil(BYTES_PER_TOKEN),
            };
        }
    }
    for tool in &request.tools {
        let bytes = tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
        tokens += bytes.div_ceil(BYTES_PER_TOKEN);
    }
    tokens as u64
}

/// What an upstream told of a call that writes nothing; where it told nothing, its input is estimated.
pub(crate) fn told_or(told: Usage, input_tokens: u64) -> Usage {
    match told == Usage::default() {
        false => told,
        true => Usage {
            input_tokens,
            ..told
        },
    }
}

/// What an answer that broke off has cost, where nobody says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    bytes: usize,
}

impl Written {
    pub fn add(&mut self, chunk: &Chunk) {
        self.bytes += match chunk {
            Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
            Chunk::ToolCall(delta) => delta.arguments.len(),
            _ => 0,
        };
    }

    pub fn usage(self, input_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens: tokens_of(self.bytes),
            ..Usage::default()
        }
    }
}
