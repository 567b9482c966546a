//! WIT words to domain words and back, by hand, with an explicit match each. Nothing here calls
//! anything; JSON texts are parsed here, and what is not JSON is an error of its own.

pub(crate) mod chat;
pub(crate) mod error;
pub(crate) mod inference;

use inkstone_bindings::latest::imports::types;
use inkstone_domain::research::Source;

pub(crate) fn source(source: types::Source) -> Source {
    Source {
        url: source.url,
        title: source.title,
        author: source.author,
        published: source.published,
    }
}

pub(crate) fn sources(sources: Vec<types::Source>) -> Vec<Source> {
    sources.into_iter().map(source).collect()
}

pub(crate) fn source_to_guest(source: Source) -> types::Source {
    types::Source {
        url: source.url,
        title: source.title,
        author: source.author,
        published: source.published,
    }
}
