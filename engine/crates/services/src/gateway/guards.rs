//! Checks of prompts and answers, off by default: patterns that are blacked out, terms that are
//! refused, a bound of length, and JSON that is mended.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use inkstone_domain::chat::{Chunk, ChunkStream, Part, Request, ResponseFormat};
use inkstone_domain::{Error, Result, codes};
use regex::{Regex, RegexBuilder};

use inkstone_domain::gateway::GuardsConfig;

/// What an admin set, compiled.
pub(crate) struct Guards {
    redactions: Vec<(String, Regex)>,
    blocked: Option<Regex>,
    max_prompt_chars: Option<usize>,
    repair_json: bool,
}

/// Bytes of an answer that are held back, so that what lies across two pieces is found too. Longer
/// finds are found in part only.
const HELD_BYTES: usize = 256;

impl Guards {
    /// The error names the pattern that is none.
    pub fn new(config: &GuardsConfig) -> Result<Self> {
        let redactions = config.redact.iter().map(|(name, pattern)| {
            let pattern = compile(pattern, false).map_err(|error| error.context(name.clone()))?;
            Ok((format!("[{name}]"), pattern))
        });
        let terms: Vec<String> = config
            .blocked_terms
            .iter()
            .filter(|term| !term.trim().is_empty())
            .map(|term| whole_word(term.trim()))
            .collect();
        let blocked = match terms.is_empty() {
            true => None,
            false => Some(compile(&terms.join("|"), true)?),
        };
        Ok(Self {
            redactions: redactions.collect::<Result<_>>()?,
            blocked,
            max_prompt_chars: config.max_prompt_chars,
            repair_json: config.repair_json,
        })
    }

    /// Refuses a prompt with `content_blocked`, or blacks out what must not go to an upstream.
    pub fn check_prompt(&self, request: &mut Request) -> Result<()> {
        if self.is_idle_for_prompts() {
            return Ok(());
        }
        let mut chars = 0;
        for message in &mut request.messages {
            for part in &mut message.parts {
                let text = match part {
                    Part::Text(text) => text,
                    Part::ToolResult { content, .. } => content,
                    Part::Image(_) | Part::ToolCall(_) | Part::Thought(_) => continue,
                };
                chars += text.chars().count();
                self.check_terms(text, "the prompt")?;
                self.redact(text);
            }
        }
        match self.max_prompt_chars {
            Some(most) if chars > most => Err(Error::new(
                &codes::CONTENT_BLOCKED,
                format!("the prompt has {chars} characters, and {most} are allowed; shorten it"),
            )),
            _ => Ok(()),
        }
    }

    /// The answer as callers may see it.
    pub fn check_answer(
        self: &std::sync::Arc<Self>,
        format: &ResponseFormat,
        chunks: ChunkStream,
    ) -> ChunkStream {
        let wants_json = self.repair_json && *format != ResponseFormat::Text;
        if !wants_json && self.redactions.is_empty() && self.blocked.is_none() {
            return chunks;
        }
        Box::pin(Guarded {
            guards: std::sync::Arc::clone(self),
            chunks,
            held: String::new(),
            wants_json,
            ready: VecDeque::new(),
            is_over: false,
        })
    }

    fn is_idle_for_prompts(&self) -> bool {
        self.redactions.is_empty() && self.blocked.is_none() && self.max_prompt_chars.is_none()
    }

    fn check_terms(&self, text: &str, what: &str) -> Result<()> {
        let found = self
            .blocked
            .as_ref()
            .is_some_and(|blocked| blocked.is_match(text));
        match found {
            true => Err(Error::new(
                &codes::CONTENT_BLOCKED,
                format!("{what} has a term that is not allowed here"),
            )),
            false => Ok(()),
        }
    }

    fn redact(&self, text: &mut String) {
        for (mark, pattern) in &self.redactions {
            if let std::borrow::Cow::Owned(redacted) = pattern.replace_all(text, mark.as_str()) {
                *text = redacted;
            }
        }
    }
}

/// An answer with its last words held back.
struct Guarded {
    guards: std::sync::Arc<Guards>,
    chunks: ChunkStream,
    held: String,
    /// All of it is held back until its end, and mended.
    wants_json: bool,
    ready: VecDeque<Chunk>,
    is_over: bool,
}

impl Guarded {
    fn take_in(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Text(text) = chunk else {
            // Whatever comes between texts comes after what was said before it.
            if matches!(chunk, Chunk::Finish(_) | Chunk::ToolCall(_)) {
                self.flush()?;
            }
            match chunk {
                Chunk::Reasoning(mut thought) => {
                    self.guards.check_terms(&thought, "the answer")?;
                    self.guards.redact(&mut thought);
                    self.ready.push_back(Chunk::Reasoning(thought));
                }
                // They say every token, also those that are blacked out.
                Chunk::Logprobs(_) => {}
                other => self.ready.push_back(other),
            }
            return Ok(());
        };
        self.held.push_str(&text);
        if self.wants_json || self.held.len() <= HELD_BYTES {
            return Ok(());
        }
        self.guards.check_terms(&self.held, "the answer")?;
        self.guards.redact(&mut self.held);
        let mut end = self.held.len().saturating_sub(HELD_BYTES);
        while !self.held.is_char_boundary(end) {
            end -= 1;
        }
        // Not in the middle of a word, where there is a gap.
        let end = self.held[..end].rfind(char::is_whitespace).unwrap_or(end);
        let rest = self.held.split_off(end);
        let said = std::mem::replace(&mut self.held, rest);
        if !said.is_empty() {
            self.ready.push_back(Chunk::Text(said));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut text = std::mem::take(&mut self.held);
        if text.is_empty() {
            return Ok(());
        }
        self.guards.check_terms(&text, "the answer")?;
        self.guards.redact(&mut text);
        if self.wants_json && !is_json(&text) {
            text = mended(text);
        }
        self.ready.push_back(Chunk::Text(text));
        Ok(())
    }
}

impl Stream for Guarded {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let next = ready!(self.chunks.as_mut().poll_next(context));
            let done = match next {
                Some(Ok(chunk)) => self.take_in(chunk),
                Some(Err(error)) => Err(error),
                None => {
                    self.is_over = true;
                    self.flush()
                }
            };
            if let Err(error) = done {
                self.is_over = true;
                self.ready.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A term that is no part of a longer word; `C++` ends in no letter, and needs no end.
fn whole_word(term: &str) -> String {
    let is_letter = |at: Option<char>| at.is_some_and(|at| at.is_alphanumeric() || at == '_');
    let edge = |at| if is_letter(at) { r"\b" } else { "" };
    let (begin, end) = (edge(term.chars().next()), edge(term.chars().last()));
    format!("{begin}{}{end}", regex::escape(term))
}

/// JSON, where it can be made of the text. What is nested deeper than any answer is left alone.
fn mended(text: String) -> String {
    const DEEPEST: usize = 100;
    if deepest(&text) > DEEPEST {
        return text;
    }
    // Without what models write around it: fences, a sentence.
    let begin = text.find(['{', '[']).unwrap_or(0);
    let end = text.rfind(['}', ']']).map_or(text.len(), |end| end + 1);
    let inner = text.get(begin..end).unwrap_or(&text);
    let options = llm_json::RepairOptions::default();
    let mended = llm_json::repair_json(inner, &options).ok();
    mended.filter(|text| is_json(text)).unwrap_or(text)
}

/// How many brackets are open at once, at most.
fn deepest(text: &str) -> usize {
    let mut open = 0_usize;
    let mut most = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Matching takes time that grows with the text alone, whatever the pattern; how large it may become is
/// bounded here, how deep it may be nested by the crate.
fn compile(pattern: &str, ignores_case: bool) -> Result<Regex> {
    const MOST_BYTES: usize = 1 << 20;
    const MOST_SHOWN: usize = 300;
    let compiled = RegexBuilder::new(pattern)
        .case_insensitive(ignores_case)
        .size_limit(MOST_BYTES)
        .build();
    compiled.map_err(|error| {
        let why = match error {
            regex::Error::CompiledTooBig(_) => {
                format!("it becomes larger than {MOST_BYTES} bytes; repeat less in it")
            }
            // It shows the pattern, whole.
            error => error.to_string().chars().take(MOST_SHOWN).collect(),
        };
        let message = format!("a pattern of `[gateway.guards]` is none: {why}");
        Error::new(&codes::INVALID_CONFIG, message)
    })
}

#[cfg(test)]
mod tests;
