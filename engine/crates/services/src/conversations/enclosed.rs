//! What comes with a message: files and articles of the project, checked before anything is said. Whoever
//! sends them must be able to read them.

use std::sync::Arc;

use inkstone_domain::conversation::{Attachment, GivenArticle};
use inkstone_domain::ids::{ArticleId, MediaId};
use inkstone_domain::media::{Media, MediaContent, VariantState};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};

use super::invalid;
use crate::content::Articles;
use crate::media::{MediaLibrary, is_picture, is_text};

/// Of one message.
const MOST_FILES: usize = 8;
const MOST_ARTICLES: usize = 8;
/// Longer texts are refused.
pub(super) const MAX_TEXT_BYTES: u64 = 1 << 20;
/// What providers take of one picture.
const MAX_PICTURE_BYTES: u64 = 5 << 20;
/// What they read.
const PICTURE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// Where enclosures are read.
pub(super) struct Enclosures {
    pub media: Arc<MediaLibrary>,
    pub articles: Arc<Articles>,
}

impl Enclosures {
    /// The files as they will stand with a message. `invalid_input` where one is none of the project that the
    /// principal may read, `attachment_unusable` where no model could take it.
    pub(super) async fn files(
        &self,
        principal: &Principal,
        slug: &str,
        ids: &[MediaId],
    ) -> Result<Vec<Attachment>> {
        if ids.len() > MOST_FILES {
            let detail = format!("must be at most {MOST_FILES}");
            return Err(invalid("/attachments", &detail));
        }
        let mut files = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            let pointer = format!("/attachments/{index}");
            let media = found(self.media.get(principal, *id).await)?;
            let media = media.filter(|media| media.project == slug);
            let missing = || invalid(&pointer, &format!("there is no file {id} in the project"));
            files.push(attachment(media.ok_or_else(missing)?, &pointer)?);
        }
        Ok(files)
    }

    /// The articles as they will stand with a message.
    pub(super) async fn given(
        &self,
        principal: &Principal,
        slug: &str,
        ids: &[ArticleId],
    ) -> Result<Vec<GivenArticle>> {
        if ids.len() > MOST_ARTICLES {
            let detail = format!("must be at most {MOST_ARTICLES}");
            return Err(invalid("/context/articles", &detail));
        }
        let mut given = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            let article = found(self.articles.get(principal, *id).await)?;
            let article = article.filter(|article| article.project == slug);
            let Some(article) = article else {
                let pointer = format!("/context/articles/{index}");
                let detail = format!("there is no article {id} in the project");
                return Err(invalid(&pointer, &detail));
            };
            given.push(GivenArticle {
                article: article.id,
                revision: article.revision,
                title: article.text.title,
            });
        }
        Ok(given)
    }
}

/// `None` where it is not there for the principal.
pub(super) fn found<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if [&codes::NOT_FOUND, &codes::FORBIDDEN].contains(&error.code()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn attachment(media: Media, pointer: &str) -> Result<Attachment> {
    let content = &media.newest.content;
    let unusable = |why: String| {
        let field = FieldError {
            pointer: pointer.to_owned(),
            detail: why.clone(),
        };
        let message = format!(
            "the file `{}` cannot be given to a model: {why}",
            media.name
        );
        Err(Error::new(&codes::ATTACHMENT_UNUSABLE, message).with_fields(vec![field]))
    };
    let (variant, content_type) = if is_text(&content.content_type) {
        if content.size_bytes > MAX_TEXT_BYTES {
            let mib = MAX_TEXT_BYTES >> 20;
            return unusable(format!("a text may have {mib} MiB"));
        }
        (None, content.content_type.clone())
    } else if is_picture(&content.content_type) {
        match picture(&media) {
            Some((variant, content)) => (variant, content.content_type.clone()),
            None if media.newest.variant_state == VariantState::Pending => {
                return unusable(
                    "it is too large or of a type that models do not read, and its smaller pictures \
                     are not made yet; try again"
                        .to_owned(),
                );
            }
            None => {
                let mib = MAX_PICTURE_BYTES >> 20;
                let types = PICTURE_TYPES.join(", ");
                return unusable(format!("a picture may have {mib} MiB and be of {types}"));
            }
        }
    } else {
        let kind = &content.content_type;
        return unusable(format!("pictures and texts are taken, and it is `{kind}`"));
    };
    Ok(Attachment {
        media: media.id,
        version: media.newest.version,
        variant,
        content_type,
        name: media.name,
    })
}

/// The file itself, or else the largest of its smaller pictures that will do.
fn picture(media: &Media) -> Option<(Option<String>, &MediaContent)> {
    let will_do = |content: &MediaContent| {
        content.size_bytes <= MAX_PICTURE_BYTES
            && PICTURE_TYPES.contains(&content.content_type.as_str())
    };
    let whole = &media.newest.content;
    if will_do(whole) {
        return Some((None, whole));
    }
    let variants = media.newest.variants.iter();
    variants
        .filter(|variant| will_do(&variant.content))
        .max_by_key(|variant| variant.content.width)
        .map(|variant| (Some(variant.name.clone()), &variant.content))
}

#[cfg(test)]
mod tests {
    use inkstone_domain::ids::UserId;
    use inkstone_domain::media::Variant;
    use inkstone_testkit::sample;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Of this type and size, with a smaller picture of this type and size.
    fn file(content_type: &str, size_bytes: u64, smaller: Option<(&str, u64)>) -> Media {
        let mut media = sample::media("default", UserId::new());
        media.newest.content.content_type = content_type.to_owned();
        media.newest.content.size_bytes = size_bytes;
        media.newest.variant_state = VariantState::None;
        if let Some((content_type, size_bytes)) = smaller {
            let mut content = sample::media_content(size_bytes);
            content.content_type = content_type.to_owned();
            media.newest.variants.push(Variant {
                name: "medium".to_owned(),
                content,
            });
        }
        media
    }

    #[test]
    fn what_a_model_can_take() {
        let webp = Some(("image/webp", MIB));
        for (media, expected) in [
            (file("image/png", 5 * MIB, webp), Ok("image/png")),
            (
                file("image/png", 5 * MIB + 1, webp),
                Ok("medium image/webp"),
            ),
            (file("image/avif", MIB, webp), Ok("medium image/webp")),
            (file("image/avif", MIB, Some(("image/avif", 1))), Err(())),
            (file("image/png", 6 * MIB, None), Err(())),
            (file("text/markdown", MIB, None), Ok("text/markdown")),
            (file("application/json", MIB, None), Ok("application/json")),
            (file("text/plain", MIB + 1, None), Err(())),
            (file("application/pdf", 1, None), Err(())),
            (file("application/zip", 1, None), Err(())),
            (file("video/mp4", 1, None), Err(())),
        ] {
            let name = media.newest.content.content_type.clone();
            let taken = attachment(media, "/attachments/0").map(|it| {
                let variant = it.variant.map(|name| format!("{name} "));
                format!("{}{}", variant.unwrap_or_default(), it.content_type)
            });
            let taken = taken.as_deref().map_err(|error| {
                assert_eq!(error.code().name, "attachment_unusable");
                assert_eq!(error.fields()[0].pointer, "/attachments/0");
            });
            assert_eq!(taken, expected, "{name}");
        }
        let mut pending = file("image/png", 6 * MIB, None);
        pending.newest.variant_state = VariantState::Pending;
        let refused = attachment(pending, "/attachments/0").unwrap_err();
        assert!(refused.message().contains("try again"), "{refused}");
    }
}
