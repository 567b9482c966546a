//! Vectors by which things that mean the same are found, without a model.

use inkstone_domain::chunks::{Chunk, EmbeddedArticle};
use inkstone_domain::digest::sha256;
use inkstone_domain::ids::ArticleId;

/// Words that mean the same stand in one line.
const CONCEPTS: [&[&str]; 6] = [
    &["sea", "ocean", "tide", "tides", "water", "wave", "waves"],
    &["moon", "lunar", "crescent"],
    &["dog", "hound", "puppy"],
    &["bread", "loaf", "baker", "dough"],
    &["car", "automobile", "engine"],
    &["king", "monarch", "crown"],
];

/// One dimension for each concept, and one for all else, which counts little.
pub fn meaning(text: &str) -> Vec<f32> {
    let text = text.to_lowercase();
    let words = || text.split(|it: char| !it.is_alphanumeric());
    let count = |concept: &&[&str]| words().filter(|word| concept.contains(word)).count() as f32;
    CONCEPTS.iter().map(count).chain([0.1]).collect()
}

/// Two pieces of an article, as the model `sample/model` embedded its first revision.
pub fn embedded(article: ArticleId) -> EmbeddedArticle {
    let chunks = [(0, "The tide"), (8, " and the moon")];
    let chunks = chunks.map(|(start, text)| Chunk {
        start,
        end: start + text.len(),
        digest: sha256(text.as_bytes()),
        vector: meaning(text),
    });
    EmbeddedArticle {
        article,
        model: "sample/model".to_owned(),
        revision: 1,
        chunks: chunks.into(),
    }
}
