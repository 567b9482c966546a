//! A scripted host for native tests. Each test thread has its own: say what an import shall answer, call the plugin,
//! and look at [`calls`]. An import that was not scripted panics and says what to script; key-value storage, clock
//! and randomness work at once, and always in the same way.
//!
//! ```
//! use inkstone_plugin::{ai, testing};
//!
//! testing::ai(|request| Ok(format!("You said: {}", request.all_text())));
//! assert_eq!(ai::ask("hello").unwrap(), "You said: hello");
//! assert_eq!(testing::ai_requests().len(), 1);
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::chat::{Chunk, EmbedReply, EmbedRequest, FinishReason, Request};
use crate::generator::{self, Event, Generator};
use crate::log::Level;
use crate::random::Seeded;
use crate::subscriber;
use crate::{Result, Usage, analytics, inference, research, search, tools};

pub(crate) mod host;

/// Something the plugin asked of the host.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `ai::complete` or `ai::stream`.
    Ai(Request),
    /// `ai::embed`.
    AiEmbed(EmbedRequest),
    /// An HTTP request.
    Http(crate::http::Request),
    /// A local generation.
    Generate(inference::GenerateRequest),
    /// Local embeddings: model and inputs.
    Embed(String, Vec<String>),
    /// A tool: its name and its input.
    Tool(String, Value),
    /// A search.
    Search(search::Query),
    /// A search for passages.
    Passages(search::Query),
}

/// What a model answers in a test: a text becomes pieces, usage and an end.
#[derive(Debug, Clone)]
pub struct AiAnswer {
    /// What the stream gives.
    pub chunks: Vec<Result<Chunk>>,
    /// `provider/model` that answered.
    pub model: String,
}

impl AiAnswer {
    /// These chunks, as they stand.
    pub fn chunks(chunks: Vec<Result<Chunk>>) -> Self {
        Self {
            chunks,
            model: "test/model".to_owned(),
        }
    }
}

impl<S: Into<String>> From<S> for AiAnswer {
    fn from(text: S) -> Self {
        let text = text.into();
        let words = text.split_inclusive(' ').map(|word| Ok(Chunk::text(word)));
        let mut chunks: Vec<Result<Chunk>> = words.collect();
        let output_tokens = chunks.len() as u64;
        chunks.push(Ok(Chunk::Usage(Usage::new(1, output_tokens))));
        chunks.push(Ok(Chunk::Finish(FinishReason::Stop)));
        Self::chunks(chunks)
    }
}

/// What an upstream answers in a test. Make one with [`response`].
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers; names are put in lower case, as the host does.
    pub headers: Vec<(String, String)>,
    /// The body as it comes.
    pub pieces: Vec<Result<Vec<u8>>>,
    /// The address that answered; the request's own where `None`.
    pub url: Option<String>,
}

/// An empty response with this status.
pub fn response(status: u16) -> HttpAnswer {
    HttpAnswer {
        status,
        headers: Vec::new(),
        pieces: Vec::new(),
        url: None,
    }
}

impl HttpAnswer {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Answers from this address, as after a redirect.
    pub fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// A body in one piece.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.pieces([body])
    }

    /// A body in these pieces.
    pub fn pieces<P: Into<Vec<u8>>>(mut self, pieces: impl IntoIterator<Item = P>) -> Self {
        self.pieces
            .extend(pieces.into_iter().map(|piece| Ok(piece.into())));
        self
    }

    /// The body breaks off with this error.
    pub fn broken(mut self, error: crate::Error) -> Self {
        self.pieces.push(Err(error));
        self
    }

    /// A JSON body.
    pub fn json(self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("test JSON: {error}"));
        self.header("content-type", "application/json").body(body)
    }
}

/// Answers `ai::complete` and `ai::stream`.
pub fn ai<R: Into<AiAnswer>>(mut answer: impl FnMut(&Request) -> Result<R> + 'static) {
    with(|host| host.ai = Some(Box::new(move |request| answer(request).map(Into::into))));
}

/// Answers `ai::embed`.
pub fn ai_embed(answer: impl FnMut(&EmbedRequest) -> Result<EmbedReply> + 'static) {
    with(|host| host.ai_embed = Some(Box::new(answer)));
}

/// Answers HTTP requests.
pub fn http(answer: impl FnMut(&crate::http::Request) -> Result<HttpAnswer> + 'static) {
    with(|host| host.http = Some(Box::new(answer)));
}

/// The local models there are.
pub fn inference_models(models: Vec<inference::Model>) {
    with(|host| host.inference_models = Some(models));
}

/// Answers local generations.
pub fn inference(
    answer: impl FnMut(&inference::GenerateRequest) -> Result<Vec<Result<inference::Event>>> + 'static,
) {
    with(|host| host.inference = Some(Box::new(answer)));
}

/// Answers local embeddings.
pub fn inference_embed(
    mut answer: impl FnMut(&str, &[String]) -> Result<(Vec<Vec<f32>>, u32)> + 'static,
) {
    with(|host| {
        host.inference_embed = Some(Box::new(move |(model, inputs)| answer(model, inputs)));
    });
}

/// Answers calls of tools, by name and input.
pub fn tools(mut answer: impl FnMut(&str, &Value) -> Result<tools::Answer> + 'static) {
    with(|host| host.tools = Some(Box::new(move |(name, input)| answer(name, input))));
}

/// Answers searches.
pub fn search(answer: impl FnMut(&search::Query) -> Result<Vec<search::Hit>> + 'static) {
    with(|host| host.search = Some(Box::new(answer)));
}

/// Answers searches for passages.
pub fn passages(answer: impl FnMut(&search::Query) -> Result<Vec<search::Passage>> + 'static) {
    with(|host| host.passages = Some(Box::new(answer)));
}

/// What the admin set; `{}` until this is called.
pub fn settings(settings: &impl Serialize) {
    let text =
        serde_json::to_string(settings).unwrap_or_else(|error| panic!("test settings: {error}"));
    with(|host| host.settings = text);
}

/// Sets the clock, which stands still otherwise.
pub fn set_clock_ms(now_ms: u64) {
    with(|host| host.now_ms = now_ms);
}

/// Everything the plugin asked so far, in order.
pub fn calls() -> Vec<Call> {
    with(|host| host.calls.clone())
}

/// The requests to models so far, in order.
pub fn ai_requests() -> Vec<Request> {
    let requests = calls().into_iter().filter_map(|call| match call {
        Call::Ai(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

/// The HTTP requests so far, in order.
pub fn http_requests() -> Vec<crate::http::Request> {
    let requests = calls().into_iter().filter_map(|call| match call {
        Call::Http(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

/// The lines logged so far.
pub fn logs() -> Vec<(Level, String)> {
    let lines = log_lines().into_iter();
    lines.map(|(level, message, _)| (level, message)).collect()
}

/// The lines logged so far with their fields.
pub fn log_lines() -> Vec<LogLine> {
    with(|host| host.logs.clone())
}

/// Forgets every script, call, key and line.
pub fn reset() {
    with(|host| *host = Host::default());
}

/// Runs a template to its end and gives every event up to the draft, or the first error.
pub fn generate(
    generator: &impl Generator,
    template: &str,
    input: &Value,
    resume: Option<Vec<u8>>,
) -> Result<Vec<Event>> {
    generator::start(generator, template, &input.to_string(), resume)?.collect()
}

/// Calls a tool of a research plugin.
pub fn call_tool(
    plugin: &impl research::Research,
    tool: &str,
    input: &Value,
) -> Result<research::Answer> {
    research::call(plugin, tool, &input.to_string())
}

/// Runs a report of an analytics plugin.
pub fn run_report(
    plugin: &impl analytics::Analytics,
    report: &str,
    input: &Value,
) -> Result<Vec<analytics::Block>> {
    analytics::run(plugin, report, &input.to_string())
}

/// An event in no project, of a thing without revisions; its id and time are always the same. `kind` is such as
/// `article.created`.
pub fn event(kind: &str, aggregate: &str, data: &impl Serialize) -> subscriber::Event {
    let data = serde_json::to_string(data).unwrap_or_else(|error| panic!("test event: {error}"));
    subscriber::Event {
        id: "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P".to_owned(),
        version: 1,
        type_: kind.to_owned(),
        at: "2026-03-01T12:00:00Z".to_owned(),
        actor: "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P".to_owned(),
        project: None,
        aggregate: subscriber::Aggregate {
            kind: kind.split('.').next().unwrap_or_default().to_owned(),
            id: aggregate.to_owned(),
            revision: None,
        },
        data,
    }
}

/// Level, message and fields of a line.
pub type LogLine = (Level, String, Vec<(String, String)>);

type ModelAndInputs = (String, Vec<String>);
type VectorsAndTokens = (Vec<Vec<f32>>, u32);
type Script<A, R> = Box<dyn FnMut(&A) -> Result<R>>;

struct Host {
    ai: Option<Script<Request, AiAnswer>>,
    ai_embed: Option<Script<EmbedRequest, EmbedReply>>,
    http: Option<Script<crate::http::Request, HttpAnswer>>,
    inference_models: Option<Vec<inference::Model>>,
    inference: Option<Script<inference::GenerateRequest, Vec<Result<inference::Event>>>>,
    inference_embed: Option<Script<ModelAndInputs, VectorsAndTokens>>,
    tools: Option<Script<(String, Value), tools::Answer>>,
    search: Option<Script<search::Query, Vec<search::Hit>>>,
    passages: Option<Script<search::Query, Vec<search::Passage>>>,
    settings: String,
    keys: BTreeMap<String, Vec<u8>>,
    now_ms: u64,
    random: Seeded,
    calls: Vec<Call>,
    logs: Vec<LogLine>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            ai: None,
            ai_embed: None,
            http: None,
            inference_models: None,
            inference: None,
            inference_embed: None,
            tools: None,
            search: None,
            passages: None,
            settings: "{}".to_owned(),
            keys: BTreeMap::new(),
            // 2025-01-01T00:00:00Z
            now_ms: 1_735_689_600_000,
            random: Seeded::new(0),
            calls: Vec::new(),
            logs: Vec::new(),
        }
    }
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::new(Host::default());
}

fn with<R>(act: impl FnOnce(&mut Host) -> R) -> R {
    HOST.with(|host| act(&mut host.borrow_mut()))
}

/// Plays a script outside the borrow, so that it may itself use this module.
fn play<A, R>(
    slot: fn(&mut Host) -> &mut Option<Script<A, R>>,
    name: &str,
    argument: &A,
) -> Result<R> {
    let Some(mut script) = with(|host| slot(host).take()) else {
        unscripted(name);
    };
    let answer = script(argument);
    with(|host| {
        slot(host).get_or_insert(script);
    });
    answer
}

fn unscripted(name: &str) -> ! {
    panic!(
        "the plugin used an import this test has not scripted: call `inkstone_plugin::testing::{name}(…)` first"
    )
}

#[cfg(test)]
mod tests;
