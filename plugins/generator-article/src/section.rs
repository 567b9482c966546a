//! One section: a capable model writes it whole; a small one answers a few small questions, a paragraph each. Every
//! answer is judged and mended; with a source it must stay with the source.

use std::collections::HashSet;

use inkstone_plugin::Result;
use inkstone_plugin::ai::{FinishReason, Request};
use inkstone_plugin::generator::Run;

use crate::asking::{Refusal, ask_until};
use crate::input::Input;
use crate::passages::{Passage, most_relevant};
use crate::plan::{Plan, Section};
use crate::text::{
    before_marks, claims_details, ends_sentence, is_chatter, leans_back, repetition, sentences,
    stems, to_prose, word_count, words,
};

/// Tries for each question before something else is tried.
const TRIES: u32 = 3;
/// A paragraph of a small model; beyond it only wanders off.
const SMALL_ANSWER_TOKENS: u32 = 170;
/// The share of a retold sentence's words that must stand in its passage.
const LEAST_GROUNDED: f64 = 0.75;

/// What is known when a section is written.
pub struct Desk<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    pub passages: &'a [Passage],
    /// The sections that stand, so that nothing is said twice.
    pub written: &'a [String],
}

/// A section as it grows: every paragraph that holds is shown at once.
pub struct Page<'a> {
    run: &'a Run,
    heading: &'a str,
    /// How far the article is, for the line of progress that parts long steps.
    done: u32,
    total: u32,
    paragraphs: Vec<String>,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(run: &'a Run, heading: &'a str, done: u32, total: u32) -> Self {
        Self {
            run,
            heading,
            done,
            total,
            paragraphs: Vec::new(),
        }
    }

    /// What stands on it.
    pub fn into_paragraphs(self) -> Vec<String> {
        self.paragraphs
    }

    /// Lets the host breathe between two questions, so that no single pull of an event takes long.
    async fn next_question(&self) {
        let step = format!("Writing: {}", self.heading);
        self.run.progress(step, self.done, self.total).await;
    }

    async fn add(&mut self, paragraph: String) {
        if self.paragraphs.is_empty() {
            self.run.text(format!("## {}\n\n", self.heading)).await;
        }
        self.run.text(format!("{paragraph}\n\n")).await;
        self.paragraphs.push(paragraph);
    }

    fn word_count(&self) -> usize {
        self.paragraphs.iter().map(|text| word_count(text)).sum()
    }
}

/// Fills the page; it stays empty where the model gave nothing that holds.
pub async fn write(desk: &Desk<'_>, index: usize, page: &mut Page<'_>) -> Result<()> {
    let section = &desk.plan.sections[index];
    page.next_question().await;
    if desk.plan.thorough {
        for paragraph in write_whole(desk, index, section)? {
            page.add(paragraph).await;
        }
    }
    if !page.paragraphs.is_empty() {
        return Ok(());
    }
    if desk.passages.is_empty() {
        write_by_questions(desk, index, section, page).await
    } else {
        write_from_passages(desk, index, section, page).await
    }
}

fn write_whole(desk: &Desk<'_>, index: usize, section: &Section) -> Result<Vec<String>> {
    let input = desk.input;
    let target = input.section_words();
    let outline: Vec<String> = desk
        .plan
        .sections
        .iter()
        .enumerate()
        .map(|(number, section)| format!("{}. {}", number + 1, section.heading))
        .collect();
    let mut prompt = format!(
        "Article: {}\nOutline:\n{}\n\nWrite section {}, \"{}\", in about {target} words.",
        desk.plan.title.as_deref().unwrap_or(&input.topic),
        outline.join("\n"),
        index + 1,
        section.heading
    );
    if !section.points.is_empty() {
        prompt.push_str(&format!(" Cover: {}.", section.points.join("; ")));
    }
    if !input.keywords.is_empty() {
        prompt.push_str(&format!(
            " Where it fits, use: {}.",
            input.keywords.join(", ")
        ));
    }
    prompt.push_str(
        " Markdown paragraphs without a heading. Leave to the other sections what is theirs.",
    );
    let about = format!("{} {}", section.heading, section.points.join(" "));
    let sources = relevant(desk, &about, 3);
    if !sources.is_empty() {
        prompt.push_str(&format!(
            "\nUse only what this source says:\n\"\"\"\n{}\n\"\"\"",
            sources.join("\n\n")
        ));
    }
    let system = format!(
        "You write articles for {}. Tone: {}. Language: {}. You state facts you are sure of, and answer with the text of the section alone.",
        input.audience, input.tone, input.language
    );
    let request = |attempt: u32| {
        Request::new("")
            .system(system.clone())
            .user(prompt.clone())
            .temperature(0.6 + 0.1 * attempt as f32)
            .max_tokens(120 + 3 * target as u32)
    };
    let written = ask_until(
        input.seed,
        &format!("section {index}"),
        TRIES,
        request,
        |answer, finish| {
            let paragraphs = mend_whole(answer, finish, &section.heading, desk.written);
            let text = paragraphs.join(" ");
            if word_count(&text) * 3 < target {
                return Err("too short");
            }
            if repetition(&text) > 0.25 {
                return Err("repeats itself");
            }
            Ok(paragraphs)
        },
    )?;
    Ok(written.unwrap_or_default())
}

/// Markdown blocks without the heading, the chat around them, an end that is cut off, and blocks that stand already.
fn mend_whole(
    answer: &str,
    finish: FinishReason,
    heading: &str,
    written: &[String],
) -> Vec<String> {
    let answer = before_marks(answer);
    let mut blocks: Vec<String> = Vec::new();
    for block in answer.split("\n\n").map(str::trim) {
        let bare = block.trim_matches(['#', '*', ' ']);
        if block.is_empty() || bare.eq_ignore_ascii_case(heading) || block.starts_with("```") {
            continue;
        }
        let is_framing =
            (blocks.is_empty() && block.ends_with(':') && is_chatter(block)) || block == "---";
        let stands = blocks.iter().any(|known| known == block)
            || written.iter().any(|text| text.contains(block));
        if is_framing || stands {
            continue;
        }
        // Headings inside a section go below its own.
        let hashes = block.bytes().take_while(|&byte| byte == b'#').count();
        blocks.push(match hashes {
            1 | 2 => format!("###{}", &block[hashes..]),
            _ => block.to_owned(),
        });
    }
    if finish == FinishReason::Length
        && let Some(last) = blocks.pop()
    {
        let mut kept = sentences(&last);
        kept.retain(|sentence| ends_sentence(sentence));
        if !kept.is_empty() {
            blocks.push(kept.join(" "));
        }
    }
    while blocks.last().is_some_and(|block| block.starts_with('#')) {
        blocks.pop();
    }
    blocks
}

async fn write_by_questions(
    desk: &Desk<'_>,
    index: usize,
    section: &Section,
    page: &mut Page<'_>,
) -> Result<()> {
    let input = desk.input;
    let topic = input.topic_line();
    let target = input.section_words();
    let audience = if input.for_everybody() {
        String::new()
    } else {
        format!(" for {}", input.audience)
    };
    let language = if input.is_english() {
        String::new()
    } else {
        format!(" Language: {}.", input.language)
    };
    let questions = [
        format!(
            "{topic}: {} Answer in five sentences{audience}.{language}",
            section.question
        ),
        format!(
            "{topic}: {}. Give a practical example in four sentences{audience}.{language}",
            section.heading
        ),
        format!(
            "{topic}: {}. What else is good to know? Answer in four sentences{audience}.{language}",
            section.heading
        ),
        format!(
            "{topic}: {}. Why is it so? Answer in four sentences{audience}.{language}",
            section.heading
        ),
    ];
    let wanted = stems(&format!("{topic} {}", section.heading));
    for (number, question) in questions.iter().enumerate() {
        let so_far = page.word_count();
        if so_far * 10 >= target * 6 {
            break;
        }
        if number > 0 {
            page.next_question().await;
        }
        // What only lengthens the section is worth fewer tries.
        let tries = if number == 0 { TRIES } else { 2 };
        let room = (target + target / 4).saturating_sub(so_far);
        let label = format!("section {index} question {number}");
        let request = |attempt: u32| small_request(question.clone(), attempt);
        let answer = ask_until(input.seed, &label, tries, request, |answer, _| {
            let judge = Judge {
                desk,
                standing: &page.paragraphs,
                question,
                wanted: &wanted,
                passage: None,
                // What only lengthens a section, or saves it from being empty, may be a single sentence.
                least_words: if number == 0 { 25 } else { 14 },
                most_words: room.max(60),
            };
            judge.mend(answer)
        })?;
        if let Some(paragraph) = answer {
            page.add(paragraph).await;
        }
    }
    Ok(())
}

async fn write_from_passages(
    desk: &Desk<'_>,
    index: usize,
    section: &Section,
    page: &mut Page<'_>,
) -> Result<()> {
    let input = desk.input;
    let target = input.section_words();
    let own: Vec<String> = section
        .passages
        .iter()
        .filter_map(|&at| desk.passages.get(at))
        .map(|passage| passage.text.clone())
        .collect();
    let passages = if own.is_empty() {
        relevant(desk, &section.heading, 2)
    } else {
        own
    };
    for (number, passage) in passages.iter().enumerate() {
        let so_far = page.word_count();
        if so_far >= target {
            break;
        }
        if number > 0 {
            page.next_question().await;
        }
        let wanted = stems(passage);
        let label = format!("section {index} passage {number}");
        let request = |attempt: u32| {
            Request::new("")
                .system("Rewrite the input text in other words. Keep every fact.")
                .user(passage.as_str())
                .temperature(0.1 + 0.2 * attempt as f32)
                .repeat_penalty(1.05)
                .max_tokens(SMALL_ANSWER_TOKENS)
        };
        let answer = ask_until(input.seed, &label, 2, request, |answer, _| {
            let judge = Judge {
                desk,
                standing: &page.paragraphs,
                question: "",
                wanted: &wanted,
                passage: Some(passage),
                least_words: 25,
                most_words: target.max(60),
            };
            judge.mend(answer)
        })?;
        // What a model cannot retell is quoted: the source itself is never wrong about itself.
        let paragraph = answer.or_else(|| quoted(passage, desk, &page.paragraphs, target.max(60)));
        if let Some(paragraph) = paragraph {
            page.add(paragraph).await;
        }
    }
    Ok(())
}

fn small_request(question: String, attempt: u32) -> Request {
    Request::prompt(question)
        .temperature(0.2 + 0.2 * attempt as f32)
        .repeat_penalty(1.15)
        .max_tokens(SMALL_ANSWER_TOKENS)
}

fn relevant(desk: &Desk<'_>, about: &str, count: usize) -> Vec<String> {
    most_relevant(desk.passages, about, count)
        .into_iter()
        .map(|passage| passage.text.clone())
        .collect()
}

fn quoted(
    passage: &str,
    desk: &Desk<'_>,
    standing: &[String],
    most_words: usize,
) -> Option<String> {
    let said = said_before(desk.written, standing);
    let mut kept: Vec<String> = Vec::new();
    for sentence in sentences(passage) {
        let count: usize = kept.iter().map(|text| word_count(text)).sum();
        if count + word_count(&sentence) > most_words {
            break;
        }
        if ends_sentence(&sentence) && !is_said(&sentence, &said) {
            kept.push(sentence);
        }
    }
    (!kept.is_empty()).then(|| kept.join(" "))
}

/// What a paragraph of a small model must be.
struct Judge<'a> {
    desk: &'a Desk<'a>,
    standing: &'a [String],
    question: &'a str,
    wanted: &'a HashSet<String>,
    passage: Option<&'a String>,
    least_words: usize,
    most_words: usize,
}

impl Judge<'_> {
    /// Keeps the sentences that hold, and refuses what is left if it is too little or off the point.
    fn mend(&self, answer: &str) -> std::result::Result<String, Refusal> {
        let prose = to_prose(answer);
        let mut said = said_before(self.desk.written, self.standing);
        let asked = stems(self.question);
        let mut kept: Vec<String> = Vec::new();
        let mut count = 0;
        let mut follows = false;
        for sentence in sentences(&prose) {
            let length = word_count(&sentence);
            let own = stems(&sentence);
            let holds = ends_sentence(&sentence)
                && !sentence.ends_with(['?', '!'])
                && (4..=60).contains(&length)
                && sentence.matches('"').count() % 2 == 0
                && !is_chatter(&sentence)
                && repetition(&sentence) < 0.2
                && !(own.len() > 2 && asked.is_superset(&own))
                && !is_said(&sentence, &said)
                && self.details_are_backed(&sentence, &own)
                && (follows || !leans_back(&sentence));
            follows = holds;
            if !holds {
                continue;
            }
            if count + length > self.most_words {
                break;
            }
            count += length;
            said.push(own);
            kept.push(sentence);
        }
        let paragraph = kept.join(" ");
        if count < self.least_words {
            return Err("too little holds");
        }
        if repetition(&paragraph) > 0.15 {
            return Err("repeats itself");
        }
        let own = stems(&paragraph);
        if !self.wanted.is_empty() && self.wanted.is_disjoint(&own) {
            return Err("off the point");
        }
        Ok(paragraph)
    }

    /// With a source, its words and numbers must be the source's. Without one, a small model's numbers and names are guesses, and go.
    fn details_are_backed(&self, sentence: &str, own: &HashSet<String>) -> bool {
        let Some(passage) = self.passage else {
            let topic = &self.desk.input.topic;
            return !claims_details(sentence) || claims_details(&format!("about {topic}"));
        };
        let grounded = own.intersection(self.wanted).count() as f64;
        let numbers_stand = words(sentence)
            .iter()
            .filter(|word| word.chars().any(|c| c.is_ascii_digit()))
            .all(|number| passage.contains(number.as_str()));
        numbers_stand && grounded >= LEAST_GROUNDED * own.len() as f64
    }
}

fn said_before(written: &[String], standing: &[String]) -> Vec<HashSet<String>> {
    written
        .iter()
        .chain(standing)
        .flat_map(|text| sentences(text))
        .map(|sentence| stems(&sentence))
        .collect()
}

/// Whether nearly the same was said before.
fn is_said(sentence: &str, said: &[HashSet<String>]) -> bool {
    let own = stems(sentence);
    said.iter().any(|other| {
        let shared = own.intersection(other).count() as f64;
        let all = own.union(other).count() as f64;
        let smaller = own.len().min(other.len()) as f64;
        all > 0.0 && (shared / all > 0.5 || (smaller >= 5.0 && shared / smaller > 0.7))
    })
}
