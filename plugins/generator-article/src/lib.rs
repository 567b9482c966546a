//! Writes an article: outline, sections, frame. Here is the script alone, what is done in which order and what is
//! kept for a resume; how each step asks and judges stands in `plan`, `section` and `finish`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asking;
mod finish;
mod input;
mod passages;
mod plan;
mod section;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod vocabulary;

use inkstone_plugin::generator::*;
use inkstone_plugin::log;
use serde::{Deserialize, Serialize};

pub use input::{Input, Length};
use plan::Plan;
use section::{Desk, Page};
use source::SourceText;

/// Words of the source a small model is shown at once, at most and at least.
const MOST_PASSAGE_WORDS: usize = 110;
const LEAST_PASSAGE_WORDS: usize = 30;

/// The generator of articles.
pub struct Articles;

impl Generator for Articles {
    fn templates(&self) -> Vec<Template> {
        vec![Template::new(
            "article",
            "Article",
            "An article with headings, summary, tags and meta description; from a topic alone, or from a source text or page.",
            write,
        )]
    }
}

inkstone_plugin::export_generator!(Articles);

/// Everything a resume needs: no finished section is asked for again.
#[derive(Serialize, Deserialize)]
struct State {
    source: Option<SourceText>,
    plan: Plan,
    /// The sections done, in order; empty where the model gave nothing that holds.
    written: Vec<String>,
}

async fn write(input: Input, run: Run) -> Result<Draft> {
    let mut state = match run.resume::<State>() {
        Some(state) => state,
        None => {
            let total = input.section_count() as u32 + 2;
            run.progress("Planning the outline", 0, total).await;
            let source = source::load(&input)?;
            let passages = passages_of(&input, source.as_ref());
            let plan = plan::make(&input, &passages)?;
            let state = State {
                source,
                plan,
                written: Vec::new(),
            };
            run.checkpoint(&state).await?;
            state
        }
    };
    let passages = passages_of(&input, state.source.as_ref());
    let count = state.plan.sections.len();
    let total = count as u32 + 2;
    for index in state.written.len()..count {
        let heading = state.plan.sections[index].heading.clone();
        let desk = Desk {
            input: &input,
            plan: &state.plan,
            passages: &passages,
            written: &state.written,
        };
        let mut page = Page::new(&run, &heading, index as u32 + 1, total);
        section::write(&desk, index, &mut page).await?;
        let paragraphs = page.into_paragraphs();
        if paragraphs.is_empty() {
            log::warn(format!("section {} is left out: no answer held", index + 1));
        }
        state.written.push(paragraphs.join("\n\n"));
        give_up_if_hopeless(&state, count)?;
        run.checkpoint(&state).await?;
    }
    run.progress("Title, summary and tags", total - 1, total)
        .await;
    let draft = finished(&input, &state)?;
    run.progress("Done", total, total).await;
    Ok(draft)
}

/// Two empty sections from the start, or half of all at the end, are no article.
fn give_up_if_hopeless(state: &State, count: usize) -> Result<()> {
    let empty = state.written.iter().filter(|text| text.is_empty()).count();
    let done = state.written.len();
    let hopeless =
        (empty == done && (done == 2 || done == count)) || (done == count && empty * 2 > count);
    if !hopeless {
        return Ok(());
    }
    Err(Error::upstream(
        "the model gave no usable text, not even after several tries; use a larger model, another seed, or a source text",
    ))
}

fn finished(input: &Input, state: &State) -> Result<Draft> {
    let mut body = String::new();
    let mut kept = Plan {
        sections: Vec::new(),
        ..state.plan.clone()
    };
    let mut texts: Vec<String> = Vec::new();
    for (section, text) in state.plan.sections.iter().zip(&state.written) {
        if text.is_empty() {
            continue;
        }
        body.push_str(&format!("## {}\n\n{text}\n\n", section.heading));
        kept.sections.push(section.clone());
        texts.push(text.clone());
    }
    let frame = finish::make(input, &kept, &texts)?;
    let sources = state.source.as_ref().map(SourceText::sources);
    Ok(Draft {
        title: frame.title,
        summary: frame.summary,
        body: body.trim_end().to_owned() + "\n",
        tags: frame.tags,
        meta_description: frame.meta_description,
        language: input.language.clone(),
        sources: sources.unwrap_or_default(),
    })
}

/// The same for the same input and source, so that a plan may refer to passages by number.
fn passages_of(input: &Input, source: Option<&SourceText>) -> Vec<passages::Passage> {
    let Some(source) = source else {
        return Vec::new();
    };
    // A short source is cut finer, so that there is something for each section.
    let even_share = text::word_count(&source.text) / input.section_count();
    let most_words = even_share.clamp(LEAST_PASSAGE_WORDS, MOST_PASSAGE_WORDS);
    passages::split(&source.text, most_words)
}
