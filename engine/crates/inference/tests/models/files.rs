//! What is known without weights, and what is said about files that are missing or no models.

use inkstone_domain::inference::LocalModelKind;
use inkstone_domain::ports::LocalModels;
use inkstone_inference::{CandleModels, InferenceConfig};

use crate::fixture::{SENTENCE_MODEL, TEXT_MODEL, answer, config, models, request, use_one_thread};

#[tokio::test]
async fn models_are_described_by_their_files() {
    let infos = models().models().await.unwrap();
    let [text, sentence] = &infos[..] else {
        panic!("two models: {infos:?}");
    };
    assert_eq!(
        (text.id.as_str(), text.kind),
        (TEXT_MODEL, LocalModelKind::Generation)
    );
    assert_eq!(text.context_length, 4096);
    assert!(
        text.chat_template
            .as_ref()
            .unwrap()
            .contains("<|im_start|>")
    );
    assert_eq!(text.bos_token.as_deref(), Some("<|im_start|>"));
    assert_eq!(text.eos_token.as_deref(), Some("<|im_end|>"));
    assert_eq!(
        (sentence.id.as_str(), sentence.kind),
        (SENTENCE_MODEL, LocalModelKind::Embedding)
    );
    assert_eq!(sentence.context_length, 512);
}

fn elsewhere(dir: &std::path::Path) -> InferenceConfig {
    let mut config = config();
    config.generation.as_mut().unwrap().path = dir.join("model.gguf");
    config.embedding.as_mut().unwrap().dir = dir.to_owned();
    config
}

#[tokio::test]
async fn missing_files_say_how_to_get_them() {
    let dir = tempfile::tempdir().unwrap();
    let models = CandleModels::new(elsewhere(dir.path())).unwrap();
    assert_eq!(models.models().await.unwrap(), []);
    let text = models.generate(request("a")).await.err().unwrap();
    let sentence = models.embed(SENTENCE_MODEL, vec!["a".to_owned()]).await;
    for error in [text, sentence.unwrap_err()] {
        assert_eq!(error.code().name, "model_unavailable");
        for part in ["make setup", "cargo xtask setup", "[local_model]"] {
            assert!(error.message().contains(part), "{error}");
        }
        let folder = dir.path().to_string_lossy();
        assert!(!error.message().contains(&*folder), "{error}");
    }
}

#[tokio::test]
async fn files_that_are_no_models_are_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("model.gguf"), "no model").unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    let models = CandleModels::new(elsewhere(dir.path())).unwrap();
    let text = models.generate(request("a")).await.err().unwrap();
    let sentence = models.embed(SENTENCE_MODEL, vec!["a".to_owned()]).await;
    for (error, part) in [(text, "GGUF"), (sentence.unwrap_err(), "tokenizer")] {
        assert_eq!(error.code().name, "model_unavailable");
        assert!(error.message().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_broken_conversion_is_made_again() {
    use_one_thread();
    let cache = tempfile::tempdir().unwrap();
    let mut config = config();
    config.cache_dir = cache.path().join("made/on/demand");
    let whole = answer(models().generate(request("a")).await).await;

    let first = CandleModels::new(config.clone()).unwrap();
    assert_eq!(answer(first.generate(request("a")).await).await, whole);
    let converted: Vec<_> = std::fs::read_dir(&config.cache_dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(converted.len(), 1, "{converted:?}");
    std::fs::write(&converted[0], "GGUF, but broken").unwrap();

    let second = CandleModels::new(config).unwrap();
    assert_eq!(answer(second.generate(request("a")).await).await, whole);
}
