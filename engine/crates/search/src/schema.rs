//! The index's fields, and how an article becomes a document.

use inkstone_domain::content::Article;
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer,
    TextAnalyzer,
};

/// Rises with every change of fields or analysis; an index of another version is rebuilt.
pub(crate) const VERSION: u32 = 2;

/// Name of the analyser of texts.
pub(crate) const TEXT: &str = "inkstone_text";

#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub id: Field,
    pub revision: Field,
    pub owner: Field,
    pub project: Field,
    pub status: Field,
    pub tag: Field,
    pub category: Field,
    pub updated_at: Field,
    pub title: Field,
    pub summary: Field,
    pub body: Field,
    pub tags_text: Field,
}

pub(crate) fn build() -> (Schema, Fields) {
    let indexed_text = TextFieldIndexing::default()
        .set_tokenizer(TEXT)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexed_text);
    let stored_text = text.clone().set_stored();

    let mut builder = Schema::builder();
    let fields = Fields {
        id: builder.add_text_field("id", STRING | STORED | FAST),
        revision: builder.add_u64_field("revision", FAST),
        owner: builder.add_text_field("owner", STRING),
        project: builder.add_text_field("project", STRING | STORED),
        status: builder.add_text_field("status", STRING | STORED),
        tag: builder.add_text_field("tag", STRING | STORED),
        category: builder.add_text_field("category", STRING),
        updated_at: builder.add_u64_field("updated_at", FAST | INDEXED),
        title: builder.add_text_field("title", stored_text.clone()),
        summary: builder.add_text_field("summary", text.clone()),
        body: builder.add_text_field("body", stored_text),
        tags_text: builder.add_text_field("tags", text),
    };
    (builder.build(), fields)
}

/// How texts become terms: words, lower case, without accents, English stems. Public for whoever
/// reads the index files directly; register it as `inkstone_text`.
pub fn analyser() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(64))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .filter(Stemmer::new(Language::English))
        .build()
}

impl Fields {
    pub(crate) fn document(&self, article: &Article) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.id, article.id.to_string());
        document.add_u64(self.revision, article.revision);
        document.add_text(self.owner, article.owner.to_string());
        document.add_text(self.project, &article.project);
        document.add_text(self.status, article.text.status.as_str());
        for tag in &article.text.tags {
            document.add_text(self.tag, tag);
            document.add_text(self.tags_text, tag);
        }
        for category in &article.text.extras.categories {
            document.add_text(self.category, category);
        }
        let millis = article.updated_at.timestamp_millis();
        document.add_u64(self.updated_at, u64::try_from(millis).unwrap_or(0));
        document.add_text(self.title, &article.text.title);
        document.add_text(self.summary, &article.text.summary);
        document.add_text(self.body, &article.text.body);
        document
    }
}
