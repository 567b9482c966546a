//! The imports in the very shape that `wit-bindgen` gives them, answered by the scripts of the parent module.

use super::{Call, play, unscripted, with};

pub(crate) mod http {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::{Call, play, with};
    use crate::Result;
    use crate::http::Request;

    pub(crate) struct Body(RefCell<VecDeque<Result<Vec<u8>>>>);

    pub(crate) struct Response {
        pub(crate) status: u16,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) body: Body,
        pub(crate) url: String,
    }

    impl Body {
        pub(crate) fn read(&self) -> Result<Option<Vec<u8>>> {
            self.0.borrow_mut().pop_front().transpose()
        }
    }

    pub(crate) fn send(request: &Request) -> Result<Response> {
        with(|host| host.calls.push(Call::Http(request.clone())));
        let answer = play(|host| &mut host.http, "http", request)?;
        Ok(Response {
            status: answer.status,
            headers: answer.headers,
            body: Body(RefCell::new(answer.pieces.into())),
            url: answer.url.unwrap_or_else(|| request.url.clone()),
        })
    }
}

pub(crate) mod inference {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::{Call, play, unscripted, with};
    use crate::Result;
    use crate::inference::{Event, GenerateRequest, Model};

    pub(crate) struct Generation(RefCell<VecDeque<Result<Event>>>);

    impl Generation {
        pub(crate) fn next(&self) -> Result<Option<Event>> {
            self.0.borrow_mut().pop_front().transpose()
        }
    }

    pub(crate) fn models() -> Result<Vec<Model>> {
        match with(|host| host.inference_models.clone()) {
            Some(models) => Ok(models),
            None => unscripted("inference_models"),
        }
    }

    pub(crate) fn generate(request: &GenerateRequest) -> Result<Generation> {
        with(|host| host.calls.push(Call::Generate(request.clone())));
        let events = play(|host| &mut host.inference, "inference", request)?;
        Ok(Generation(RefCell::new(events.into())))
    }

    pub(crate) fn embed(model: &str, inputs: &[String]) -> Result<(Vec<Vec<f32>>, u32)> {
        let argument = (model.to_owned(), inputs.to_vec());
        with(|host| {
            host.calls
                .push(Call::Embed(argument.0.clone(), argument.1.clone()));
        });
        play(
            |host| &mut host.inference_embed,
            "inference_embed",
            &argument,
        )
    }

    /// A word is a token here.
    pub(crate) fn count_tokens(_model: &str, text: &str) -> Result<u32> {
        Ok(text.split_whitespace().count() as u32)
    }
}

pub(crate) mod ai {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::{Call, play, with};
    use crate::ai::Reply;
    use crate::chat::{
        Chunk, EmbedReply, EmbedRequest, FinishReason, Request, ToolCall, ToolCallDelta,
    };
    use crate::testing::AiAnswer;
    use crate::{Result, Usage};

    pub(crate) struct Completion(RefCell<VecDeque<Result<Chunk>>>);

    impl Completion {
        pub(crate) fn next(&self) -> Result<Option<Chunk>> {
            self.0.borrow_mut().pop_front().transpose()
        }
    }

    pub(crate) fn complete(request: &Request) -> Result<Reply> {
        let answer = answer(request)?;
        let mut reply = Reply {
            text: String::new(),
            tool_calls: Vec::new(),
            finish: FinishReason::Stop,
            usage: Usage::default(),
            model: answer.model,
        };
        for chunk in answer.chunks {
            match chunk? {
                Chunk::Text(text) => reply.text.push_str(&text),
                Chunk::ToolCall(delta) => add_delta(&mut reply.tool_calls, delta),
                Chunk::Usage(usage) => reply.usage = usage,
                Chunk::Finish(finish) => reply.finish = finish,
                Chunk::Reasoning(_)
                | Chunk::ThoughtSignature(_)
                | Chunk::Citation(_)
                | Chunk::Logprobs(_) => {}
            }
        }
        Ok(reply)
    }

    pub(crate) fn stream(request: &Request) -> Result<Completion> {
        Ok(Completion(RefCell::new(answer(request)?.chunks.into())))
    }

    pub(crate) fn embed(request: &EmbedRequest) -> Result<EmbedReply> {
        with(|host| host.calls.push(Call::AiEmbed(request.clone())));
        play(|host| &mut host.ai_embed, "ai_embed", request)
    }

    fn answer(request: &Request) -> Result<AiAnswer> {
        with(|host| host.calls.push(Call::Ai(request.clone())));
        play(|host| &mut host.ai, "ai", request)
    }

    fn add_delta(calls: &mut Vec<ToolCall>, delta: ToolCallDelta) {
        let index = delta.index as usize;
        while calls.len() <= index {
            calls.push(ToolCall {
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
            });
        }
        let call = &mut calls[index];
        call.id.push_str(delta.id.as_deref().unwrap_or_default());
        call.name
            .push_str(delta.name.as_deref().unwrap_or_default());
        call.arguments.push_str(&delta.arguments);
    }
}

pub(crate) mod tools {
    use super::{Call, play, with};
    use crate::Result;
    use crate::tools::Answer;

    pub(crate) fn call(tool: &str, input: &str) -> Result<Answer> {
        let argument = (
            tool.to_owned(),
            serde_json::from_str::<serde_json::Value>(input)?,
        );
        with(|host| {
            host.calls
                .push(Call::Tool(argument.0.clone(), argument.1.clone()));
        });
        play(|host| &mut host.tools, "tools", &argument)
    }
}

pub(crate) mod search {
    use super::{Call, play, with};
    use crate::Result;
    use crate::search::{Hit, Passage, Query};

    pub(crate) fn find(query: &Query) -> Result<Vec<Hit>> {
        with(|host| host.calls.push(Call::Search(query.clone())));
        play(|host| &mut host.search, "search", query)
    }

    pub(crate) fn passages(query: &Query) -> Result<Vec<Passage>> {
        with(|host| host.calls.push(Call::Passages(query.clone())));
        play(|host| &mut host.passages, "passages", query)
    }
}

pub(crate) mod kv {
    use super::with;
    use crate::{Error, Result};

    pub(crate) fn get(key: &str) -> Result<Option<Vec<u8>>> {
        check(key)?;
        Ok(with(|host| host.keys.get(key).cloned()))
    }

    pub(crate) fn put(key: &str, value: &[u8]) -> Result<()> {
        check(key)?;
        with(|host| host.keys.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    pub(crate) fn delete(key: &str) -> Result<()> {
        check(key)?;
        with(|host| host.keys.remove(key));
        Ok(())
    }

    pub(crate) fn list_keys(prefix: &str) -> Result<Vec<String>> {
        let keys = with(|host| host.keys.keys().cloned().collect::<Vec<_>>());
        let fitting = keys.into_iter().filter(|key| key.starts_with(prefix));
        Ok(fitting.take(1000).collect())
    }

    fn check(key: &str) -> Result<()> {
        if (1..=256).contains(&key.len()) {
            return Ok(());
        }
        Err(Error::invalid_input("a key has 1 to 256 bytes"))
    }
}

pub(crate) mod log {
    use super::with;
    use crate::log::Level;

    pub(crate) fn write(level: Level, message: &str, fields: &[(String, String)]) {
        let line = (level, message.to_owned(), fields.to_vec());
        with(|host| host.logs.push(line));
    }
}

pub(crate) mod settings {
    use super::with;

    pub(crate) fn get() -> String {
        with(|host| host.settings.clone())
    }
}

pub(crate) mod clock {
    use super::with;

    pub(crate) fn now_ms() -> u64 {
        with(|host| host.now_ms)
    }

    pub(crate) fn monotonic_ns() -> u64 {
        now_ms() * 1_000_000
    }
}

pub(crate) mod random {
    use super::with;

    pub(crate) fn bytes(len: u32) -> Vec<u8> {
        with(|host| {
            let byte = |_| (host.random.next_u64() >> 32) as u8;
            (0..len).map(byte).collect()
        })
    }
}
