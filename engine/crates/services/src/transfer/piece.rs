//! What files of all formats are made of, and how readers hand it on: one piece at a time, to whoever
//! takes it, as fast as that one can.

use inkstone_domain::content::ContentType;
use inkstone_domain::project::{Project, ProjectRole, ProjectSettings};
use inkstone_domain::search::Lexicon;
use inkstone_domain::{Error, Result, codes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::limits::TransferLimits;
use super::lines::{CommentRecord, NoteRecord, PromptPiece};
use super::medium::{ArrivingMedium, MediaRecord, MediumBytes};
use super::record::ArticlePiece;

/// One thing in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Article(Box<ArticlePiece>),
    Project(ProjectPiece),
    Member(MemberPiece),
    ContentType(ContentTypePiece),
    SearchSettings(Lexicon),
    Prompt(PromptPiece),
    Note(Box<NoteRecord>),
    Medium(Box<MediaRecord>),
    /// Of the medium before it.
    MediumBytes(MediumBytes),
    Comment(Box<CommentRecord>),
}

/// What a project says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectPiece {
    pub slug: String,
    pub name: String,
    pub description: String,
    pub settings: ProjectSettings,
}

/// Somebody who was in the project: for people to read, nobody is made a member by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberPiece {
    pub user: String,
    pub name: String,
    pub role: ProjectRole,
}

/// A kind of articles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentTypePiece {
    pub name: String,
    pub title: String,
    pub schema: Value,
}

/// An entry of a file: a piece, or why there is none.
#[derive(Debug)]
pub struct Entry {
    /// 1, 2, 3 … in the order of the file.
    pub number: u64,
    /// What the file calls it.
    pub name: String,
    pub content: Content,
    /// What of it could not be kept.
    pub notes: Vec<String>,
}

/// What an entry holds.
#[derive(Debug)]
pub enum Content {
    Piece(Piece),
    /// Its bytes follow while it is taken.
    Medium(Box<ArrivingMedium>),
    /// Nothing that is taken in, and why.
    Other(String),
    Wrong(Error),
}

/// Where readers put what they find. They count their entries here, so that all count alike, and none has
/// more than it may.
pub struct Sink<'a> {
    next: u64,
    most: u64,
    put: &'a mut dyn FnMut(Entry) -> Result<()>,
}

impl<'a> Sink<'a> {
    pub fn new(limits: &TransferLimits, put: &'a mut dyn FnMut(Entry) -> Result<()>) -> Self {
        let most = u64::try_from(limits.entries).unwrap_or(u64::MAX);
        Self { next: 1, most, put }
    }

    /// Hands an entry on; fails where nobody wants more, and where the file has more than it may.
    pub fn put(&mut self, name: String, found: Result<(Content, Vec<String>)>) -> Result<()> {
        if self.next > self.most {
            let most = self.most;
            return Err(unreadable(format!(
                "it holds more than {most} entries, which are the most; divide it"
            )));
        }
        let (content, notes) = found.unwrap_or_else(|error| (Content::Wrong(error), Vec::new()));
        let number = self.next;
        self.next += 1;
        (self.put)(Entry {
            number,
            name: shown(&name),
            content,
            notes,
        })
    }
}

/// A sink's other end is in an async task.
pub fn into_channel(entries: mpsc::Sender<Entry>) -> impl FnMut(Entry) -> Result<()> {
    move |entry| {
        let sent = entries.blocking_send(entry);
        sent.map_err(|_| Error::new(&codes::CANCELLED, "nobody reads the file any more"))
    }
}

impl From<Project> for ProjectPiece {
    fn from(project: Project) -> Self {
        Self {
            slug: project.slug,
            name: project.name,
            description: project.description,
            settings: project.settings,
        }
    }
}

impl From<ContentType> for ContentTypePiece {
    fn from(kind: ContentType) -> Self {
        Self {
            name: kind.name,
            title: kind.title,
            schema: kind.schema,
        }
    }
}

/// A name of a stranger's file as it may stand in a report: one short line.
pub fn shown(name: &str) -> String {
    const MAX_CHARS: usize = 200;
    let is_plain = |c: &char| !c.is_control();
    let mut shown: String = name.chars().filter(is_plain).take(MAX_CHARS).collect();
    if name.chars().count() > MAX_CHARS {
        shown.push('…');
    }
    shown
}

/// Said of an entry that cannot be read.
pub fn wrong(why: impl Into<String>) -> Error {
    Error::new(&codes::INVALID_INPUT, why)
}

/// Said of a file that is not what it should be, as a whole.
pub fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the file cannot be read: {why}"),
    )
}
