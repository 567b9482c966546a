//! Files as articles show them: who may read an article may see what it shows, by links that expire. An
//! article shows files of its own project, in `default` of its own owner, and pictures alone as its cover;
//! whatever else it names is as if it were gone.

use chrono::TimeDelta;
use inkstone_domain::content::Article;
use inkstone_domain::ids::MediaId;
use inkstone_domain::media::{Media, MediaContent};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::{Result, codes};

use super::MediaLibrary;
use super::kinds::{Class, Kind};
use super::links::{Link, LinkClaim};

/// Links in articles last half of this at least, and no longer.
const LASTING: TimeDelta = TimeDelta::hours(2);

/// A file that an article names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub id: MediaId,
    pub state: ShownState,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownState {
    Ready(Box<ShownFile>),
    /// It may come back.
    Trashed,
    /// There is none, or none that the article may show.
    Gone,
}

/// A file with the links that open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFile {
    pub media: Media,
    pub link: Link,
    /// By name, in the order of the file's variants.
    pub variants: Vec<(String, MediaContent, Link)>,
}

impl ShownFile {
    /// The link of a variant; that of the file itself where it has no such one, or not yet.
    pub fn link_of(&self, variant: Option<&str>) -> &Link {
        let mut variants = self.variants.iter();
        let found = variants.find(|(name, _, _)| Some(name.as_str()) == variant);
        found.map_or(&self.link, |(_, _, link)| link)
    }
}

impl MediaLibrary {
    /// What an article shows of these files, in their order. For who may read the article: nobody is asked
    /// here. The links are the same for an hour at most, so that what holds them can be kept.
    pub async fn shown(&self, article: &Article, ids: &[MediaId]) -> Result<Vec<Shown>> {
        let mut shown = Vec::with_capacity(ids.len());
        for &id in ids {
            let media = self.store.media(id).await?;
            let media = media.filter(|media| is_of(media, article));
            let state = match media {
                None => ShownState::Gone,
                Some(media) if media.trashed_at.is_some() => ShownState::Trashed,
                Some(media) => ShownState::Ready(Box::new(self.linked_file(media))),
            };
            shown.push(Shown { id, state });
        }
        Ok(shown)
    }

    /// Why an article may not have this file as its cover; `None` where it may. The principal, who writes
    /// the article, must be able to read the file.
    pub async fn why_no_cover(
        &self,
        principal: &Principal,
        article: &Article,
        id: MediaId,
    ) -> Result<Option<String>> {
        let media = match self.get(principal, id).await {
            Ok(media) => Some(media),
            Err(error) if error.code() == &codes::NOT_FOUND => None,
            Err(error) => return Err(error),
        };
        let Some(media) = media.filter(|media| is_of(media, article)) else {
            let whose = match article.project.as_str() {
                DEFAULT_PROJECT => "among the files of the article's owner".to_owned(),
                project => format!("among the files of the project `{project}`"),
            };
            return Ok(Some(format!("there is no {id} {whose}")));
        };
        let content_type = &media.newest.content.content_type;
        Ok((!is_picture(content_type))
            .then(|| format!("must be a picture, and {id} is of the type `{content_type}`")))
    }

    fn linked_file(&self, media: Media) -> ShownFile {
        let lasting = LASTING.min(self.config.longest_link);
        let step = (lasting.num_seconds() / 2).max(1);
        let begun = self.clock.now().timestamp().div_euclid(step) * step;
        let link = |variant: Option<&str>| {
            self.links.sign(LinkClaim {
                media: media.id,
                version: media.newest.version,
                variant: variant.map(str::to_owned),
                expires: begun + 2 * step,
            })
        };
        let variants = media.newest.variants.iter();
        let variants =
            variants.map(|it| (it.name.clone(), it.content.clone(), link(Some(&it.name))));
        ShownFile {
            variants: variants.collect(),
            link: link(None),
            media,
        }
    }
}

/// Whether an article may show it.
fn is_of(media: &Media, article: &Article) -> bool {
    media.project == article.project
        && (media.project != DEFAULT_PROJECT || media.owner == article.owner)
}

/// Whether something of this type is a picture.
pub fn is_picture(content_type: &str) -> bool {
    Kind::stored(content_type).is_some_and(|kind| kind.class == Class::Picture)
}

/// Whether something of this type is text.
pub fn is_text(content_type: &str) -> bool {
    Kind::stored(content_type).is_some_and(|kind| kind.class == Class::Text)
}
