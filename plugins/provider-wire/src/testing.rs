//! What the tests of every provider ask: whether its manifest says the same as its code, and what it makes of an answer.

use inkstone_plugin::provider::{Chunk, Error, Provider, Request, Result};
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::Value;

/// Asks a provider for this model, and plays an answer of the wire back to it.
pub struct Replay<P> {
    pub provider: P,
    pub model: &'static str,
}

impl<P: Provider> Replay<P> {
    /// What the provider makes of this answer.
    ///
    /// # Errors
    /// Where it refuses the answer before its first chunk.
    pub fn answer(&self, answer: HttpAnswer) -> Result<Vec<Result<Chunk>>> {
        Ok(self.ask(true, answer)?.collect())
    }

    fn ask(&self, stream: bool, answer: HttpAnswer) -> Result<impl Iterator<Item = Result<Chunk>>> {
        testing::reset();
        testing::http(move |_| Ok(answer.clone()));
        let request = Request::new(self.model).user("Hi");
        self.provider.complete(Request { stream, ..request })
    }

    /// Of a stream that comes in these pieces.
    pub fn streamed<B: Into<Vec<u8>>>(
        &self,
        pieces: impl IntoIterator<Item = B>,
    ) -> Vec<Result<Chunk>> {
        let head =
            testing::response(200).header("content-type", "text/event-stream; charset=utf-8");
        self.answer(head.pieces(pieces)).expect("a stream")
    }

    /// Of a stream that ends well.
    pub fn read(&self, body: impl AsRef<str>) -> Vec<Chunk> {
        let chunks = self.streamed([body.as_ref()]).into_iter();
        chunks.map(|chunk| chunk.expect("a chunk")).collect()
    }

    /// Of a stream that ends in an error: what came before it, and the error.
    pub fn read_broken(&self, body: impl AsRef<str>) -> (Vec<Chunk>, Error) {
        let mut chunks = self.streamed([body.as_ref()]);
        let error = chunks
            .pop()
            .expect("an end")
            .expect_err("an error at the end");
        let chunks = chunks.into_iter();
        (chunks.map(|chunk| chunk.expect("a chunk")).collect(), error)
    }

    /// Of an answer in one piece that was asked for so. All of it is handed over in one go.
    ///
    /// # Errors
    /// The first one.
    pub fn unstreamed(&self, body: impl AsRef<str>) -> Result<Vec<Chunk>> {
        let head = testing::response(200).header("content-type", "application/json");
        let chunks = self.ask(false, head.body(body.as_ref()))?;
        let promised = chunks.size_hint().0;
        let chunks: Vec<Chunk> = chunks.collect::<Result<_>>()?;
        assert_eq!(chunks.len(), promised, "not all was ready at once");
        Ok(chunks)
    }

    /// Of a stream that nobody asked for.
    ///
    /// # Errors
    /// The first one.
    pub fn streamed_unasked(&self, body: impl AsRef<str>) -> Result<Vec<Chunk>> {
        let head = testing::response(200).header("content-type", "text/event-stream");
        self.ask(false, head.body(body.as_ref()))?.collect()
    }

    /// Of an answer that comes in one piece.
    ///
    /// # Errors
    /// The first one.
    pub fn whole(&self, content_type: &str, body: impl AsRef<str>) -> Result<Vec<Chunk>> {
        let head = testing::response(200).header("content-type", content_type);
        self.answer(head.body(body.as_ref()))?.into_iter().collect()
    }
}

/// Panics where the defaults that a manifest declares are not those of the code.
pub fn assert_defaults_agree(manifest: &str, own: &Value) {
    let manifest: toml::Value = toml::from_str(manifest).expect("a manifest");
    let properties = manifest["settings"]["schema"]["properties"].as_table();
    let declared = properties
        .expect("properties")
        .iter()
        .map(|(name, property)| {
            let default = serde_json::to_value(&property["default"]).expect("a default");
            (name.clone(), default)
        });
    assert_eq!(&Value::Object(declared.collect()), own);
}
