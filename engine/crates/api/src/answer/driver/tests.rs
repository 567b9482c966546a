//! The driver alone, with a writer that writes a word per call.

use futures::{StreamExt, stream};
use inkstone_domain::chat::{Chunk, FinishReason, TokenLogprob};
use inkstone_domain::{Result, codes};
use tokio::sync::mpsc;

use super::*;
use crate::answer::Said;

/// Writes one event per call.
#[derive(Default)]
struct Words;

impl AnswerWriter for Words {
    fn open(&mut self, frame: &mut EventFrame) {
        frame.data(&"open");
    }

    fn write(&mut self, choice: usize, said: Said, frame: &mut EventFrame) -> Result<()> {
        match said.chunk {
            Chunk::Text(text) if text == "refuse" => {
                return Err(Error::new(&codes::UPSTREAM_ERROR, "refused"));
            }
            Chunk::Text(text) => frame.data(&format!("{choice}:{text}{}", said.logprobs.len())),
            // Nothing to say, as with the usage.
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, frame: &mut EventFrame) {
        frame.data(&"close");
    }

    fn fail(&mut self, error: &Error, frame: &mut EventFrame) {
        frame.data(&error.message());
    }
}

type Sender = mpsc::UnboundedSender<Result<Chunk>>;

/// A choice that says what is sent, and ends when the sender is dropped.
fn choice() -> (Sender, ChunkStream) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let chunks = stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, Box::pin(chunks))
}

fn driver(streams: Vec<ChunkStream>, has_logprobs: bool) -> Driver<Words> {
    let request_id = RequestId::accept_or_make(&Default::default());
    Driver::new(streams, has_logprobs, Words, request_id)
}

fn text(text: &str) -> Result<Chunk> {
    Ok(Chunk::Text(text.to_owned()))
}

/// The words of the next frame.
async fn next(driver: &mut Driver<Words>) -> Option<String> {
    let frame = driver.next().await?.unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let words = text.trim_end().split("\n\n");
    let words = words.map(|word| word.trim_start_matches("data: ").trim_matches('"'));
    Some(words.collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn what_is_ready_goes_out_in_one_piece() {
    let (sender, chunks) = choice();
    let mut driver = driver(vec![chunks], false);
    sender.send(text("a")).unwrap();
    sender.send(Ok(Chunk::Finish(FinishReason::Stop))).unwrap();
    sender.send(text("b")).unwrap();
    assert_eq!(next(&mut driver).await.unwrap(), "open 0:a0 0:b0");
    sender.send(text("c")).unwrap();
    assert_eq!(next(&mut driver).await.unwrap(), "0:c0");
    drop(sender);
    assert_eq!(next(&mut driver).await.unwrap(), "close");
    assert_eq!(next(&mut driver).await, None);
    assert_eq!(next(&mut driver).await, None, "it stays over");
}

#[tokio::test]
async fn choices_take_turns_and_all_must_end() {
    let (one, first) = choice();
    let (other, second) = choice();
    let mut driver = driver(vec![first, second], false);
    for word in ["a", "b"] {
        one.send(text(word)).unwrap();
        other.send(text(word)).unwrap();
    }
    drop(one);
    assert_eq!(next(&mut driver).await.unwrap(), "open 0:a0 1:a0 0:b0 1:b0");
    other.send(text("c")).unwrap();
    drop(other);
    assert_eq!(next(&mut driver).await.unwrap(), "1:c0 close");
}

#[tokio::test]
async fn a_failure_ends_all_choices() {
    let (one, first) = choice();
    let (other, second) = choice();
    let mut driver = driver(vec![first, second], true);
    one.send(text("held back")).unwrap();
    one.send(Err(Error::new(&codes::PLUGIN_TRAPPED, "broken")))
        .unwrap();
    assert_eq!(next(&mut driver).await.unwrap(), "open 0:held back0 broken");
    assert!(other.send(text("more")).is_err(), "its call is gone");
    assert_eq!(next(&mut driver).await, None);
}

#[tokio::test]
async fn a_writer_may_give_up() {
    let (sender, chunks) = choice();
    let mut driver = driver(vec![chunks], false);
    sender.send(text("refuse")).unwrap();
    assert_eq!(next(&mut driver).await.unwrap(), "open refused");
    assert_eq!(next(&mut driver).await, None);
}

#[tokio::test]
async fn tokens_come_with_their_text_but_nobody_waits_for_them() {
    let (sender, chunks) = choice();
    let mut driver = driver(vec![chunks], true);
    let token = TokenLogprob {
        token: "a".to_owned(),
        logprob: 0.0,
        top: Vec::new(),
    };
    sender.send(text("a")).unwrap();
    sender.send(Ok(Chunk::Logprobs(vec![token]))).unwrap();
    sender.send(text("b")).unwrap();
    assert_eq!(next(&mut driver).await.unwrap(), "open 0:a1 0:b0");
}

#[tokio::test]
async fn a_long_answer_comes_in_several_pieces() {
    let (sender, chunks) = choice();
    let mut driver = driver(vec![chunks], false);
    let long = "x".repeat(LARGE_FRAME_BYTES);
    sender.send(text(&long)).unwrap();
    sender.send(text("rest")).unwrap();
    drop(sender);
    assert!(next(&mut driver).await.unwrap().ends_with("xx0"));
    assert_eq!(next(&mut driver).await.unwrap(), "0:rest0 close");
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive() {
    let (sender, chunks) = choice();
    let mut driver = driver(vec![chunks], false);
    driver.quiet = Quiet::new(Duration::from_millis(1));
    assert_eq!(next(&mut driver).await.unwrap(), "open");
    assert_eq!(next(&mut driver).await.unwrap(), ":");
    assert_eq!(next(&mut driver).await.unwrap(), ":");
    drop(sender);
    // It may be quiet for long enough once more before the end is noticed.
    while let Some(words) = next(&mut driver).await {
        assert!(words == ":" || words == "close", "{words}");
    }
}
