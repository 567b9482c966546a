//! Tags of a project, as they are counted.

/// A tag that articles of a project have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    /// How many have it; in `default` how many that are published.
    pub articles: u64,
}
