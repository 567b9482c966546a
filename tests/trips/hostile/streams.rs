//! Streams out of a guest: in order, one at a time, ended by whoever has enough.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use inkstone_domain::chat::{Chunk, ChunkStream, EmbedRequest, FinishReason, Request};
use inkstone_domain::plugin::{LoadedPlugin, PluginBody};
use inkstone_domain::ports::{GuestCall, Provider};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::oneshot;

use super::surroundings::{Surroundings, spec};

const PROBE: &str = "provider-probe";

fn provider(plugin: &LoadedPlugin) -> Arc<dyn Provider> {
    match &plugin.body {
        PluginBody::Provider(provider) => provider.clone(),
        _ => panic!("{plugin:?} is no provider"),
    }
}

async fn complete(plugin: &LoadedPlugin, model: &str) -> Result<ChunkStream> {
    let request = Request {
        model: model.to_owned(),
        ..Request::default()
    };
    provider(plugin)
        .complete(&GuestCall::default(), request)
        .await
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_come_in_order_and_then_the_end() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let chunks: Vec<Chunk> = complete(&plugin, "count")
        .await
        .unwrap()
        .map(|chunk| chunk.unwrap())
        .collect()
        .await;
    assert_eq!(chunks[..3], [text("1"), text("2"), text("3")]);
    assert!(matches!(chunks[3], Chunk::Usage(usage) if usage.output_tokens == 3));
    assert_eq!(chunks[4..], [Chunk::Finish(FinishReason::Stop)]);
    around.host.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_at_the_start_comes_before_any_chunk() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let limited = complete(&plugin, "limited").await.err().unwrap();
    assert_eq!(limited.code().name, "upstream_rate_limited");
    assert_eq!(limited.retry_after().unwrap().as_millis(), 1500);
    let missing = complete(&plugin, "nothing").await.err().unwrap();
    assert_eq!(missing.code().name, "not_found");
    let denied = Error::new(&codes::EGRESS_DENIED, "`provider-probe` may not go there");
    around.egress.answer(Err(denied));
    let denied = complete(&plugin, "http").await.err().unwrap();
    assert_eq!(denied.code().name, "egress_denied");
    assert_eq!(denied.message(), "`provider-probe` may not go there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_goes_wrong_ends_with_the_reason() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let mut chunks = complete(&plugin, "trap-after-two").await.unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), text("1"));
    assert_eq!(chunks.next().await.unwrap().unwrap(), text("2"));
    let trapped = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(trapped.code().name, "plugin_trapped", "{trapped:?}");
    assert!(chunks.next().await.is_none());

    let mut chunks = complete(&plugin, "spin").await.unwrap();
    let spun = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(spun.code().name, "plugin_cpu_exceeded", "{spun:?}");
    assert!(chunks.next().await.is_none());
}

/// Says `word` again and again, and tells when it is dropped.
fn endless(
    word: &'static str,
) -> (
    impl Stream<Item = Result<bytes::Bytes>> + Send,
    oneshot::Receiver<()>,
) {
    let (alive, dropped) = oneshot::channel::<()>();
    let body = futures::stream::repeat_with(move || {
        let _ = &alive;
        Ok(bytes::Bytes::from_static(word.as_bytes()))
    });
    (body, dropped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_closes_the_upstream() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let (body, dropped) = endless("word ");
    around.egress.answer(Ok(body.boxed()));
    let mut chunks = complete(&plugin, "http").await.unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), text("word "));
    drop(chunks);
    // The sender is dropped with the body, and only then does this return.
    assert!(dropped.await.is_err());
    around.host.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_breaks_off_keeps_its_code() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let broken = Error::new(&codes::UPSTREAM_ERROR, "the connection was reset");
    let pieces = [Ok(bytes::Bytes::from_static(b"half")), Err(broken)];
    around
        .egress
        .answer(Ok(futures::stream::iter(pieces).boxed()));
    let mut chunks = complete(&plugin, "http").await.unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), text("half"));
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(error.code().name, "upstream_error");
    assert_eq!(error.message(), "the connection was reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_model_speaks_through_a_guest_that_may_use_it() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let chunks: Vec<Chunk> = complete(&plugin, "local")
        .await
        .unwrap()
        .map(|chunk| chunk.unwrap())
        .collect()
        .await;
    assert_eq!(chunks[..3], [text("a"), text("b"), text("c")]);

    let mut without = spec(PROBE);
    without.grants = Default::default();
    let plugin = around.load(&without).await;
    let denied = complete(&plugin, "local").await.err().unwrap();
    assert_eq!(denied.code().name, "power_denied");
    assert!(denied.message().contains("`inference = true`"), "{denied}");
    let denied = complete(&plugin, "http").await.err().unwrap();
    assert_eq!(denied.code().name, "egress_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_answers_the_short_questions_too() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(PROBE)).await;
    let provider = provider(&plugin);
    let call = GuestCall::default();
    let models = provider.models(&call).await.unwrap();
    assert_eq!(
        (models[0].id.as_str(), models[0].context_length),
        ("count", Some(7))
    );
    around.egress.answer(Ok(futures::stream::empty().boxed()));
    let reached = provider.validate_connection(&call).await.unwrap();
    assert_eq!(reached, "status 200");
    let embed = async |model: &str| {
        let request = EmbedRequest {
            model: model.to_owned(),
            inputs: vec!["a".to_owned(), "b".to_owned()],
            dimensions: None,
        };
        provider.embed(&call, request).await
    };
    assert_eq!(embed("whole").await.unwrap().vectors.len(), 2);
    let short = embed("short").await.unwrap_err();
    assert_eq!(short.code().name, "plugin_failed");
    assert!(
        short.message().contains("1 vectors for 2 inputs"),
        "{short}"
    );
}
