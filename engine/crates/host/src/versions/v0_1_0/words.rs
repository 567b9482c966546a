//! The words of 0.1.0 and the latest ones, in both directions. Words that are the same in both are
//! listed with every field and case by name, so that a latest version that drifts does not compile
//! until somebody has said what an old plugin shall get.

use wasmtime::component::{Resource, ResourceAny};

/// What 0.1.0 calls it.
mod old {
    pub use inkstone_bindings::v0_1_0::analytics::exports::inkstone::plugin::analytics;
    pub use inkstone_bindings::v0_1_0::generator::exports::inkstone::plugin::generator;
    pub use inkstone_bindings::v0_1_0::imports::{
        ai, chat, http, inference, log, search, tools, types,
    };
    pub use inkstone_bindings::v0_1_0::provider::exports::inkstone::plugin::provider;
    pub use inkstone_bindings::v0_1_0::research::exports::inkstone::plugin::research;
}

/// What the latest version calls it.
mod new {
    pub use inkstone_bindings::latest::analytics::exports::inkstone::plugin::analytics;
    pub use inkstone_bindings::latest::generator::exports::inkstone::plugin::generator;
    pub use inkstone_bindings::latest::imports::{
        ai, chat, http, inference, log, search, tools, types,
    };
    pub use inkstone_bindings::latest::provider::exports::inkstone::plugin::provider;
    pub use inkstone_bindings::latest::research::exports::inkstone::plugin::research;
}

/// The same thing in the words of the other version.
pub(in crate::versions) trait Same<T> {
    fn same(self) -> T;
}

/// Needs no other words.
macro_rules! unchanged {
    ($($word:ty),* $(,)?) => {
        $(impl Same<$word> for $word {
            fn same(self) -> $word {
                self
            }
        })*
    };
}

macro_rules! record {
    ($($module:ident::$name:ident { $($field:ident),* $(,)? })*) => {
        $(record!(@one old new $module $name { $($field)* });
        record!(@one new old $module $name { $($field)* });)*
    };
    (@one $from:ident $to:ident $module:ident $name:ident { $($field:ident)* }) => {
        impl Same<$to::$module::$name> for $from::$module::$name {
            fn same(self) -> $to::$module::$name {
                let Self { $($field),* } = self;
                $to::$module::$name { $($field: $field.same()),* }
            }
        }
    };
}

macro_rules! cases {
    ($($module:ident::$name:ident { $($case:ident $(($inner:ident))?),* $(,)? })*) => {
        $(cases!(@one old new $module $name { $($case $(($inner))?)* });
        cases!(@one new old $module $name { $($case $(($inner))?)* });)*
    };
    (@one $from:ident $to:ident $module:ident $name:ident { $($case:ident $(($inner:ident))?)* }) => {
        impl Same<$to::$module::$name> for $from::$module::$name {
            fn same(self) -> $to::$module::$name {
                match self {
                    $(Self::$case $(($inner))? => $to::$module::$name::$case $(($inner.same()))?),*
                }
            }
        }
    };
}

/// An old error says nothing of the upstream's code.
impl Same<new::types::Error> for old::types::Error {
    fn same(self) -> new::types::Error {
        let Self {
            kind,
            message,
            retry_after_ms,
            upstream_status,
        } = self;
        new::types::Error {
            kind: kind.same(),
            message,
            retry_after_ms,
            upstream_status,
            code: None,
        }
    }
}

/// The code is left out. Where the guest hands the error on, the host still has the whole of it.
impl Same<old::types::Error> for new::types::Error {
    fn same(self) -> old::types::Error {
        let Self {
            kind,
            message,
            retry_after_ms,
            upstream_status,
            code: _,
        } = self;
        old::types::Error {
            kind: kind.same(),
            message,
            retry_after_ms,
            upstream_status,
        }
    }
}

cases! {
    types::ErrorKind {
        InvalidInput, Unauthorized, Forbidden, NotFound, Conflict, RateLimited, Timeout, Upstream,
        Unavailable, Cancelled, Unsupported, Internal,
    }
    log::Level { Trace, Debug, Info, Warn, Error }
    inference::ModelKind { Generation, Embedding }
    inference::Finish { Stop, Length }
    inference::Event { Text(text), Done(done) }
    chat::Role { System, User, Assistant, Tool }
    chat::ImageSource { Bytes(bytes), Url(url) }
    chat::ToolChoice { Auto, Forbid, Require, Named(name) }
    chat::ResponseFormat { Text, JsonObject, JsonSchema(format) }
    chat::FinishReason { Stop, Length, ToolCalls, ContentFilter }
    generator::Event { Progress(progress), Text(text), Checkpoint(bytes), Draft(draft) }
    analytics::Cell { Text(text), Number(number), Empty }
    analytics::Block { Metric(metric), Series(series), Table(table), Chart(chart) }
}

record! {
    types::Usage { input_tokens, output_tokens, cached_input_tokens, reasoning_tokens }
    types::Source { url, title, author, published }
    http::Request { method, url, headers, body, credential, timeout_ms }
    http::Response { status, headers, body, url }
    inference::Model { id, kind, context_length, chat_template, bos_token, eos_token }
    inference::GenerateRequest {
        model, prompt, max_tokens, temperature, top_p, top_k, repeat_penalty, seed, stop,
    }
    inference::Done { finish, input_tokens, output_tokens }
    chat::Image { media_type, source }
    chat::ToolCall { id, name, arguments }
    chat::ToolResult { tool_call_id, content }
    chat::ToolDefinition { name, description, parameters }
    chat::JsonSchemaFormat { name, schema, strict }
    chat::Sampling {
        temperature, top_p, top_k, frequency_penalty, presence_penalty, repeat_penalty, seed,
        max_tokens, stop,
    }
    chat::ToolCallDelta { index, id, name, arguments }
    chat::EmbedRequest { model, inputs, dimensions }
    chat::EmbedReply { vectors, usage }
    ai::Reply { text, tool_calls, finish, usage, model }
    tools::Answer { content, text, sources }
    search::Hit { id, title, snippet, score }
    generator::Template { id, title, description, input_schema }
    generator::Progress { step, done, total }
    generator::Draft { title, summary, body, tags, meta_description, language, sources }
    research::Tool { name, title, description, input_schema }
    research::Answer { content, text, sources }
    analytics::ReportInfo { id, title, description, input_schema }
    analytics::Metric { id, title, value, unit, note }
    analytics::Point { x, y }
    analytics::Series { id, title, points }
    analytics::Table { id, title, columns, rows }
    analytics::Chart { id, title, spec }
}

/// An old plugin asks for no more than a text and a project.
impl Same<new::search::Query> for old::search::Query {
    fn same(self) -> new::search::Query {
        new::search::Query {
            text: self.text,
            limit: self.limit,
            project: self.project,
            tags: Vec::new(),
            locale: None,
            ratio: None,
        }
    }
}

/// An old provider lists no models that rerank.
impl Same<new::provider::ModelKind> for old::provider::ModelKind {
    fn same(self) -> new::provider::ModelKind {
        match self {
            Self::Chat => new::provider::ModelKind::Chat,
            Self::Embedding => new::provider::ModelKind::Embedding,
        }
    }
}

impl Same<new::provider::Model> for old::provider::Model {
    fn same(self) -> new::provider::Model {
        let Self {
            id,
            kind,
            context_length,
        } = self;
        new::provider::Model {
            id,
            kind: kind.same(),
            context_length,
        }
    }
}

/// What is new is left to its defaults.
impl Same<new::chat::Request> for old::chat::Request {
    fn same(self) -> new::chat::Request {
        let Self {
            model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            extra,
        } = self;
        new::chat::Request {
            model,
            messages: messages.same(),
            tools: tools.same(),
            tool_choice: tool_choice.same(),
            response_format: response_format.same(),
            sampling: sampling.same(),
            logprobs: None,
            drop_unsupported: false,
            stream: true,
            extra,
        }
    }
}

/// Log probabilities are left out: who must have them is refused by `complete`.
impl Same<old::chat::Request> for new::chat::Request {
    fn same(self) -> old::chat::Request {
        let Self {
            model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            logprobs: _,
            drop_unsupported: _,
            stream: _,
            extra,
        } = self;
        old::chat::Request {
            model,
            messages: messages.same(),
            tools: tools.same(),
            tool_choice: tool_choice.same(),
            response_format: response_format.same(),
            sampling: sampling.same(),
            extra,
        }
    }
}

impl Same<new::chat::Message> for old::chat::Message {
    fn same(self) -> new::chat::Message {
        let Self { role, name, parts } = self;
        new::chat::Message {
            role: role.same(),
            name,
            parts: parts.same(),
        }
    }
}

/// What was thought is left out, as a model without this word has it.
impl Same<old::chat::Message> for new::chat::Message {
    fn same(self) -> old::chat::Message {
        use {new::chat::Part, old::chat::Part as OldPart};
        let Self { role, name, parts } = self;
        let parts = parts.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(OldPart::Text(text)),
            Part::Image(image) => Some(OldPart::Image(image.same())),
            Part::ToolCall(call) => Some(OldPart::ToolCall(call.same())),
            Part::ToolResult(result) => Some(OldPart::ToolResult(result.same())),
            Part::Thought(_) => None,
        });
        old::chat::Message {
            role: role.same(),
            name,
            parts: parts.collect(),
        }
    }
}

impl Same<new::chat::Part> for old::chat::Part {
    fn same(self) -> new::chat::Part {
        match self {
            Self::Text(text) => new::chat::Part::Text(text),
            Self::Image(image) => new::chat::Part::Image(image.same()),
            Self::ToolCall(call) => new::chat::Part::ToolCall(call.same()),
            Self::ToolResult(result) => new::chat::Part::ToolResult(result.same()),
        }
    }
}

impl Same<new::chat::Chunk> for old::chat::Chunk {
    fn same(self) -> new::chat::Chunk {
        match self {
            Self::Text(text) => new::chat::Chunk::Text(text),
            Self::Reasoning(text) => new::chat::Chunk::Reasoning(text),
            Self::ToolCall(delta) => new::chat::Chunk::ToolCall(delta.same()),
            Self::Citation(source) => new::chat::Chunk::Citation(source.same()),
            Self::Usage(usage) => new::chat::Chunk::Usage(usage.same()),
            Self::Finish(reason) => new::chat::Chunk::Finish(reason.same()),
        }
    }
}

/// What an old guest has no word for comes as a thought without words.
impl Same<old::chat::Chunk> for new::chat::Chunk {
    fn same(self) -> old::chat::Chunk {
        match self {
            Self::Text(text) => old::chat::Chunk::Text(text),
            Self::Reasoning(text) => old::chat::Chunk::Reasoning(text),
            Self::ThoughtSignature(_) | Self::Logprobs(_) => {
                old::chat::Chunk::Reasoning(String::new())
            }
            Self::ToolCall(delta) => old::chat::Chunk::ToolCall(delta.same()),
            Self::Citation(source) => old::chat::Chunk::Citation(source.same()),
            Self::Usage(usage) => old::chat::Chunk::Usage(usage.same()),
            Self::Finish(reason) => old::chat::Chunk::Finish(reason.same()),
        }
    }
}

unchanged!(bool, String, u8, u16, u32, u64, f32, f64, ResourceAny);

impl<T: 'static> Same<Resource<T>> for Resource<T> {
    fn same(self) -> Self {
        self
    }
}

impl<A: Same<B>, B> Same<Option<B>> for Option<A> {
    fn same(self) -> Option<B> {
        self.map(Same::same)
    }
}

/// In place: where the words have the same shape, no memory is asked for.
impl<A: Same<B>, B> Same<Vec<B>> for Vec<A> {
    fn same(self) -> Vec<B> {
        self.into_iter().map(Same::same).collect()
    }
}

impl<A: Same<B>, B, C: Same<D>, D> Same<(B, D)> for (A, C) {
    fn same(self) -> (B, D) {
        (self.0.same(), self.1.same())
    }
}

impl<A: Same<B>, B, E: Same<F>, F> Same<Result<B, F>> for Result<A, E> {
    fn same(self) -> Result<B, F> {
        match self {
            Ok(value) => Ok(value.same()),
            Err(error) => Err(error.same()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_loses_its_code_and_nothing_else() {
        let error = new::types::Error {
            kind: new::types::ErrorKind::RateLimited,
            message: "no balance".to_owned(),
            retry_after_ms: Some(7),
            upstream_status: Some(429),
            code: Some("insufficient_quota".to_owned()),
        };
        let old: old::types::Error = error.same();
        assert_eq!(old.kind, old::types::ErrorKind::RateLimited);
        let back: new::types::Error = old.same();
        assert_eq!(back.kind, new::types::ErrorKind::RateLimited);
        assert_eq!(back.message, "no balance");
        assert_eq!(back.retry_after_ms, Some(7));
        assert_eq!(back.upstream_status, Some(429));
        assert_eq!(back.code, None);
    }

    #[test]
    fn a_report_arrives_whole() {
        let table = old::analytics::Table {
            id: "t".to_owned(),
            title: "T".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: vec![vec![
                old::analytics::Cell::Number(1.5),
                old::analytics::Cell::Empty,
            ]],
        };
        let blocks: Vec<new::analytics::Block> = vec![old::analytics::Block::Table(table)].same();
        let [new::analytics::Block::Table(table)] = &blocks[..] else {
            panic!("{blocks:?}");
        };
        assert_eq!(table.columns, ["a", "b"]);
        let [row] = &table.rows[..] else {
            panic!("{table:?}");
        };
        assert!(matches!(
            row[..],
            [
                new::analytics::Cell::Number(1.5),
                new::analytics::Cell::Empty
            ]
        ));
    }

    #[test]
    fn every_kind_of_error_comes_back_as_itself() {
        use new::types::ErrorKind;
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::Unauthorized,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::RateLimited,
            ErrorKind::Timeout,
            ErrorKind::Upstream,
            ErrorKind::Unavailable,
            ErrorKind::Cancelled,
            ErrorKind::Unsupported,
            ErrorKind::Internal,
        ] {
            let old: old::types::ErrorKind = kind.same();
            let back: ErrorKind = old.same();
            assert_eq!(back, kind);
        }
    }
}
