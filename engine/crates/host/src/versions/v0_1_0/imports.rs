//! The imports of 0.1.0, each of them the latest one with its words converted. `settings`,
//! `clock` and `random` are missing because they did not change: the latest ones are linked as they are.

use inkstone_bindings::latest::imports as new;
use inkstone_bindings::v0_1_0::imports as old;
use old::chat;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::Same;
use crate::state::CallState;

impl old::types::Host for CallState {
    fn convert_error(&mut self, error: wasmtime::Error) -> Result<old::types::Error> {
        Ok(new::types::Host::convert_error(self, error)?.same())
    }
}

impl chat::Host for CallState {}

impl old::log::Host for CallState {
    fn write(&mut self, level: old::log::Level, message: String) -> Result<()> {
        new::log::Host::write(self, level.same(), message, Vec::new())
    }
}

impl old::http::Host for CallState {
    async fn send(&mut self, request: old::http::Request) -> Result<old::http::Response> {
        Ok(new::http::Host::send(self, request.same()).await?.same())
    }
}

impl old::http::HostBody for CallState {
    async fn read(&mut self, body: Resource<new::http::Body>) -> Result<Option<Vec<u8>>> {
        new::http::HostBody::read(self, body).await
    }

    async fn drop(&mut self, body: Resource<new::http::Body>) -> Result<()> {
        new::http::HostBody::drop(self, body).await
    }
}

impl old::inference::Host for CallState {
    async fn models(&mut self) -> Result<Vec<old::inference::Model>> {
        Ok(new::inference::Host::models(self).await?.same())
    }

    async fn generate(
        &mut self,
        request: old::inference::GenerateRequest,
    ) -> Result<Resource<new::inference::Generation>> {
        new::inference::Host::generate(self, request.same()).await
    }

    async fn embed(&mut self, model: String, inputs: Vec<String>) -> Result<(Vec<Vec<f32>>, u32)> {
        new::inference::Host::embed(self, model, inputs).await
    }

    async fn count_tokens(&mut self, model: String, text: String) -> Result<u32> {
        new::inference::Host::count_tokens(self, model, text).await
    }
}

impl old::inference::HostGeneration for CallState {
    async fn next(
        &mut self,
        generation: Resource<new::inference::Generation>,
    ) -> Result<Option<old::inference::Event>> {
        let event = new::inference::HostGeneration::next(self, generation).await?;
        Ok(event.same())
    }

    async fn drop(&mut self, generation: Resource<new::inference::Generation>) -> Result<()> {
        new::inference::HostGeneration::drop(self, generation).await
    }
}

impl old::ai::Host for CallState {
    async fn complete(&mut self, request: chat::Request) -> Result<old::ai::Reply> {
        Ok(new::ai::Host::complete(self, request.same()).await?.same())
    }

    async fn stream(&mut self, request: chat::Request) -> Result<Resource<new::ai::Completion>> {
        new::ai::Host::stream(self, request.same()).await
    }

    async fn embed(&mut self, request: chat::EmbedRequest) -> Result<chat::EmbedReply> {
        Ok(new::ai::Host::embed(self, request.same()).await?.same())
    }
}

impl old::ai::HostCompletion for CallState {
    async fn next(
        &mut self,
        completion: Resource<new::ai::Completion>,
    ) -> Result<Option<chat::Chunk>> {
        Ok(new::ai::HostCompletion::next(self, completion)
            .await?
            .same())
    }

    async fn drop(&mut self, completion: Resource<new::ai::Completion>) -> Result<()> {
        new::ai::HostCompletion::drop(self, completion).await
    }
}

impl old::tools::Host for CallState {
    async fn call(&mut self, tool: String, input: String) -> Result<old::tools::Answer> {
        Ok(new::tools::Host::call(self, tool, input).await?.same())
    }
}

impl old::search::Host for CallState {
    async fn find(&mut self, query: old::search::Query) -> Result<Vec<old::search::Hit>> {
        Ok(new::search::Host::find(self, query.same()).await?.same())
    }
}

impl old::kv::Host for CallState {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>> {
        new::kv::Host::get(self, key).await
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> Result<()> {
        new::kv::Host::put(self, key, value).await
    }

    async fn delete(&mut self, key: String) -> Result<()> {
        new::kv::Host::delete(self, key).await
    }

    async fn list_keys(&mut self, prefix: String) -> Result<Vec<String>> {
        new::kv::Host::list_keys(self, prefix).await
    }
}
