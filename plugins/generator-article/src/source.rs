//! Where the source text comes from: the input itself, or the page at an address, read by the research plugin.

use inkstone_plugin::generator::{Result, Source};
use inkstone_plugin::{Error, tools};
use serde::{Deserialize, Serialize};

use crate::input::Input;
use crate::text::{to_heading, word_count};

/// The tool that reads pages.
const FETCH_TOOL: &str = "research-web/fetch";
/// As much of a source as is used and kept in checkpoints, in characters.
const MOST_CHARS: usize = 40_000;

/// A source text, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceText {
    pub text: String,
    url: Option<String>,
    title: Option<String>,
    author: Option<String>,
    published: Option<String>,
}

impl SourceText {
    /// For the draft.
    pub fn sources(&self) -> Vec<Source> {
        vec![Source {
            url: self.url.clone(),
            title: self.title.clone(),
            author: self.author.clone(),
            published: self.published.clone(),
        }]
    }
}

/// The source, if the input names one.
pub fn load(input: &Input) -> Result<Option<SourceText>> {
    let given = input
        .source_text
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let source = match (given, &input.source_url) {
        (Some(text), url) => SourceText {
            text: bounded(text),
            url: url.clone(),
            title: text
                .lines()
                .find(|line| line.starts_with("# "))
                .and_then(to_heading)
                .or_else(|| {
                    url.is_none()
                        .then(|| "Source text given by the author".to_owned())
                }),
            author: None,
            published: None,
        },
        (None, Some(url)) => fetch(url)?,
        (None, None) => return Ok(None),
    };
    if word_count(&source.text) < 20 {
        return Err(Error::invalid_input(
            "the source has fewer than 20 words of text; give a longer `source_text`, or leave it out",
        ));
    }
    Ok(Some(source))
}

fn fetch(url: &str) -> Result<SourceText> {
    let answer = tools::call(FETCH_TOOL, &Address { url }).map_err(|error| {
        error.context(format!(
            "the page at `source_url` cannot be read with {FETCH_TOOL}"
        ))
    })?;
    let known = answer.sources.into_iter().next().unwrap_or_default();
    Ok(SourceText {
        text: bounded(&answer.text),
        url: known.url.or_else(|| Some(url.to_owned())),
        title: known.title,
        author: known.author,
        published: known.published,
    })
}

#[derive(Serialize)]
struct Address<'a> {
    url: &'a str,
}

fn bounded(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}
