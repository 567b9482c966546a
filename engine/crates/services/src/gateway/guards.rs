//! Checks of prompts and answers, off by default: patterns that are blacked out, terms that are
//! refused, a bound of length, and JSON that is mended.

mod held;

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use inkstone_domain::chat::{Chunk, ChunkStream, Part, Request, ResponseFormat};
use inkstone_domain::{Error, Result, codes};
use regex::{Regex, RegexBuilder};

use self::held::Held;
use inkstone_domain::gateway::GuardsConfig;

/// What an admin set, compiled.
pub(crate) struct Guards {
    redactions: Vec<(String, Regex)>,
    blocked: Option<Regex>,
    max_prompt_chars: Option<usize>,
    repair_json: bool,
}

/// What is to be blacked out.
struct Find {
    range: Range<usize>,
    /// Which pattern found it.
    pattern: usize,
}

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
                if !self.terms(text, 0).is_empty() {
                    return Err(blocked("the prompt"));
                }
                let finds = self.finds(text, 0);
                if !finds.is_empty() {
                    *text = self.blacked_out(text, 0..text.len(), &finds);
                }
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
        if !wants_json && self.finds_nothing() {
            return chunks;
        }
        Box::pin(Guarded {
            guards: std::sync::Arc::clone(self),
            chunks,
            text: Held::default(),
            thoughts: Held::default(),
            wants_json,
            ready: VecDeque::new(),
            is_over: false,
        })
    }

    fn is_idle_for_prompts(&self) -> bool {
        self.finds_nothing() && self.max_prompt_chars.is_none()
    }

    fn finds_nothing(&self) -> bool {
        self.redactions.is_empty() && self.blocked.is_none()
    }

    /// Blocked terms from this byte on. What is before it says where words begin.
    fn terms(&self, text: &str, from: usize) -> Vec<Range<usize>> {
        let blocked = self.blocked.iter();
        blocked.flat_map(|term| all_of(term, text, from)).collect()
    }

    /// What patterns find from this byte on, in the text as it was said. What several find is one find, by
    /// the name that was written first.
    fn finds(&self, text: &str, from: usize) -> Vec<Find> {
        let patterns = self.redactions.iter().enumerate();
        let mut finds: Vec<Find> = patterns
            .flat_map(|(pattern, (_, regex))| {
                all_of(regex, text, from).map(move |range| Find { range, pattern })
            })
            .collect();
        finds.sort_by_key(|find| find.range.start);
        finds.dedup_by(|next, one| {
            let is_same = next.range.start < one.range.end;
            if is_same {
                one.range.end = one.range.end.max(next.range.end);
                one.pattern = one.pattern.min(next.pattern);
            }
            is_same
        });
        finds
    }

    /// This part of a text, with marks in the place of the finds that end in it.
    fn blacked_out(&self, text: &str, part: Range<usize>, finds: &[Find]) -> String {
        let mut said = String::with_capacity(part.len());
        let mut at = part.start;
        for Find { range, pattern } in finds.iter().filter(|find| find.range.end <= part.end) {
            said.push_str(&text[at..range.start]);
            said.push_str(&self.redactions[*pattern].0);
            at = range.end;
        }
        said.push_str(&text[at..part.end]);
        said
    }
}

/// All that is found from this byte on, one after the other. To find nothing is no find.
fn all_of<'a>(
    pattern: &'a Regex,
    text: &'a str,
    mut from: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    std::iter::from_fn(move || {
        while from <= text.len() {
            let found = pattern.find_at(text, from)?;
            if !found.is_empty() {
                from = found.end();
                return Some(found.range());
            }
            let next = text[found.end()..].chars().next();
            from = found.end() + next.map_or(1, char::len_utf8);
        }
        None
    })
}

fn blocked(what: &str) -> Error {
    Error::new(
        &codes::CONTENT_BLOCKED,
        format!("{what} has a term that is not allowed here"),
    )
}

/// An answer with its last words held back, and its last thoughts.
struct Guarded {
    guards: std::sync::Arc<Guards>,
    chunks: ChunkStream,
    text: Held,
    thoughts: Held,
    /// All of the text is held back until its end, and mended.
    wants_json: bool,
    ready: VecDeque<Chunk>,
    is_over: bool,
}

impl Guarded {
    fn take_in(&mut self, chunk: Chunk) -> Result<()> {
        match chunk {
            Chunk::Text(text) if self.wants_json => self.text.hold(&text),
            Chunk::Text(text) => {
                if let Some(said) = self.text.push(&self.guards, &text)? {
                    self.flush_thoughts()?;
                    self.ready.push_back(Chunk::Text(said));
                }
            }
            Chunk::Reasoning(thought) if self.guards.finds_nothing() => {
                self.ready.push_back(Chunk::Reasoning(thought));
            }
            Chunk::Reasoning(thought) => {
                let said = self.thoughts.push(&self.guards, &thought)?;
                self.ready.extend(said.map(Chunk::Reasoning));
            }
            // They say every token, also those that are blacked out.
            Chunk::Logprobs(_) => {}
            Chunk::ThoughtSignature(_) => {
                self.flush_thoughts()?;
                self.ready.push_back(chunk);
            }
            // It comes after what was said before it.
            Chunk::Finish(_) | Chunk::ToolCall(_) => {
                self.flush()?;
                self.ready.push_back(chunk);
            }
            Chunk::Citation(_) | Chunk::Rerouted(_) | Chunk::Usage(_) => {
                self.ready.push_back(chunk);
            }
        }
        Ok(())
    }

    fn flush_thoughts(&mut self) -> Result<()> {
        let left = self.thoughts.flush(&self.guards)?;
        self.ready.extend(left.map(Chunk::Reasoning));
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.flush_thoughts()?;
        let Some(mut text) = self.text.flush(&self.guards)? else {
            return Ok(());
        };
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
