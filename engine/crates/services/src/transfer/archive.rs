//! The archive of a project: a ZIP file of JSON Lines and of the bytes of media, with a manifest at its end
//! that has the digest of every other file. It is read twice: nothing of an archive is taken in before all
//! of it is known to be whole. Written twice from the same project, it has the same bytes.

mod read;
mod write;

use std::collections::BTreeMap;

use inkstone_domain::ids::MediaId;
use inkstone_domain::provenance::Provenance;
use inkstone_domain::{Error, codes};
use serde::{Deserialize, Serialize};

pub use self::read::read;
pub use self::write::ArchiveWriter;
use super::record::{ArticleRecord, RevisionRecord};

const MANIFEST: &str = "manifest.json";
const PROJECT: &str = "project.jsonl";
const MEMBERS: &str = "members.jsonl";
const CONTENT_TYPES: &str = "content-types.jsonl";
const SEARCH: &str = "search.jsonl";
const PROMPTS: &str = "prompts.jsonl";
/// Followed by a number and `.jsonl`, as are the next two.
const NOTES: &str = "notes-";
const ARTICLES: &str = "articles-";
const COMMENTS: &str = "comments-";
/// Followed by an id and `.json`, or by an id, `/` and the number of a version.
const MEDIA: &str = "media/";
const FORMAT: &str = "inkstone-archive";
/// Raised when an older engine could no longer read what is written: 2 has media; 3 comments, notes, words of
/// searches, and who wrote versions of prompts.
const VERSION: u32 = 3;
/// Of one file with a number: where it is reached, another begins.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// One article with all its revisions, or one prompt with all its versions, in memory.
pub const MAX_ARTICLE_BYTES: usize = 64 << 20;
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// The end of an archive: what it holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    version: u32,
    files: BTreeMap<String, FileDigest>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDigest {
    bytes: u64,
    /// Hex.
    sha256: String,
}

/// A line of a file of articles. What follows an article belongs to it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ArticleLine {
    Article(Box<ArticleRecord>),
    Revision(Box<RevisionRecord>),
    Provenance(Box<Provenance>),
}

/// A file below [`MEDIA`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MediaFile {
    Record(MediaId),
    Version(MediaId, u32),
}

impl MediaFile {
    /// `None` where no writer makes such a name.
    fn named(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(MEDIA)?;
        let file = match rest.split_once('/') {
            Some((id, version)) => Self::Version(id.parse().ok()?, version.parse().ok()?),
            None => Self::Record(rest.strip_suffix(".json")?.parse().ok()?),
        };
        (file.name() == name).then_some(file)
    }

    fn name(self) -> String {
        match self {
            Self::Record(id) => format!("{MEDIA}{id}.json"),
            Self::Version(id, version) => format!("{MEDIA}{id}/{version}"),
        }
    }
}

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the archive is refused, and nothing of it was taken in: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_media_have_one_form() {
        let id = MediaId::new();
        for (name, expected) in [
            (format!("media/{id}.json"), Some(MediaFile::Record(id))),
            (format!("media/{id}/3"), Some(MediaFile::Version(id, 3))),
            (format!("media/{id}/03"), None),
            (format!("media/{id}/+3"), None),
            (format!("media/{id}/3/4"), None),
            (format!("media/{id}"), None),
            (
                format!("media/{}.json", id.to_string().to_lowercase()),
                None,
            ),
            (format!("media/../{id}.json"), None),
            ("media/tide.png".to_owned(), None),
        ] {
            assert_eq!(MediaFile::named(&name), expected, "{name}");
        }
    }
}
