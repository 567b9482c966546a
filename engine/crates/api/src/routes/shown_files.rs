//! The files that an article shows, with links that expire: its cover, and what its text names. No route of
//! its own; whoever was given the article is given these.

use std::collections::HashMap;

use axum::http::HeaderValue;
use inkstone_domain::content::Article;
use inkstone_domain::ids::MediaId;
use inkstone_services::media::{Link, ShownState};

use super::media_content::link_path;
use crate::error::ApiResult;
use crate::reply::{revision_tag, revision_tag_with};
use crate::state::Shared;
use crate::wire::cover::CoverReply;

/// Where they are.
#[derive(Default)]
pub(super) struct Files {
    /// By their addresses in the text; what is gone is left out.
    pub addresses: HashMap<String, String>,
    pub cover: Option<CoverReply>,
    /// What of the reply changes without a change of the article.
    seen: String,
}

impl Files {
    /// Those that the text names.
    pub(super) async fn of_text(state: &Shared, article: &Article) -> ApiResult<Self> {
        let named = state.services.articles.media_in(article).await?;
        let mut ids: Vec<MediaId> = named.iter().map(|it| it.id).collect();
        ids.sort();
        ids.dedup();
        let shown = state.services.media.shown(article, &ids).await?;
        let mut files = Self::default();
        for name in named {
            let found = shown.iter().find(|it| it.id == name.id);
            if let Some(ShownState::Ready(file)) = found.map(|it| &it.state) {
                let address = address(state, file.link_of(name.variant.as_deref()));
                files.seen.push_str(&address);
                files.addresses.insert(name.address, address);
            } else {
                files.seen.push('-');
            }
        }
        Ok(files)
    }

    /// The cover, too, where it is a file.
    pub(super) async fn add_cover(&mut self, state: &Shared, article: &Article) -> ApiResult<()> {
        let Some(id) = state.services.articles.cover_of(article) else {
            return Ok(());
        };
        let shown = state.services.media.shown(article, &[id]).await?;
        for file in shown {
            let cover = CoverReply::new(file, |link| address(state, link));
            self.seen.push_str(&cover.seen());
            self.cover = Some(cover);
        }
        Ok(())
    }

    /// The entity tag of a reply with these.
    pub(super) fn tag(&self, revision: u64) -> HeaderValue {
        match self.seen.is_empty() {
            true => revision_tag(revision),
            false => revision_tag_with(revision, &self.seen),
        }
    }
}

fn address(state: &Shared, link: &Link) -> String {
    format!("{}{}", state.config.public_url, link_path(link))
}
