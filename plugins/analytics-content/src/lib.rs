//! Measures a text. Here is what the report is made of and in which order; how the text is taken apart stands in
//! `document` and `prose`, each kind of number in a file of its own.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod document;
mod headings;
mod input;
mod keywords;
mod plots;
mod prose;
mod readability;
mod sentiment;
mod syllables;
#[cfg(test)]
mod tests;

use inkstone_plugin::analytics::*;

use document::Kind;
pub use input::Input;
use prose::Sentence;
use readability::Counts;

/// Silent reading of English non-fiction (M. Brysbaert, "How many words do we read per minute? A review and
/// meta-analysis of reading rate", Journal of Memory and Language 109, 2019).
const READING_WORDS_PER_MINUTE: f64 = 238.0;
/// SMOG was fitted to samples of this many sentences.
const SMOG_SENTENCES: usize = 30;

/// The analytics of texts.
pub struct Content;

impl Analytics for Content {
    fn reports(&self) -> Vec<Report> {
        vec![Report::new(
            "content",
            "Content",
            "Readability, length, sentiment, keywords and headings of a text.",
            content,
        )]
    }
}

inkstone_plugin::export_analytics!(Content);

fn content(input: Input) -> Result<Vec<Block>> {
    let document = document::blocks(&input.text);
    let paragraphs = paragraphs(&document);
    let Some(counts) = Counts::of(paragraphs.iter().flatten()) else {
        return Err(Error::invalid_input(
            "`text` holds no words to measure; code, HTML and images are not read",
        ));
    };
    let places = places(&input, &document);
    let (outline, heading_problems) = headings::outline(&document, input.title());

    let mut blocks = length(&counts, places.word_count, paragraphs.len());
    blocks.extend(readability(&counts, input.is_english()));
    blocks.push(
        metric(
            "heading-problems",
            "Heading problems",
            heading_problems as f64,
        )
        .with_note("What the table of headings finds wrong.")
        .into(),
    );
    let lengths = paragraphs.iter().map(|sentences| {
        let words: usize = sentences.iter().map(|sentence| sentence.words.len()).sum();
        words as f64 / sentences.len().max(1) as f64
    });
    let lengths: Vec<f64> = lengths.collect();
    if input.is_english() {
        blocks.extend(sentiment(&paragraphs));
    }
    blocks.push(plots::by_paragraph(
        "sentence-length-by-paragraph",
        "Mean sentence length by paragraph",
        &lengths,
    ));
    let sentence_lengths = paragraphs
        .iter()
        .flatten()
        .map(|sentence| sentence.words.len());
    blocks.push(plots::sentence_lengths(
        &sentence_lengths.collect::<Vec<_>>(),
    )?);
    blocks.push(outline);
    if !input.keywords.is_empty() {
        blocks.push(keywords::wanted(&places, &input.keywords));
    }
    blocks.push(keywords::terms(&places, &input.primary_language()));
    Ok(blocks)
}

/// The sentences of each block of prose. A text that is nothing but headings or tables is measured by those.
fn paragraphs(document: &[document::Block]) -> Vec<Vec<Sentence<'_>>> {
    let sentences_of = |wanted: &dyn Fn(Kind) -> bool| -> Vec<Vec<Sentence<'_>>> {
        let chosen = document.iter().filter(|block| wanted(block.kind));
        let sentences = chosen.map(|block| prose::sentences(&block.text));
        sentences.filter(|found| !found.is_empty()).collect()
    };
    let prose = sentences_of(&|kind| kind == Kind::Prose);
    if prose.is_empty() {
        return sentences_of(&|_| true);
    }
    prose
}

fn places(input: &Input, document: &[document::Block]) -> keywords::Places {
    let folded = |text: &str| -> Vec<String> { prose::words(text).map(prose::folded).collect() };
    let headings = document
        .iter()
        .filter(|block| matches!(block.kind, Kind::Heading(_)));
    let headings: Vec<Vec<String>> = headings.map(|block| folded(&block.text)).collect();
    let first_heading = document.iter().find(|block| block.kind == Kind::Heading(1));
    let title = input
        .title()
        .or(first_heading.map(|block| block.text.as_str()));
    let opening = document.iter().find(|block| block.kind == Kind::Prose);
    let blocks: Vec<Vec<String>> = document.iter().map(|block| folded(&block.text)).collect();
    keywords::Places {
        title: folded(title.unwrap_or_default()),
        headings,
        opening: folded(opening.map(|block| block.text.as_str()).unwrap_or_default()),
        word_count: blocks.iter().map(Vec::len).sum(),
        blocks,
    }
}

fn length(counts: &Counts, words: usize, paragraphs: usize) -> Vec<Block> {
    let minutes = words as f64 / READING_WORDS_PER_MINUTE;
    vec![
        metric("words", "Words", words as f64)
            .with_note("Everything that is read, headings and tables too; not code.")
            .into(),
        metric("sentences", "Sentences", counts.sentences as f64).into(),
        metric("paragraphs", "Paragraphs", paragraphs as f64)
            .with_note("Paragraphs, list items and quotes.")
            .into(),
        metric(
            "words-per-sentence",
            "Words per sentence",
            counts.words_per_sentence(),
        )
        .into(),
        metric("reading-time", "Reading time", minutes)
            .with_unit("min")
            .with_note("At 238 words a minute (Brysbaert 2019).")
            .into(),
    ]
}

fn readability(counts: &Counts, is_english: bool) -> Vec<Block> {
    let lix = metric("lix", "LIX", counts.lix()).with_note(
        "Below 30 very easy, 40 average, above 60 very hard; fits most European languages.",
    );
    if !is_english {
        return vec![lix.into()];
    }
    let ease = counts.flesch_reading_ease();
    let ease_note = format!(
        "{}; 60 to 70 is plain English, higher is easier.",
        readability::ease_in_words(ease)
    );
    let smog = metric("smog", "SMOG grade", counts.smog()).with_unit("grade");
    let smog = if counts.sentences < SMOG_SENTENCES {
        smog.with_note("Made for 30 sentences or more; take it as a hint here.")
    } else {
        smog.with_note("School years that full understanding takes.")
    };
    vec![
        metric("flesch-reading-ease", "Flesch Reading Ease", ease)
            .with_note(first_upper(&ease_note))
            .into(),
        metric(
            "flesch-kincaid-grade",
            "Flesch-Kincaid grade",
            counts.flesch_kincaid_grade(),
        )
        .with_unit("grade")
        .with_note("US school grade that can read it.")
        .into(),
        metric("gunning-fog", "Gunning fog", counts.gunning_fog())
            .with_unit("grade")
            .with_note("School years that a first reading takes.")
            .into(),
        smog.into(),
        metric("coleman-liau", "Coleman-Liau index", counts.coleman_liau())
            .with_unit("grade")
            .with_note("US school grade, by letters instead of syllables.")
            .into(),
        lix.into(),
    ]
}

fn sentiment(paragraphs: &[Vec<Sentence<'_>>]) -> Vec<Block> {
    let meter = sentiment::Meter::new();
    let scores: Vec<Vec<f64>> = paragraphs
        .iter()
        .map(|sentences| {
            sentences
                .iter()
                .map(|sentence| meter.sentence(sentence))
                .collect()
        })
        .collect();
    let overall = sentiment::mean(&scores.concat());
    let by_paragraph: Vec<f64> = scores
        .iter()
        .map(|scores| sentiment::mean(scores))
        .collect();
    let note = format!(
        "{}; the mean of its sentences, from -1 to 1 (VADER).",
        sentiment::in_words(overall)
    );
    vec![
        metric("sentiment", "Sentiment", overall)
            .with_note(first_upper(&note))
            .into(),
        plots::by_paragraph(
            "sentiment-by-paragraph",
            "Sentiment by paragraph",
            &by_paragraph,
        ),
    ]
}

fn metric(id: &str, title: &str, value: f64) -> Metric {
    Metric::new(id, title, rounded(value))
}

/// To two places: what is beyond them is noise in every number here.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
