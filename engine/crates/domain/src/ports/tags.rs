//! The tags that articles have, as an index tells them.

use async_trait::async_trait;

use crate::Result;
use crate::content::{Page, PageRequest};
use crate::tag::Tag;

#[async_trait]
pub trait TagStore: Send + Sync {
    /// The tags of a project's articles by name, without those in the trash; of `default` the tags of what is
    /// published. The cursor is the last name.
    async fn tags(&self, project: &str, page: PageRequest) -> Result<Page<Tag>>;
}
