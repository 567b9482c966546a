//! Answers in one piece (page "Generating content", method `generateContent`) and log probabilities (the same page,
//! `LogprobsResult`) of Google's reference.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;

use super::*;
use crate::Gemini;

#[test]
fn it_has_an_address_of_its_own() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(WHOLE)));
    let request = Request {
        stream: false,
        ..Request::new("gemini-2.5-flash").user("Hi")
    };
    let chunks = Gemini.complete(request).unwrap();
    assert_eq!(chunks.count(), 3, "no media type is JSON as well");
    let sent = testing::http_requests().remove(0);
    assert_eq!(
        sent.url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    );
    let accept = ("accept".to_owned(), "application/json".to_owned());
    assert!(sent.headers.contains(&accept), "{:?}", sent.headers);
}

#[test]
fn all_of_it_is_handed_over_at_once() {
    assert_eq!(REPLAY.unstreamed(WHOLE).unwrap(), whole(WHOLE).unwrap());
    assert_eq!(REPLAY.streamed_unasked(STREAM).unwrap(), read(STREAM));
    let error = REPLAY.unstreamed("{}").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn log_probabilities_come_whole_and_streamed() {
    let candidate = json!({
        "content": {"parts": [{"text": "Hi!"}]},
        "logprobsResult": {
            "chosenCandidates": [
                {"token": "Hi", "tokenId": 2151, "logProbability": -0.5},
                // A certain token; the API leaves zeroes out.
                {"token": "!", "tokenId": 235_341},
            ],
            "topCandidates": [{"candidates": [
                {"token": "Hi", "tokenId": 2151, "logProbability": -0.5},
                {"token": "Hello", "tokenId": 4521, "logProbability": -1.25},
            ]}],
            "logProbabilitySum": -0.5,
        },
        "finishReason": "STOP",
    });
    let answer = json!({"candidates": [candidate]});
    let top = |token: &str, logprob: f32| (token.to_owned(), logprob);
    let token = |token: &str, logprob, top| TokenLogprob {
        token: token.to_owned(),
        logprob,
        top,
    };
    let want = [
        Chunk::text("Hi!"),
        Chunk::Logprobs(vec![
            token("Hi", -0.5, vec![top("Hi", -0.5), top("Hello", -1.25)]),
            token("!", 0.0, vec![]),
        ]),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.unstreamed(answer.to_string()).unwrap(), want);
    assert_eq!(read(events([answer])), want);
}
