//! The files that an article names: its cover, and what stands in its text as `media:med_…`, or as
//! `media:med_…?variant=NAME` where a smaller picture will do.

use inkstone_domain::Result;
use inkstone_domain::content::Article;
use inkstone_domain::ids::MediaId;
use inkstone_domain::principal::Principal;

use super::extras::{is_address, wrong_field};
use super::{Articles, markdown, off_reactor};

/// What addresses of files begin with.
pub(super) const SCHEME: &str = "media:";
/// Further files of one text are as if they were gone.
const MOST: usize = 100;

/// A file as a text names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaRef {
    /// As it stands in the text.
    pub address: String,
    pub id: MediaId,
    pub variant: Option<String>,
}

impl MediaRef {
    /// `None` where the address is none of a file.
    pub(super) fn of(address: &str) -> Option<Self> {
        let rest = address.strip_prefix(SCHEME)?;
        let (id, variant) = match rest.split_once("?variant=") {
            Some((id, variant)) => (id, Some(variant.to_owned())),
            None => (rest, None),
        };
        Some(Self {
            address: address.to_owned(),
            id: id.parse().ok()?,
            variant,
        })
    }
}

impl Articles {
    /// The files that the text of an article names, each address once.
    pub async fn media_in(&self, article: &Article) -> Result<Vec<MediaRef>> {
        let body = &article.text.body;
        if !body.contains(SCHEME) {
            return Ok(Vec::new());
        }
        let body = body.clone();
        off_reactor(move || markdown::media_in(&body, MOST)).await
    }

    /// The file that is the cover of an article, if it is one.
    pub fn cover_of(&self, article: &Article) -> Option<MediaId> {
        article.text.extras.cover.parse().ok()
    }

    /// `invalid_input` where the article may not have its cover. An address may be any: nothing is fetched
    /// from it, now or later.
    pub(super) async fn check_cover(
        &self,
        principal: &Principal,
        article: &Article,
        cover: &str,
    ) -> Result<()> {
        if cover.is_empty() || is_address(cover) {
            return Ok(());
        }
        let Ok(id) = cover.parse() else {
            let detail = "must be an address with http or https, or the id of a medium, `med_…`";
            return Err(wrong_field("/cover", detail));
        };
        match self.media.why_no_cover(principal, article, id).await? {
            None => Ok(()),
            Some(detail) => Err(wrong_field("/cover", &detail)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files() {
        let id = MediaId::new();
        let parsed = |address: String| MediaRef::of(&address).map(|it| (it.id, it.variant));
        assert_eq!(parsed(format!("media:{id}")), Some((id, None)));
        let variant = Some("thumbnail".to_owned());
        assert_eq!(
            parsed(format!("media:{id}?variant=thumbnail")),
            Some((id, variant))
        );
        for other in [
            "media:",
            "media:med_1",
            "media:usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
            "https://a",
        ] {
            assert_eq!(parsed(other.to_owned()), None, "{other}");
        }
        assert_eq!(parsed(format!("media:{id}/../x")), None);
    }
}
