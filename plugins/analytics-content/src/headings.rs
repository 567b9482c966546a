//! The outline of a text, and what is wrong with it for readers, screen readers and search engines.

use std::collections::HashSet;

use inkstone_plugin::analytics::{Block, Cell, Table};

use crate::document::{self, Kind};
use crate::prose;

/// Words a text may have before it wants headings, and a section before it wants subheadings.
const LONGEST_WITHOUT_HEADING_WORDS: usize = 300;
/// Letters after which search results cut a heading off.
const LONGEST_HEADING_LETTERS: usize = 70;

/// Rows of the table; the problems below them still count.
const MOST_ROWS: usize = 300;

/// A heading and the words up to the next one.
struct Section<'a> {
    level: u8,
    title: &'a str,
    words: usize,
}

/// The headings in order with their problems, and how many problems there are.
pub fn outline(blocks: &[document::Block], title: Option<&str>) -> (Block, usize) {
    let (sections, words_before) = sections(blocks);
    let columns = ["Level", "Heading", "Words", "Problem"];
    let mut table = Table::new("headings", "Headings", &columns);
    let mut found = 0;
    for problem in whole_text_problems(&sections, words_before, title) {
        found += 1;
        table = table.row([Cell::Empty, Cell::Empty, Cell::Empty, problem.into()]);
    }
    let mut seen = HashSet::new();
    for (at, section) in sections.iter().enumerate() {
        let mut problems = section_problems(&sections, at, title);
        if !section.title.is_empty() && !seen.insert(section.title.to_lowercase()) {
            problems.push("the same heading stands above".to_owned());
        }
        found += problems.len();
        if at >= MOST_ROWS {
            continue;
        }
        let problem = match problems.is_empty() {
            true => Cell::Empty,
            false => problems.join("; ").into(),
        };
        table = table.row([
            f64::from(section.level).into(),
            section.title.into(),
            (section.words as f64).into(),
            problem,
        ]);
    }
    (table.into(), found)
}

fn sections(blocks: &[document::Block]) -> (Vec<Section<'_>>, usize) {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut words_before = 0;
    for block in blocks {
        if let Kind::Heading(level) = block.kind {
            sections.push(Section {
                level,
                title: &block.text,
                words: 0,
            });
            continue;
        }
        let words = prose::words(&block.text).count();
        match sections.last_mut() {
            Some(section) => section.words += words,
            None => words_before += words,
        }
    }
    (sections, words_before)
}

fn whole_text_problems(
    sections: &[Section<'_>],
    words_before: usize,
    title: Option<&str>,
) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if title.is_none() && !sections.iter().any(|section| section.level == 1) {
        problems.push("there is no heading of level 1 and no title");
    }
    if sections.is_empty() && words_before > LONGEST_WITHOUT_HEADING_WORDS {
        problems.push("a text of this length wants headings");
    }
    problems
}

fn section_problems(sections: &[Section<'_>], at: usize, title: Option<&str>) -> Vec<String> {
    let section = &sections[at];
    let mut problems = Vec::new();
    if section.title.is_empty() {
        problems.push("the heading is empty".to_owned());
    }
    if section.title.chars().count() > LONGEST_HEADING_LETTERS {
        problems.push(format!("longer than {LONGEST_HEADING_LETTERS} letters"));
    }
    let earlier = &sections[..at];
    if section.level == 1 && earlier.iter().any(|other| other.level == 1) {
        problems.push("a second heading of level 1".to_owned());
    }
    // A title stands for the level above the first heading.
    let before = match earlier.last() {
        Some(other) => Some(other.level),
        None => title.map(|_| 1),
    };
    match before {
        Some(level) if section.level > level + 1 => problems.push(format!(
            "level {level} is followed by level {}: a level is skipped",
            section.level
        )),
        None if section.level > 1 => {
            problems.push(format!(
                "the first heading has level {}, not 1",
                section.level
            ));
        }
        _ => {}
    }
    let next = sections.get(at + 1);
    let goes_deeper = next.is_some_and(|next| next.level > section.level);
    if section.words == 0 && !goes_deeper {
        problems.push("no text below it".to_owned());
    }
    if section.words > LONGEST_WITHOUT_HEADING_WORDS {
        problems.push(format!(
            "more than {LONGEST_WITHOUT_HEADING_WORDS} words without a subheading"
        ));
    }
    problems
}
