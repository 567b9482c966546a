//! Streaming, counting, stopping, cancelling, queueing.

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::inference::{GenerateEvent, GenerateFinish, GenerateRequest};
use inkstone_domain::ports::LocalModels;
use inkstone_inference::CandleModels;

use crate::fixture::{QUESTION, TEXT_MODEL, answer, config, models, request, use_one_thread};

#[tokio::test]
async fn text_streams_and_is_counted() {
    let models = models();
    let answer = answer(models.generate(request(QUESTION)).await).await;
    let counted = models.count_tokens(TEXT_MODEL, QUESTION).await.unwrap();
    assert!(answer.pieces.len() > 1, "{answer:?}");
    assert_eq!(answer.input_tokens, counted);
    assert_eq!(answer.finish, GenerateFinish::Length);
    assert_eq!(answer.output_tokens, 12);
}

#[tokio::test]
async fn tokens_are_counted() {
    let models = models();
    for (text, want) in [("Hello world 123", 6), ("", 0), ("<|im_start|>user\n", 3)] {
        let counted = models.count_tokens(TEXT_MODEL, text).await.unwrap();
        assert_eq!(counted, want, "{text:?}");
    }
}

#[tokio::test]
async fn the_same_seed_writes_the_same() {
    let models = models();
    let drawn = |seed, top_p| GenerateRequest {
        temperature: 1.0,
        repeat_penalty: 1.1,
        top_p,
        seed,
        ..request(QUESTION)
    };
    for top_p in [None, Some(0.9)] {
        let first = answer(models.generate(drawn(7, top_p)).await).await;
        let again = answer(models.generate(drawn(7, top_p)).await).await;
        assert_eq!(first, again);
    }
    let one = answer(models.generate(drawn(7, None)).await).await;
    let other = answer(models.generate(drawn(8, None)).await).await;
    assert_ne!(one.text(), other.text());
}

#[tokio::test]
async fn an_answer_does_not_depend_on_the_one_before() {
    let models = models();
    let first = answer(models.generate(request(QUESTION)).await).await;
    answer(models.generate(request("Something else entirely: ")).await).await;
    let again = answer(models.generate(request(QUESTION)).await).await;
    assert_eq!(first, again);
}

#[tokio::test]
async fn a_stop_text_ends_the_answer_and_is_no_part_of_it() {
    let models = models();
    let whole = answer(models.generate(request(QUESTION)).await)
        .await
        .text();
    // From inside the text, so that it begins and ends within tokens.
    let characters: Vec<char> = whole.chars().collect();
    let stop: String = characters[4..12].iter().collect();
    let stopping = GenerateRequest {
        stop: vec!["never said".to_owned(), stop.clone()],
        ..request(QUESTION)
    };
    let answer = answer(models.generate(stopping).await).await;
    assert_eq!(answer.finish, GenerateFinish::Stop);
    let before = whole.find(&stop).unwrap();
    assert_eq!(answer.text(), whole[..before]);
    assert!(answer.output_tokens < 12);
}

#[tokio::test]
async fn the_models_own_end_is_silent() {
    let models = models();
    let short = GenerateRequest {
        max_tokens: 200,
        ..request("<|im_start|>user\nSay only: yes<|im_end|>\n<|im_start|>assistant\n")
    };
    let answer = answer(models.generate(short).await).await;
    assert!(!answer.text().contains("<|im_end|>"), "{answer:?}");
    assert!(answer.output_tokens <= 200);
}

#[tokio::test]
async fn dropping_the_stream_frees_the_model() {
    let models = models();
    let long = GenerateRequest {
        max_tokens: 4000,
        ..request(QUESTION)
    };
    let mut stream = models.generate(long).await.unwrap();
    assert!(matches!(
        stream.next().await,
        Some(Ok(GenerateEvent::Text(_)))
    ));
    drop(stream);
    let second = models.generate(request(QUESTION)).await;
    // Four thousand tokens take minutes.
    tokio::time::timeout(Duration::from_secs(30), answer(second))
        .await
        .expect("the first one has stopped");
}

#[tokio::test]
async fn a_full_queue_is_overloaded_and_empties_again() {
    use_one_thread();
    let mut config = config();
    config.max_waiting = 1;
    let models = CandleModels::new(config).unwrap();
    let long = GenerateRequest {
        max_tokens: 4000,
        ..request(QUESTION)
    };
    let running = models.generate(long).await.unwrap();
    let waiting = models.generate(request(QUESTION)).await;
    let refused = models.generate(request(QUESTION)).await.err().unwrap();
    assert_eq!(refused.code().name, "overloaded");
    assert!(refused.message().contains(TEXT_MODEL), "{refused}");
    drop(running);
    assert_eq!(answer(waiting).await.output_tokens, 12);
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_says_so() {
    let models = models();
    let prompt = "sea ".repeat(5000);
    let tokens = models.count_tokens(TEXT_MODEL, &prompt).await.unwrap();
    let error = models.generate(request(&prompt)).await.err().unwrap();
    assert_eq!(error.code().name, "context_too_long");
    assert!(error.message().contains(&tokens.to_string()), "{error}");
}

#[tokio::test]
async fn senseless_requests_are_refused() {
    let models = models();
    let temperature = GenerateRequest {
        temperature: -1.0,
        ..request(QUESTION)
    };
    let nothing = GenerateRequest {
        max_tokens: 0,
        ..request(QUESTION)
    };
    let other_kind = GenerateRequest {
        model: crate::fixture::SENTENCE_MODEL.to_owned(),
        ..request(QUESTION)
    };
    let unknown = GenerateRequest {
        model: "gpt-7".to_owned(),
        ..request(QUESTION)
    };
    for (wrong, code) in [
        (temperature, "invalid_input"),
        (nothing, "invalid_input"),
        (request(""), "invalid_input"),
        (other_kind, "unsupported"),
        (unknown, "unknown_model"),
    ] {
        let error = models.generate(wrong).await.err().unwrap();
        assert_eq!(error.code().name, code, "{error}");
    }
}
