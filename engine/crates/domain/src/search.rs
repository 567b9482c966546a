//! Search as users see it.

mod document;
mod lexicon;
mod passage;
mod saved;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::document::{
    Document, DocumentId, DocumentKind, DocumentStamp, MESSAGE_REVISION, Readers,
};
pub use self::lexicon::{Lexicon, SearchSettings, Synonyms};
pub use self::passage::{DocumentQuery, FoundAt, Passage};
pub use self::saved::{SavedQuery, SavedSearch};
use crate::content::Status;
use crate::ids::{ConversationId, UserId};

/// Who may be found: an index filters by it inside the search, never after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// An admin: everything but the chats of others.
    Admin(UserId),
    /// What the user owns, what is published, and what is in one of these projects.
    User {
        user: UserId,
        /// Slugs.
        projects: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    /// What a person typed. Never an error, whatever it is; empty finds everything, newest first.
    pub text: String,
    pub visibility: Visibility,
    /// Of one of these.
    pub kinds: Vec<DocumentKind>,
    /// None but these, where there are any.
    pub only: Vec<DocumentId>,
    pub project: Option<String>,
    pub status: Option<Status>,
    /// Every one of them.
    pub tags: Vec<String>,
    /// 1 to 100.
    pub limit: usize,
    pub offset: usize,
    pub narrow: Narrow,
    pub shape: SearchShape,
    pub lexicon: Arc<Lexicon>,
    /// What was meant, where the search is by meaning, too.
    pub meaning: Option<Meaning>,
    /// Whether hits say where in their bodies they were found.
    pub places: bool,
}

impl SearchQuery {
    /// The first twenty of all articles that may be found for this text.
    pub fn new(text: impl Into<String>, visibility: Visibility) -> Self {
        Self {
            text: text.into(),
            visibility,
            kinds: vec![DocumentKind::Article],
            only: Vec::new(),
            project: None,
            status: None,
            tags: Vec::new(),
            limit: 20,
            offset: 0,
            narrow: Narrow::default(),
            shape: SearchShape::default(),
            lexicon: Arc::default(),
            meaning: None,
            places: false,
        }
    }
}

/// What was typed, as a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Who made the vector: `provider/model`. Vectors of other models are no match for it.
    pub model: String,
    pub vector: Vec<f32>,
    /// What meaning counts beside words: more than 0, and 1 for nothing but it.
    pub ratio: f32,
    pub fusion: Fusion,
}

/// How what words find and what meaning finds become one list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fusion {
    /// By the rank that a text has in each: reciprocal rank fusion.
    #[default]
    Rank,
    /// By how well it matches in each, from 0 for the worst to 1 for the best.
    Score,
}

impl Fusion {
    pub const ALL: [(&'static str, Self); 2] = [("rrf", Self::Rank), ("score", Self::Score)];
}

/// What became of a search by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemanticUse {
    /// It counted.
    Used,
    /// The model was late, so words alone counted.
    TimedOut,
    /// There is no model, or no vector yet, or the model failed, so words alone counted.
    Unavailable,
}

impl SemanticUse {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What became of a wish to have the best reranked by a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerankUse {
    /// The model's order counts.
    Used,
    /// It was late, so the order is as it was.
    TimedOut,
    /// It failed, so the order is as it was.
    Unavailable,
}

impl RerankUse {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What else must be so; what is empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrow {
    /// Every one of them; a category holds those below it: `science` has `science/physics`.
    pub categories: Vec<String>,
    /// Any of them, as all below.
    pub authors: Vec<String>,
    /// BCP 47, whatever the case.
    pub languages: Vec<String>,
    pub content_types: Vec<String>,
    pub created: Between<DateTime<Utc>>,
    pub updated: Between<DateTime<Utc>>,
    /// Words in the whole text.
    pub words: Between<u64>,
}

/// From a bound to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between<T> {
    pub from: Option<T>,
    pub to: Option<T>,
}

impl<T> Default for Between<T> {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
        }
    }
}

impl<T> Between<T> {
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// How it is matched, ordered and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchShape {
    pub matching: Matching,
    pub last_word: LastWord,
    pub slips: Slips,
    /// Instead of the best first.
    pub sort: Option<SearchSort>,
    /// Only the best of each value of this field.
    pub distinct: Option<SearchFacet>,
    /// Counted over all that was found.
    pub facets: Vec<SearchFacet>,
    /// Length of a passage, words; at most 200, and none with 0.
    pub crop_words: usize,
    /// Whether hits come as HTML with marked matches, too.
    pub highlight: bool,
    /// BCP 47 of what was typed; where it is left out, all languages of the index are tried.
    pub language: Option<String>,
}

impl Default for SearchShape {
    fn default() -> Self {
        Self {
            matching: Matching::default(),
            last_word: LastWord::default(),
            slips: Slips::default(),
            sort: None,
            distinct: None,
            facets: Vec::new(),
            crop_words: 36,
            highlight: true,
            language: None,
        }
    }
}

/// Which of the words must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// One of them; the more of them, the better.
    #[default]
    Any,
    All,
    /// All, and where too little is found, all but the last, and so on.
    Last,
    /// The same, where the word that most texts have is left out first.
    Frequency,
}

impl Matching {
    pub const ALL: [(&'static str, Self); 4] = [
        ("any", Self::Any),
        ("all", Self::All),
        ("last", Self::Last),
        ("frequency", Self::Frequency),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
            Self::Last => "last",
            Self::Frequency => "frequency",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name).map(|(_, one)| one)
    }
}

/// What a word is that no text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Slips {
    /// A slip of one that some have.
    #[default]
    Forgiven,
    /// Meant as it stands.
    Meant,
}

/// Whether the last word may still be half a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastWord {
    /// It is, where nothing follows it, not even a space.
    #[default]
    Prefix,
    Whole,
}

/// What an index is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSort {
    pub by: SearchOrder,
    pub direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchOrder {
    CreatedAt,
    UpdatedAt,
    Words,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl SearchSort {
    /// Of a field's name, with `-` before it for descending.
    pub fn named(name: &str) -> Option<Self> {
        let (direction, field) = match name.strip_prefix('-') {
            Some(field) => (Direction::Descending, field),
            None => (Direction::Ascending, name),
        };
        let by = match field {
            "created_at" => SearchOrder::CreatedAt,
            "updated_at" => SearchOrder::UpdatedAt,
            "words" => SearchOrder::Words,
            _ => return None,
        };
        Some(Self { by, direction })
    }
}

/// What is counted and grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SearchFacet {
    Tag,
    /// With all levels: a text of `science/physics` counts for `science`, too.
    Category,
    Status,
    Project,
    Author,
    /// BCP 47, in lower case.
    Locale,
    /// The name of a content type, or what a file is.
    Type,
    /// What it is at all.
    Kind,
}

impl SearchFacet {
    pub const ALL: [Self; 8] = [
        Self::Tag,
        Self::Category,
        Self::Status,
        Self::Project,
        Self::Author,
        Self::Locale,
        Self::Type,
        Self::Kind,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Category => "category",
            Self::Status => "status",
            Self::Project => "project",
            Self::Author => "author",
            Self::Locale => "locale",
            Self::Type => "type",
            Self::Kind => "kind",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.as_str() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub id: DocumentId,
    pub project: String,
    /// Of articles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Of messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    pub tags: Vec<String>,
    pub title: String,
    /// The title as HTML: escaped, matches within `<em>`.
    pub title_html: String,
    /// The best passage as HTML: escaped, matches within `<em>`.
    pub snippet_html: String,
    /// The best passage as plain text.
    pub snippet: String,
    /// Relative, higher is better.
    pub score: f32,
    /// What its passages are found by, where the query wants `places`; nobody is shown it.
    #[serde(skip)]
    pub found_at: FoundAt,
    /// Why it stands where it stands; nothing where the order is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
}

/// What the rules say about a hit, in their order. Nothing here tells of other texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Words that are there.
    pub words: usize,
    /// Words that were looked for.
    pub of_words: usize,
    /// Letters that differ from what was typed.
    pub typos: u32,
    /// Words between the words, beyond none.
    pub proximity: u32,
    /// Where the best word stands: `title`, `summary`, `tags` or `body`.
    pub attribute: String,
    /// Words that are there just as typed.
    pub exact: usize,
    /// BM25F of the whole text.
    pub text: f32,
    /// Cosine of the angle between what was meant and the nearest piece, where meaning found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchPage {
    pub hits: Vec<Hit>,
    /// How many match in all.
    pub total: usize,
    /// In the order in which they were asked for.
    pub facets: Vec<FacetCounts>,
    /// What may have been meant, where words are in no text that may be read.
    pub did_you_mean: Option<String>,
    /// Where a search by meaning was asked for.
    pub semantic: Option<SemanticUse>,
}

/// How many of those that were found have which value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    pub facet: SearchFacet,
    /// Most frequent first, at most a hundred.
    pub values: Vec<(String, u64)>,
}

/// A word that goes on from what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The whole text with the last word completed.
    pub text: String,
    /// Texts that may be read and have the word; counted up to a thousand.
    pub documents: u64,
}

/// State of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexStats {
    pub documents: u64,
    pub size_bytes: u64,
    pub segments: u64,
    /// Of fields and analysis; an index of another version is rebuilt.
    pub version: u32,
}

/// What a comparison of index and store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexReport {
    /// Texts in the store.
    pub stored: u64,
    /// Texts in the index.
    pub indexed: u64,
    /// In the store and not, or in another revision, in the index.
    pub missing: u64,
    /// In the index and not in the store.
    pub surplus: u64,
}

impl IndexReport {
    pub fn is_identical(&self) -> bool {
        self.missing == 0 && self.surplus == 0
    }
}
