//! `ai`: models through the gateway, in the caller's name. The port comes with the call.

use std::sync::Arc;

use futures::StreamExt;
use inkstone_bindings::latest::imports::{ai as wit, chat};
use inkstone_domain::Error;
use inkstone_domain::chat::{Chunk, ChunkStream, EmbedReply, Reply};
use inkstone_domain::ports::Ai;
use wasmtime::component::Resource;

use super::{aside, entry};
use crate::convert;
use crate::state::CallState;

/// An answer under way.
struct OpenCompletion(ChunkStream);

impl CallState {
    fn ai(&self) -> Result<Arc<dyn Ai>, Error> {
        if !self.plugin.effective.permissions.ai {
            return Err(self.denied("ai = true"));
        }
        self.call.ai.clone().ok_or_else(|| self.absent("ai"))
    }
}

impl wit::Host for CallState {
    async fn complete(&mut self, request: chat::Request) -> wasmtime::Result<wit::Reply> {
        let request = convert::chat::request_from_guest(request)?;
        let reply: Reply = import!(self, "ai.complete", request, async |own| {
            let ai = own.ai()?;
            Ok(aside(async move { ai.complete(request).await }).await?)
        })?;
        Ok(convert::chat::reply_to_guest(reply))
    }

    async fn stream(
        &mut self,
        request: chat::Request,
    ) -> wasmtime::Result<Resource<wit::Completion>> {
        let request = convert::chat::request_from_guest(request)?;
        let mut chunks = None;
        let _model: String = import!(self, "ai.stream", request, async |own| {
            let ai = own.ai()?;
            let answer = aside(async move { ai.stream(request).await }).await?;
            chunks = Some(answer.chunks);
            Ok(answer.model)
        })?;
        // A replayed answer has no chunks of its own: every one comes from the recording.
        let chunks = chunks.unwrap_or_else(|| Box::pin(futures::stream::empty()));
        let completion = self.table.push(OpenCompletion(chunks))?;
        Ok(entry(&completion))
    }

    async fn embed(&mut self, request: chat::EmbedRequest) -> wasmtime::Result<chat::EmbedReply> {
        let request = convert::chat::embed_request_from_guest(request);
        let reply: EmbedReply = import!(self, "ai.embed", request, async |own| {
            let ai = own.ai()?;
            Ok(aside(async move { ai.embed(request).await }).await?)
        })?;
        Ok(convert::chat::embed_reply_to_guest(reply))
    }
}

impl wit::HostCompletion for CallState {
    async fn next(
        &mut self,
        completion: Resource<wit::Completion>,
    ) -> wasmtime::Result<Option<chat::Chunk>> {
        let chunk: Option<Chunk> = import!(
            self,
            "ai.completion.next",
            [completion.rep()],
            async |own| {
                let completion: &mut OpenCompletion = own.table.get_mut(&entry(&completion))?;
                Ok(completion.0.next().await.transpose()?)
            }
        )?;
        Ok(chunk.map(convert::chat::chunk_to_guest))
    }

    async fn drop(&mut self, completion: Resource<wit::Completion>) -> wasmtime::Result<()> {
        self.table.delete::<OpenCompletion>(entry(&completion))?;
        Ok(())
    }
}
