//! A conversation with a model: the contract's own types, with builders, so that a request reads like a sentence.
//! Sending one is the business of [`crate::ai`]; answering one, of [`crate::provider`].

use schemars::JsonSchema;

pub use crate::bindings::imports::inkstone::plugin::chat::{
    Chunk, EmbedReply, EmbedRequest, FinishReason, Image, ImageSource, JsonSchemaFormat, Message,
    Part, Ranked, Request, RerankReply, RerankRequest, ResponseFormat, Role, Sampling, Thought,
    TokenLogprob, ToolCall, ToolCallDelta, ToolChoice, ToolDefinition, ToolResult,
};
use crate::schema::schema_text;

impl Request {
    /// An empty conversation with this model. In an `ai` call the empty name is the caller's own choice.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            response_format: ResponseFormat::Text,
            sampling: Sampling::default(),
            logprobs: None,
            drop_unsupported: false,
            stream: true,
            extra: None,
        }
    }

    /// One user message to the model the caller chose.
    pub fn prompt(text: impl Into<String>) -> Self {
        Self::new("").user(text)
    }

    /// Asks this model instead.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a system message.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::system(text))
    }

    /// Adds a user message.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::user(text))
    }

    /// Adds an assistant message, such as the answer of an example.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message::assistant(text))
    }

    /// 0 is greedy.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.sampling.temperature = Some(temperature);
        self
    }

    /// Draws from the smallest set of tokens with this probability together.
    pub fn top_p(mut self, top_p: f32) -> Self {
        self.sampling.top_p = Some(top_p);
        self
    }

    /// Draws from this many best tokens.
    pub fn top_k(mut self, top_k: u32) -> Self {
        self.sampling.top_k = Some(top_k);
        self
    }

    /// Multiplicative penalty on tokens seen; 1 is none.
    pub fn repeat_penalty(mut self, penalty: f32) -> Self {
        self.sampling.repeat_penalty = Some(penalty);
        self
    }

    /// Makes the answer repeatable where the model can promise it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.sampling.seed = Some(seed);
        self
    }

    /// At most this many tokens of answer.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.sampling.max_tokens = Some(tokens);
        self
    }

    /// Ends the answer at this text, which is not part of it.
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.sampling.stop.push(text.into());
        self
    }

    /// Offers a function to the model.
    pub fn tool(mut self, tool: ToolDefinition) -> Self {
        self.tools.push(tool);
        self
    }

    /// Asks for JSON that fits `T`; read the answer with [`crate::json::extract`].
    pub fn json_schema<T: JsonSchema>(mut self, name: impl Into<String>) -> Self {
        self.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
            name: name.into(),
            schema: schema_text::<T>(),
            strict: true,
        });
        self
    }

    /// All text of all messages, for counting and hashing.
    pub fn all_text(&self) -> String {
        let texts: Vec<String> = self.messages.iter().map(Message::text).collect();
        texts.join("\n")
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: None,
            top_p: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            repeat_penalty: None,
            seed: None,
            max_tokens: None,
            stop: Vec::new(),
        }
    }
}

impl Message {
    /// A message of one text.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            name: None,
            parts: vec![Part::Text(text.into())],
        }
    }

    /// A system message.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, text)
    }

    /// A user message.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, text)
    }

    /// An assistant message.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, text)
    }

    /// What a tool answered to the call with this id.
    pub fn tool_result(tool_call_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: Role::Tool,
            name: None,
            parts: vec![Part::ToolResult(ToolResult {
                tool_call_id: tool_call_id.into(),
                content: content.into(),
            })],
        }
    }

    /// Its text parts, joined by line breaks.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        texts.join("\n")
    }
}

impl ToolDefinition {
    /// A function whose arguments are a `T`.
    pub fn new<T: JsonSchema>(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters: schema_text::<T>(),
        }
    }
}

impl Chunk {
    /// A piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl EmbedRequest {
    /// Vectors of these texts, as long as the model makes them.
    pub fn new(model: impl Into<String>, inputs: Vec<String>) -> Self {
        Self {
            model: model.into(),
            inputs,
            dimensions: None,
        }
    }
}

impl RerankRequest {
    /// All of these documents, the best answers to the query first.
    pub fn new(model: impl Into<String>, query: impl Into<String>, documents: Vec<String>) -> Self {
        Self {
            model: model.into(),
            query: query.into(),
            documents,
            top_n: None,
        }
    }
}
