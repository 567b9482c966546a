//! The index's fields, and how something becomes a document of the index.
//!
//! `text` holds the terms of all fields, those of the title thrice and of summary and tags twice: BM25F as
//! its authors first wrote it, at the price of one list per term. The raw texts are stored beside.

use inkstone_domain::search::{Document, DocumentKind, Readers};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};

use crate::text::{Form, Stemming, forms, written};

/// Rises with every change of fields or analysis; an index of another version is rebuilt.
pub(crate) const VERSION: u32 = 5;

/// Name of the analyser of texts, which are lists of terms: see [`written`].
pub(crate) const TEXT: &str = "inkstone_text";

/// How often a term of the field counts.
const TITLE_WEIGHT: usize = 3;
const SUMMARY_WEIGHT: usize = 2;
const TAGS_WEIGHT: usize = 2;
const BODY_WEIGHT: usize = 1;
/// Between two fields, so that no phrase spans them; positions.
const GAP: u32 = 16;
/// Bits of a number in `starts`.
const START_BITS: u32 = 21;

#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub id: Field,
    pub revision: Field,
    pub kind: Field,
    /// Who may find it, with its kind: see [`reader`].
    pub readers: Field,
    pub project: Field,
    pub status: Field,
    pub tag: Field,
    pub category: Field,
    pub author: Field,
    pub language: Field,
    pub content_type: Field,
    /// Code of the language whose stems the terms are.
    pub stemming: Field,
    pub created_at: Field,
    pub updated_at: Field,
    /// Pieces in the whole text.
    pub words: Field,
    /// Terms of all fields; positions count through.
    pub text: Field,
    pub title: Field,
    pub summary: Field,
    pub tags: Field,
    /// Every form once, as written.
    pub surface: Field,
    /// Positions at which summary, tags and body begin.
    pub starts: Field,
    pub conversation: Field,
    pub stored_title: Field,
    pub stored_summary: Field,
    pub stored_body: Field,
}

pub(crate) fn build() -> (Schema, Fields) {
    let positions = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TEXT)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let surface = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TEXT)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic),
    );

    let mut builder = Schema::builder();
    let fields = Fields {
        id: builder.add_text_field("id", STRING | STORED | FAST),
        revision: builder.add_u64_field("revision", FAST),
        kind: builder.add_text_field("kind", STRING | FAST),
        readers: builder.add_text_field("readers", STRING),
        project: builder.add_text_field("project", STRING | STORED | FAST),
        status: builder.add_text_field("status", STRING | STORED | FAST),
        tag: builder.add_text_field("tag", STRING | STORED | FAST),
        category: builder.add_text_field("category", STRING | FAST),
        author: builder.add_text_field("author", STRING | FAST),
        language: builder.add_text_field("locale", STRING | FAST),
        content_type: builder.add_text_field("type", STRING | FAST),
        stemming: builder.add_text_field("stemming", STRING),
        created_at: builder.add_u64_field("created_at", FAST | INDEXED),
        updated_at: builder.add_u64_field("updated_at", FAST | INDEXED),
        words: builder.add_u64_field("words", FAST | INDEXED),
        text: builder.add_text_field("text", positions.clone()),
        title: builder.add_text_field("title", positions.clone()),
        summary: builder.add_text_field("summary", positions.clone()),
        tags: builder.add_text_field("tags", positions),
        surface: builder.add_text_field("surface", surface),
        starts: builder.add_u64_field("starts", FAST),
        conversation: builder.add_text_field("conversation", STORED),
        stored_title: builder.add_text_field("stored_title", STORED),
        stored_summary: builder.add_text_field("stored_summary", STORED),
        stored_body: builder.add_text_field("stored_body", STORED),
    };
    (builder.build(), fields)
}

/// Positions at which the fields begin in `text`; the title begins at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Starts {
    pub summary: u32,
    pub tags: u32,
    pub body: u32,
}

impl Starts {
    fn packed(self) -> u64 {
        let most = (1 << START_BITS) - 1;
        let [summary, tags, body] =
            [self.summary, self.tags, self.body].map(|start| u64::from(start.min(most)));
        summary << (2 * START_BITS) | tags << START_BITS | body
    }

    pub(crate) fn unpacked(packed: u64) -> Self {
        let part = |shift: u32| (packed >> shift) as u32 & ((1 << START_BITS) - 1);
        Self {
            summary: part(2 * START_BITS),
            tags: part(START_BITS),
            body: part(0),
        }
    }
}

/// The terms of `text`, as they are gathered field by field.
#[derive(Default)]
struct Terms<'text> {
    terms: Vec<(u32, &'text str)>,
    surfaces: Vec<&'text str>,
    next: u32,
    words: u64,
}

impl<'text> Terms<'text> {
    fn add(&mut self, forms: &'text [Form], count: u32, weight: usize) {
        for form in forms {
            let term = (self.next + form.position, form.stem.as_str());
            self.terms.extend(std::iter::repeat_n(term, weight));
            self.surfaces.push(&form.surface);
        }
        self.words += u64::from(count);
        self.next += count + GAP;
    }
}

impl Fields {
    pub(crate) fn document(&self, from: &Document) -> TantivyDocument {
        let kind = from.id.kind();
        let mut document = TantivyDocument::default();
        document.add_text(self.id, from.id.to_string());
        document.add_u64(self.revision, from.revision);
        document.add_text(self.kind, kind.as_str());
        for readers in from.readers() {
            document.add_text(self.readers, reader(kind, &readers));
        }
        document.add_text(self.project, &from.project);
        if let Some(status) = from.status {
            document.add_text(self.status, status.as_str());
        }
        if let Some(conversation) = from.conversation {
            document.add_text(self.conversation, conversation.to_string());
        }
        for tag in &from.tags {
            document.add_text(self.tag, tag);
        }
        for category in levels(&from.categories) {
            document.add_text(self.category, category);
        }
        for author in &from.authors {
            document.add_text(self.author, author);
        }
        if !from.language.is_empty() {
            document.add_text(self.language, from.language.to_lowercase());
        }
        if !from.content_type.is_empty() {
            document.add_text(self.content_type, &from.content_type);
        }
        document.add_u64(self.created_at, millis(from.created_at));
        document.add_u64(self.updated_at, millis(from.updated_at));
        self.add_terms(&mut document, from);
        document.add_text(self.stored_title, &from.title);
        document.add_text(self.stored_summary, &from.summary);
        document.add_text(self.stored_body, &from.body);
        document
    }

    fn add_terms(&self, document: &mut TantivyDocument, text: &Document) {
        let stemming = Stemming::of_text(&text.language, &text.body);
        if let Some(stemming) = stemming {
            document.add_text(self.stemming, stemming.code());
        }
        let (title, title_count) = forms(&text.title, stemming);
        let (summary, summary_count) = forms(&text.summary, stemming);
        let (tags, tags_count) = forms(&text.tags.join("\n"), stemming);
        let (body, body_count) = forms(&text.body, stemming);

        let mut terms = Terms::default();
        terms.add(&title, title_count, TITLE_WEIGHT);
        let in_summary = terms.next;
        terms.add(&summary, summary_count, SUMMARY_WEIGHT);
        let in_tags = terms.next;
        terms.add(&tags, tags_count, TAGS_WEIGHT);
        let starts = Starts {
            summary: in_summary,
            tags: in_tags,
            body: terms.next,
        };
        terms.add(&body, body_count, BODY_WEIGHT);

        document.add_u64(self.starts, starts.packed());
        document.add_u64(self.words, terms.words);
        for (field, forms) in [
            (self.title, &title),
            (self.summary, &summary),
            (self.tags, &tags),
        ] {
            let terms = forms.iter().map(|form| (form.position, form.stem.as_str()));
            document.add_text(field, written(terms));
        }
        document.add_text(self.text, written(terms.terms.into_iter()));
        terms.surfaces.sort_unstable();
        terms.surfaces.dedup();
        let surfaces = terms.surfaces.into_iter().map(|surface| (0, surface));
        document.add_text(self.surface, written(surfaces));
    }
}

/// One term for a kind and those who may find it: a list of them is all that a search has to look at.
pub(crate) fn reader(kind: DocumentKind, readers: &Readers) -> String {
    format!("{} {readers}", kind.as_str())
}

/// Every category with those above it, each once: `a/b` is in `a`.
fn levels(categories: &[String]) -> Vec<String> {
    let mut all: Vec<String> = categories
        .iter()
        .flat_map(|category| {
            let ends = category.match_indices('/').map(|(at, _)| at);
            ends.chain([category.len()])
                .map(|end| category[..end].to_owned())
        })
        .filter(|level| !level.is_empty())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

pub(crate) fn millis(time: chrono::DateTime<chrono::Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_come_back_as_they_went_in() {
        let starts = Starts {
            summary: 19,
            tags: 40,
            body: 2_000_000,
        };
        assert_eq!(Starts::unpacked(starts.packed()), starts);
    }

    #[test]
    fn categories_are_in_those_above_them() {
        let all = levels(&["a/b/c".to_owned(), "a/d".to_owned()]);
        assert_eq!(all, ["a", "a/b", "a/b/c", "a/d"]);
    }
}
