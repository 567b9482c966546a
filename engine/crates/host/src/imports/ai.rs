//! `ai`: models through the gateway, in the caller's name. The port comes with the call.

use std::sync::Arc;

use futures::StreamExt;
use inkstone_bindings::v0_1_0::imports::{ai as wit, chat};
use inkstone_domain::Error;
use inkstone_domain::chat::ChunkStream;
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
        let ai = self.ai()?;
        let request = convert::chat::request_from_guest(request)?;
        let reply = aside(async move { ai.complete(request).await }).await?;
        Ok(convert::chat::reply_to_guest(reply))
    }

    async fn stream(
        &mut self,
        request: chat::Request,
    ) -> wasmtime::Result<Resource<wit::Completion>> {
        let ai = self.ai()?;
        let request = convert::chat::request_from_guest(request)?;
        let answer = aside(async move { ai.stream(request).await }).await?;
        let completion = self.table.push(OpenCompletion(answer.chunks))?;
        Ok(entry(&completion))
    }

    async fn embed(&mut self, request: chat::EmbedRequest) -> wasmtime::Result<chat::EmbedReply> {
        let ai = self.ai()?;
        let request = convert::chat::embed_request_from_guest(request);
        let reply = aside(async move { ai.embed(request).await }).await?;
        Ok(convert::chat::embed_reply_to_guest(reply))
    }
}

impl wit::HostCompletion for CallState {
    async fn next(
        &mut self,
        completion: Resource<wit::Completion>,
    ) -> wasmtime::Result<Option<chat::Chunk>> {
        let completion: &mut OpenCompletion = self.table.get_mut(&entry(&completion))?;
        match completion.0.next().await {
            None => Ok(None),
            Some(chunk) => Ok(Some(convert::chat::chunk_to_guest(chunk?))),
        }
    }

    async fn drop(&mut self, completion: Resource<wit::Completion>) -> wasmtime::Result<()> {
        self.table.delete::<OpenCompletion>(entry(&completion))?;
        Ok(())
    }
}
