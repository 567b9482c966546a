//! What can be found: articles, prompts, notes, files and messages of chats, in one shape, and who may find them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::Visibility;
use crate::content::{Article, Status};
use crate::conversation::{Conversation, ConversationMessage};
use crate::ids::{ArticleId, ConversationId, MediaId, MessageId, NoteId, PromptId, UserId};
use crate::media::Media;
use crate::note::Note;
use crate::project::DEFAULT_PROJECT;
use crate::prompt::{Prompt, PromptVersion};
use crate::{Error, codes};

/// Kinds of what can be found.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    Article,
    Prompt,
    /// A file, by its name and what it shows or says.
    Media,
    /// Of a chat of one's own.
    Message,
    /// What was found.
    Note,
}

impl DocumentKind {
    pub const ALL: [Self; 5] = [
        Self::Article,
        Self::Prompt,
        Self::Media,
        Self::Message,
        Self::Note,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Prompt => "prompt",
            Self::Media => "media",
            Self::Message => "message",
            Self::Note => "note",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An id of one of the kinds; in order by kind, then by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    Article(ArticleId),
    Prompt(PromptId),
    Media(MediaId),
    Message(MessageId),
    Note(NoteId),
}

impl DocumentId {
    pub fn kind(self) -> DocumentKind {
        match self {
            Self::Article(_) => DocumentKind::Article,
            Self::Prompt(_) => DocumentKind::Prompt,
            Self::Media(_) => DocumentKind::Media,
            Self::Message(_) => DocumentKind::Message,
            Self::Note(_) => DocumentKind::Note,
        }
    }

    /// Of an article; `None` for all else.
    pub fn article(self) -> Option<ArticleId> {
        match self {
            Self::Article(id) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Article(id) => id.fmt(f),
            Self::Prompt(id) => id.fmt(f),
            Self::Media(id) => id.fmt(f),
            Self::Message(id) => id.fmt(f),
            Self::Note(id) => id.fmt(f),
        }
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DocumentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split('_').next().unwrap_or_default() {
            ArticleId::PREFIX => text.parse().map(Self::Article),
            PromptId::PREFIX => text.parse().map(Self::Prompt),
            MediaId::PREFIX => text.parse().map(Self::Media),
            MessageId::PREFIX => text.parse().map(Self::Message),
            NoteId::PREFIX => text.parse().map(Self::Note),
            _ => Err(Error::new(
                &codes::INVALID_INPUT,
                format!("`{text}` is no id of anything that can be found"),
            )),
        }
    }
}

impl serde::Serialize for DocumentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for DocumentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl From<ArticleId> for DocumentId {
    fn from(id: ArticleId) -> Self {
        Self::Article(id)
    }
}

impl PartialEq<ArticleId> for DocumentId {
    fn eq(&self, other: &ArticleId) -> bool {
        self.article() == Some(*other)
    }
}

/// Something that can be found, as an index takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub id: DocumentId,
    /// Rises with every change of the thing, also with those that nobody finds it by.
    pub revision: u64,
    /// Slug.
    pub project: String,
    /// Of articles, notes, files and chats; a prompt is its project's.
    pub owner: Option<UserId>,
    /// Of articles.
    pub status: Option<Status>,
    /// Of messages.
    pub conversation: Option<ConversationId>,
    pub title: String,
    pub summary: String,
    pub body: String,
    pub tags: Vec<String>,
    pub categories: Vec<String>,
    pub authors: Vec<String>,
    /// BCP 47; empty where it is not known.
    pub language: String,
    /// The name of an article's content type, or what a file is, such as `image/png`; may be empty.
    pub content_type: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a store tells of a change of something that can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentStamp {
    pub id: DocumentId,
    pub revision: u64,
    /// Nobody finds it any more.
    pub deleted: bool,
    /// By the database's clock.
    pub changed_at: DateTime<Utc>,
}

/// People who may find a document, as both the document and who asks name them. Who may find something is
/// decided here alone: an index only compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Readers {
    Everybody,
    Admins,
    Owner(UserId),
    /// By the slug of their project.
    Members(String),
    /// Its owner, as long as they are a member of its project.
    OwnerAmong(String, UserId),
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("all"),
            Self::Admins => f.write_str("admins"),
            Self::Owner(user) => write!(f, "owner {user}"),
            Self::Members(project) => write!(f, "members {project}"),
            Self::OwnerAmong(project, user) => write!(f, "owner {user} in {project}"),
        }
    }
}

impl Document {
    /// A message of a chat is its owner's alone, and no admin's. What is in `default` is in no project that would have
    /// members, but its prompts are everybody's.
    pub fn readers(&self) -> Vec<Readers> {
        let owner = self.owner.map(Readers::Owner);
        let members = Readers::Members(self.project.clone());
        let published = self.status == Some(Status::Published);
        match (self.id.kind(), self.owner) {
            (DocumentKind::Message, Some(user)) => vec![
                Readers::Owner(user),
                Readers::OwnerAmong(self.project.clone(), user),
            ],
            (DocumentKind::Message, None) => Vec::new(),
            (DocumentKind::Prompt, _) if self.project == DEFAULT_PROJECT => {
                vec![Readers::Admins, Readers::Everybody]
            }
            (
                DocumentKind::Prompt
                | DocumentKind::Media
                | DocumentKind::Note
                | DocumentKind::Article,
                _,
            ) => {
                let everybody = published.then_some(Readers::Everybody);
                let all = [Some(Readers::Admins), Some(members), owner, everybody];
                all.into_iter().flatten().collect()
            }
        }
    }
}

impl Visibility {
    /// As whom somebody may find things of a kind.
    pub fn readers(&self, kind: DocumentKind) -> Vec<Readers> {
        match (self, kind) {
            (Self::Admin(user), DocumentKind::Message) => vec![Readers::Owner(*user)],
            (Self::Admin(_), _) => vec![Readers::Admins],
            (Self::User { user, projects }, DocumentKind::Message) => {
                let all = projects.iter().map(String::as_str).chain([DEFAULT_PROJECT]);
                all.map(|slug| Readers::OwnerAmong(slug.to_owned(), *user))
                    .collect()
            }
            (Self::User { user, projects }, _) => {
                let members = projects.iter().cloned().map(Readers::Members);
                [Readers::Everybody, Readers::Owner(*user)]
                    .into_iter()
                    .chain(members)
                    .collect()
            }
        }
    }

    /// Whether somebody may find it.
    pub fn finds(&self, document: &Document) -> bool {
        let mine = self.readers(document.id.kind());
        let mut readers = document.readers().into_iter();
        readers.any(|readers| mine.contains(&readers))
    }
}

impl From<Article> for Document {
    fn from(article: Article) -> Self {
        let text = article.text;
        Self {
            id: DocumentId::Article(article.id),
            revision: article.revision,
            project: article.project,
            owner: Some(article.owner),
            status: Some(text.status),
            conversation: None,
            title: text.title,
            summary: text.summary,
            body: text.body,
            tags: text.tags,
            categories: text.extras.categories,
            authors: text.extras.authors,
            language: text.language,
            content_type: text.extras.content_type,
            created_at: article.created_at,
            updated_at: article.updated_at,
        }
    }
}

impl Document {
    /// One that has nothing but what all have.
    fn bare(id: DocumentId, revision: u64, project: String, created_at: DateTime<Utc>) -> Self {
        Self {
            id,
            revision,
            project,
            owner: None,
            status: None,
            conversation: None,
            title: String::new(),
            summary: String::new(),
            body: String::new(),
            tags: Vec::new(),
            categories: Vec::new(),
            authors: Vec::new(),
            language: String::new(),
            content_type: String::new(),
            created_at,
            updated_at: created_at,
        }
    }

    /// A prompt as its newest version has it.
    pub fn of_prompt(prompt: Prompt, newest: PromptVersion) -> Self {
        let id = DocumentId::Prompt(prompt.id);
        let messages = newest.text.messages.into_iter();
        let messages: Vec<String> = messages.map(|message| message.text).collect();
        Self {
            title: prompt.name,
            summary: newest.text.description,
            body: messages.join("\n\n"),
            updated_at: prompt.updated_at,
            ..Self::bare(id, prompt.version.into(), prompt.project, prompt.created_at)
        }
    }

    /// A note, with the titles of what it was found in.
    pub fn of_note(note: Note) -> Self {
        let id = DocumentId::Note(note.id);
        let sources = note.text.sources.into_iter();
        let titles: Vec<String> = sources.filter_map(|source| source.title).collect();
        Self {
            owner: Some(note.author),
            title: note.text.title,
            summary: titles.join("\n"),
            body: note.text.body,
            updated_at: note.updated_at,
            ..Self::bare(id, note.revision, note.project, note.created_at)
        }
    }

    /// A file. In the trash nobody finds it.
    pub fn of_media(media: Media) -> Self {
        let id = DocumentId::Media(media.id);
        Self {
            owner: Some(media.owner),
            title: media.name,
            summary: media.alt,
            body: media.newest.content.text.unwrap_or_default(),
            content_type: media.newest.content.content_type,
            updated_at: media.updated_at,
            ..Self::bare(id, media.revision, media.project, media.created_at)
        }
    }

    /// A message, which never changes.
    pub fn of_message(message: ConversationMessage, conversation: &Conversation) -> Self {
        let id = DocumentId::Message(message.id);
        let project = conversation.project.clone();
        Self {
            owner: Some(conversation.owner),
            conversation: Some(conversation.id),
            body: message.text,
            ..Self::bare(id, MESSAGE_REVISION, project, message.created_at)
        }
    }
}

/// Of every message: it is written once.
pub const MESSAGE_REVISION: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: DocumentId, project: &str, owner: Option<UserId>) -> Document {
        Document {
            owner,
            ..Document::bare(id, 1, project.to_owned(), DateTime::UNIX_EPOCH)
        }
    }

    fn user(user: UserId, projects: &[&str]) -> Visibility {
        Visibility::User {
            user,
            projects: projects.iter().map(|&slug| slug.to_owned()).collect(),
        }
    }

    #[test]
    fn everybody_finds_what_they_may_read() {
        let (owner, other) = (UserId::new(), UserId::new());
        let article = DocumentId::Article(ArticleId::new());
        let prompt = DocumentId::Prompt(PromptId::new());
        let media = DocumentId::Media(MediaId::new());
        let message = DocumentId::Message(MessageId::new());
        let note = DocumentId::Note(NoteId::new());
        let mut published = document(article, "zoo", Some(owner));
        published.status = Some(Status::Published);
        let mut draft = document(article, "zoo", Some(owner));
        draft.status = Some(Status::Draft);
        // By: its owner, its owner as a member, a stranger, a member, an admin, its owner as an admin.
        for (what, expected) in [
            (published, [true, true, true, true, true, true]),
            (draft, [true, true, false, true, true, true]),
            (
                document(prompt, "zoo", None),
                [false, true, false, true, true, true],
            ),
            (
                document(prompt, DEFAULT_PROJECT, None),
                [true, true, true, true, true, true],
            ),
            (
                document(media, "zoo", Some(owner)),
                [true, true, false, true, true, true],
            ),
            (
                document(media, DEFAULT_PROJECT, Some(owner)),
                [true, true, false, false, true, true],
            ),
            (
                document(note, "zoo", Some(owner)),
                [true, true, false, true, true, true],
            ),
            (
                document(note, DEFAULT_PROJECT, Some(owner)),
                [true, true, false, false, true, true],
            ),
            (
                document(message, "zoo", Some(owner)),
                [false, true, false, false, false, true],
            ),
            (
                document(message, DEFAULT_PROJECT, Some(owner)),
                [true, true, false, false, false, true],
            ),
        ] {
            let found = [
                user(owner, &[]),
                user(owner, &["zoo"]),
                user(other, &["elsewhere"]),
                user(other, &["zoo"]),
                Visibility::Admin(other),
                Visibility::Admin(owner),
            ]
            .map(|visibility| visibility.finds(&what));
            assert_eq!(found, expected, "{what:?}");
        }
    }

    #[test]
    fn ids_of_all_kinds_come_back() {
        for id in [
            DocumentId::Article(ArticleId::new()),
            DocumentId::Prompt(PromptId::new()),
            DocumentId::Media(MediaId::new()),
            DocumentId::Message(MessageId::new()),
            DocumentId::Note(NoteId::new()),
        ] {
            assert_eq!(id.to_string().parse::<DocumentId>().unwrap(), id);
            assert_eq!(DocumentKind::named(id.kind().as_str()), Some(id.kind()));
        }
        assert!(
            "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P"
                .parse::<DocumentId>()
                .is_err()
        );
    }
}
