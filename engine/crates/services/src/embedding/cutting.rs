//! Cuts a text into pieces that a model takes in one go: on its structure, so that a piece is about one thing, and
//! with an overlap, so that nothing is lost between two. Each piece is embedded with what it stands under.

use std::ops::Range;

use inkstone_domain::content::ArticleText;
use inkstone_domain::digest::sha256;
use unicode_segmentation::UnicodeSegmentation;

/// What a piece is at most; characters. Small models read 256 tokens, which is about a thousand.
const MOST: usize = 900;
/// From here on a piece ends where a paragraph does.
const ENOUGH: usize = 600;
/// From here on it ends where a section does.
const LITTLE: usize = 200;
/// What a piece has of the one before it, at most.
const OVERLAP: usize = 100;
/// Of the summary, in the first piece.
const LEAD: usize = 300;
/// Of a title and of each heading; more says nothing more.
const LABEL: usize = 150;

/// A piece of a text, ready to be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the body.
    pub at: Range<usize>,
    /// Those it stands under, the outermost first.
    pub headings: Vec<String>,
    /// Title, headings above it, and itself.
    pub text: String,
}

impl Piece {
    /// The same for the same text and model, whatever article it is of.
    pub fn digest(&self, model: &str) -> String {
        sha256(format!("{model}\n{}", self.text).as_bytes())
    }
}

/// The pieces of an article, in their order; one where it has a title alone, none where it has nothing.
pub fn pieces(text: &ArticleText) -> Vec<Piece> {
    pieces_of(&text.title, &text.summary, &text.body)
}

/// The same of any text.
pub(crate) fn pieces_of(title: &str, summary: &str, body: &str) -> Vec<Piece> {
    let cuts = cuts(body);
    let title: String = title.trim().chars().take(LABEL).collect();
    let summary: String = summary.trim().chars().take(LEAD).collect();
    if cuts.is_empty() {
        let label = [title, summary].join("\n").trim().to_owned();
        let only = Piece {
            at: 0..0,
            headings: Vec::new(),
            text: label,
        };
        return Some(only)
            .filter(|only| !only.text.is_empty())
            .into_iter()
            .collect();
    }
    let pieces = cuts.into_iter().enumerate().map(|(number, cut)| {
        let lead = if number == 0 { summary.as_str() } else { "" };
        let above = cut.headings.join(" > ");
        let own = &body[cut.at.clone()];
        let parts = [title.as_str(), &above, lead, own];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Piece {
            text: parts.join("\n"),
            at: cut.at,
            headings: cut.headings,
        }
    });
    pieces.collect()
}

/// A part of the body, and the headings it stands under.
struct Cut {
    at: Range<usize>,
    headings: Vec<String>,
}

/// A sentence, a line of code, or a part of what is too long: what is never cut.
struct Atom {
    at: Range<usize>,
    length: usize,
    /// What begins with it.
    begins: Begins,
    /// Number in the list of sections.
    section: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begins {
    Sentence,
    Paragraph,
    Section,
}

fn cuts(body: &str) -> Vec<Cut> {
    let (atoms, sections) = atoms(body);
    let mut cuts = Vec::new();
    let mut first = 0;
    while first < atoms.len() {
        let next = end_of_piece(&atoms, first);
        cuts.push(Cut {
            at: atoms[first].at.start..atoms[next - 1].at.end,
            headings: sections[atoms[first].section].clone(),
        });
        if next == atoms.len() {
            break;
        }
        first = start_of_next(&atoms, first, next);
    }
    cuts
}

/// Number of the first atom that is not in the piece.
fn end_of_piece(atoms: &[Atom], first: usize) -> usize {
    let mut length = atoms[first].length;
    for (next, atom) in (first + 1..).zip(&atoms[first + 1..]) {
        let is_end = length + atom.length > MOST
            || (atom.begins >= Begins::Paragraph && length >= ENOUGH)
            || (atom.begins == Begins::Section && length >= LITTLE);
        if is_end {
            return next;
        }
        length += atom.length;
    }
    atoms.len()
}

/// Some sentences back, but not into another section and never to where the piece before began.
fn start_of_next(atoms: &[Atom], first: usize, next: usize) -> usize {
    let mut start = next;
    let mut overlap = 0;
    while start > first + 1
        && atoms[start].begins != Begins::Section
        && overlap + atoms[start - 1].length <= OVERLAP
    {
        start -= 1;
        overlap += atoms[start].length;
    }
    start
}

/// All atoms of a body, and the headings of each section.
fn atoms(body: &str) -> (Vec<Atom>, Vec<Vec<String>>) {
    let mut reading = Reading::default();
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        reading.line(body, at, line);
        at += line.len();
    }
    reading.end_paragraph(body);
    (reading.atoms, reading.sections)
}

/// A body, line by line.
struct Reading {
    atoms: Vec<Atom>,
    /// Headings of each section, the outermost first; the first has none.
    sections: Vec<Vec<String>>,
    /// Levels of the headings of the section at hand.
    levels: Vec<usize>,
    /// The lines of a paragraph so far.
    paragraph: Range<usize>,
    /// What ends the code that is being read.
    fence: Option<&'static str>,
    next: Begins,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            atoms: Vec::new(),
            sections: vec![Vec::new()],
            levels: Vec::new(),
            paragraph: 0..0,
            fence: None,
            next: Begins::Section,
        }
    }
}

impl Reading {
    fn line(&mut self, body: &str, at: usize, line: &str) {
        let bare = line.trim();
        let fence = ["```", "~~~"].into_iter().find(|it| bare.starts_with(it));
        if let Some(end) = self.fence {
            self.push(body, at..at + line.len());
            if fence == Some(end) {
                self.fence = None;
                self.next = Begins::Paragraph;
            }
            return;
        }
        if fence.is_some() {
            self.end_paragraph(body);
            self.fence = fence;
            self.push(body, at..at + line.len());
            return;
        }
        if let Some((level, heading)) = heading(bare) {
            self.end_paragraph(body);
            self.begin_section(level, heading);
            self.push(body, at..at + line.len());
            self.next = Begins::Sentence;
            return;
        }
        if bare.is_empty() {
            self.end_paragraph(body);
            return;
        }
        if self.paragraph.is_empty() {
            self.paragraph = at..at;
        }
        self.paragraph.end = at + line.len();
    }

    fn begin_section(&mut self, level: usize, heading: &str) {
        let mut headings = self.sections.last().cloned().unwrap_or_default();
        while self.levels.last().is_some_and(|above| *above >= level) {
            self.levels.pop();
            headings.pop();
        }
        self.levels.push(level);
        headings.push(heading.chars().take(LABEL).collect());
        self.sections.push(headings);
        self.next = Begins::Section;
    }

    fn end_paragraph(&mut self, body: &str) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = &body[paragraph.clone()];
        for (at, sentence) in text.split_sentence_bound_indices() {
            let start = paragraph.start + at;
            self.push(body, start..start + sentence.len());
        }
        if !paragraph.is_empty() {
            self.next = Begins::Paragraph;
        }
    }

    /// What is too long is cut between words.
    fn push(&mut self, body: &str, at: Range<usize>) {
        let text = body[at.clone()].trim_end();
        let length = text.chars().count();
        if length == 0 {
            return;
        }
        if length <= MOST {
            self.push_atom(at.start..at.start + text.len(), length);
            return;
        }
        let mut start = at.start;
        let mut length = 0;
        for (word_at, word) in text.split_word_bound_indices() {
            let longer = word.chars().count();
            if length + longer > MOST && length > 0 {
                self.push_atom(start..at.start + word_at, length);
                start = at.start + word_at;
                length = 0;
            }
            length += longer;
        }
        self.push_atom(start..at.start + text.len(), length);
    }

    fn push_atom(&mut self, at: Range<usize>, length: usize) {
        self.atoms.push(Atom {
            at,
            length,
            begins: self.next,
            section: self.sections.len() - 1,
        });
        self.next = Begins::Sentence;
    }
}

/// Level and words of an ATX heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let is_one = (1..=6).contains(&level) && rest.starts_with([' ', '\t']);
    is_one.then(|| (level, rest.trim().trim_end_matches('#').trim_end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn article(title: &str, summary: &str, body: &str) -> ArticleText {
        ArticleText {
            title: title.to_owned(),
            summary: summary.to_owned(),
            body: body.to_owned(),
            ..ArticleText::default()
        }
    }

    fn texts(body: &str) -> Vec<String> {
        let pieces = pieces(&article("", "", body)).into_iter();
        pieces.map(|piece| body[piece.at].to_owned()).collect()
    }

    #[test]
    fn short_texts_are_one_piece_with_what_they_stand_under() {
        let found = pieces(&article(
            "Tides",
            "How they come.",
            "# Causes\n\nThe moon pulls.\n",
        ));
        let [piece] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            piece.text,
            "Tides\nCauses\nHow they come.\n# Causes\n\nThe moon pulls."
        );
        assert_eq!(piece.at, 0..25);
        let bare = pieces(&article("Tides", "", " \n\n"));
        assert_eq!(bare.len(), 1);
        assert_eq!((bare[0].at.clone(), bare[0].text.as_str()), (0..0, "Tides"));
        assert!(pieces(&article(" ", "", "")).is_empty());
    }

    #[test]
    fn sections_are_pieces_of_their_own_once_they_say_enough() {
        let paragraph = "The sea rises and falls twice a day. ".repeat(8);
        let body =
            format!("# One\n\n{paragraph}\n\n## Two\n\n{paragraph}\n\n# Three\n\n{paragraph}");
        let found = pieces(&article("Tides", "", &body));
        let heads: Vec<&str> = found
            .iter()
            .map(|piece| piece.text.lines().nth(1).unwrap())
            .collect();
        assert_eq!(heads, ["One", "One > Two", "Three"]);
        assert!(texts(&body)[1].starts_with("## Two"));
    }

    #[test]
    fn long_paragraphs_are_cut_between_sentences_and_overlap() {
        let body: String = (0..60)
            .map(|number| format!("Sentence number {number} is here. "))
            .collect();
        let found = texts(&body);
        assert!(found.len() >= 2);
        for pair in found.windows(2) {
            let begin = pair[1].split(". ").next().unwrap();
            assert!(pair[0].contains(begin), "{begin}");
            assert!(pair[1].starts_with("Sentence"));
        }
    }

    #[test]
    fn code_is_cut_between_lines_and_its_comments_are_no_headings() {
        let code = format!(
            "```sh\n# no heading\n{}```\n",
            "echo one two three\n".repeat(80)
        );
        let found = texts(&code);
        assert!(found.len() > 1);
        for text in &found {
            assert!(text.lines().all(|line| {
                ["```", "# no", "echo"]
                    .iter()
                    .any(|it| line.starts_with(it))
            }));
        }
        let pieces = pieces(&article("", "", &code));
        assert!(
            pieces
                .iter()
                .all(|piece| piece.text == code[piece.at.clone()])
        );
    }

    #[test]
    fn scripts_without_spaces_are_cut_too() {
        let found = texts(&"潮汐は月の引力で起こる".repeat(200));
        assert!(found.len() > 2);
        assert!(found.iter().all(|text| text.chars().count() <= MOST));
    }

    #[test]
    fn a_digest_is_of_model_and_text() {
        let one = pieces(&article("Tides", "", "The moon pulls."));
        let same = pieces(&article("Tides", "", "The moon pulls."));
        let other = pieces(&article("Tide", "", "The moon pulls."));
        assert_eq!(one[0].digest("a/b"), same[0].digest("a/b"));
        assert_ne!(one[0].digest("a/b"), one[0].digest("a/c"));
        assert_ne!(one[0].digest("a/b"), other[0].digest("a/b"));
    }

    proptest! {
        #[test]
        fn nothing_but_space_is_left_out(body in "([a-zé。. ]{0,40}|#{1,7} ?|```|\n|\n\n|潮汐は月の){0,80}") {
            let pieces = pieces(&article("", "", &body));
            let mut end = 0;
            for piece in &pieces {
                prop_assert!(piece.at.start <= piece.at.end);
                let between = body.get(end..piece.at.start.max(end)).unwrap();
                prop_assert!(between.trim().is_empty(), "{between:?}");
                prop_assert!(body[piece.at.clone()].chars().count() <= MOST + 2 * OVERLAP + 1_000);
                end = end.max(piece.at.end);
            }
            prop_assert!(body[end..].trim().is_empty() || pieces.is_empty() && body.trim().is_empty());
        }
    }
}
