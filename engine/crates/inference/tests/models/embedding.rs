//! Sentence vectors: their length, their order, and that likeness means something.

use inkstone_domain::ports::LocalModels;

use crate::fixture::{SENTENCE_MODEL, TEXT_MODEL, models};

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn paraphrases_are_nearer_than_strangers() {
    let inputs = texts(&[
        "A man is playing a guitar on stage.",
        "Someone performs music with a guitar in a show.",
        "The central bank raised its interest rate.",
    ]);
    let embedded = models().embed(SENTENCE_MODEL, inputs).await.unwrap();
    let [guitar, paraphrase, bank] = &embedded.vectors[..] else {
        panic!("three vectors");
    };
    for vector in &embedded.vectors {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
    let near = cosine(guitar, paraphrase);
    let far = cosine(guitar, bank);
    assert!(near > 0.6 && far < 0.2, "{near} {far}");
}

#[tokio::test]
async fn neither_order_nor_company_changes_a_vector() {
    let models = models();
    let mixed = texts(&[
        "one",
        "a much longer sentence about nothing in particular",
        "two words",
    ]);
    let together = models.embed(SENTENCE_MODEL, mixed.clone()).await.unwrap();
    let mut tokens = 0;
    for (text, vector) in mixed.into_iter().zip(&together.vectors) {
        tokens += models.count_tokens(SENTENCE_MODEL, &text).await.unwrap();
        let alone = models.embed(SENTENCE_MODEL, vec![text]).await.unwrap();
        assert!(cosine(&alone.vectors[0], vector) > 0.9999);
    }
    assert_eq!(together.input_tokens, tokens);
}

#[tokio::test]
async fn long_texts_are_cut_and_none_is_no_error() {
    let models = models();
    let long = "sea ".repeat(3000);
    let embedded = models.embed(SENTENCE_MODEL, vec![long]).await.unwrap();
    let info = &models.models().await.unwrap()[1];
    assert_eq!(embedded.input_tokens, info.context_length);
    let none = models.embed(SENTENCE_MODEL, Vec::new()).await.unwrap();
    assert_eq!((none.vectors.len(), none.input_tokens), (0, 0));
    let empty = models.embed(SENTENCE_MODEL, texts(&[""])).await.unwrap();
    assert_eq!(empty.vectors[0].len(), 384);
}

#[tokio::test]
async fn the_text_model_embeds_nothing() {
    let error = models().embed(TEXT_MODEL, texts(&["a"])).await.unwrap_err();
    assert_eq!(error.code().name, "unsupported");
    let error = models().embed("other", texts(&["a"])).await.unwrap_err();
    assert_eq!(error.code().name, "unknown_model");
    assert!(error.message().contains(SENTENCE_MODEL), "{error}");
}
