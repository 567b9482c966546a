//! A source text as passages, and which passage serves which section.

use std::collections::HashSet;

use crate::text::{overlap, sentences, stems, to_heading, word_count};

/// A piece of the source, a few sentences long.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The source's own heading above it.
    pub heading: Option<String>,
    pub text: String,
}

/// Cuts a source into passages of at most `max_words`, at sentence ends, never across its headings.
pub fn split(source: &str, max_words: usize) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    let mut heading: Option<String> = None;
    let mut block = String::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with('#') {
            close(&mut passages, &heading, &mut block, max_words);
            heading = to_heading(line);
        } else if line.is_empty() {
            // Short paragraphs go together; a full one is closed.
            if word_count(&block) >= max_words / 2 {
                close(&mut passages, &heading, &mut block, max_words);
            }
        } else {
            if !block.is_empty() {
                block.push(' ');
            }
            block.push_str(line);
        }
    }
    close(&mut passages, &heading, &mut block, max_words);
    passages
}

/// One run of passages per section, in the source's order, as even as can be.
pub fn spread(passages: &[Passage], sections: usize) -> Vec<Vec<usize>> {
    let sections = sections.min(passages.len()).max(1);
    (0..sections)
        .map(|section| {
            let start = section * passages.len() / sections;
            let end = (section + 1) * passages.len() / sections;
            (start..end).collect()
        })
        .collect()
}

/// The passages that share most words with a section, best first; only those that share any.
pub fn most_relevant<'a>(passages: &'a [Passage], about: &str, count: usize) -> Vec<&'a Passage> {
    let wanted: HashSet<String> = stems(about);
    let mut scored: Vec<(f64, &Passage)> = passages
        .iter()
        .map(|passage| (overlap(&wanted, &stems(&passage.text)), passage))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(count);
    scored.into_iter().map(|(_, passage)| passage).collect()
}

fn close(
    passages: &mut Vec<Passage>,
    heading: &Option<String>,
    block: &mut String,
    max_words: usize,
) {
    let text = std::mem::take(block);
    let mut current = String::new();
    for sentence in sentences(&text) {
        if !current.is_empty() && word_count(&current) + word_count(&sentence) > max_words {
            passages.push(Passage {
                heading: heading.clone(),
                text: std::mem::take(&mut current),
            });
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(&sentence);
    }
    // A few words without a sentence are a caption or a menu.
    if word_count(&current) >= 8 {
        passages.push(Passage {
            heading: heading.clone(),
            text: current,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "# Tomatoes\n\nTomatoes need six hours of sun each day. They want deep pots.\n\n## Water\n\nWater them in the morning, at the root and not on the leaves. Never let the soil dry out fully.\n\nMenu\n";

    #[test]
    fn passages_keep_headings_and_bounds() {
        let passages = split(SOURCE, 20);
        assert_eq!(passages.len(), 2);
        assert_eq!(passages[0].heading.as_deref(), Some("Tomatoes"));
        assert_eq!(passages[1].heading.as_deref(), Some("Water"));
        assert!(passages[1].text.starts_with("Water them"));
        for passage in split(&"One sentence of six words here. ".repeat(30), 20) {
            assert!(word_count(&passage.text) <= 20);
        }
        assert!(split("", 20).is_empty());
    }

    #[test]
    fn the_right_passage_is_found() {
        let passages = split(SOURCE, 20);
        let best = most_relevant(&passages, "When to water the roots", 1);
        assert!(best[0].text.contains("morning"));
        assert!(most_relevant(&passages, "submarines", 3).is_empty());
    }

    #[test]
    fn sections_share_passages_evenly() {
        let passages = split(&"One sentence of six words here. ".repeat(30), 20);
        let runs = spread(&passages, 4);
        assert_eq!(runs.len(), 4);
        assert_eq!(runs.iter().map(Vec::len).sum::<usize>(), passages.len());
        assert_eq!(spread(&passages[..2], 4).len(), 2);
    }
}
