//! `inference`: the native local model, for plugins that were granted it.

use futures::StreamExt;
use inkstone_bindings::v0_1_0::imports::inference as wit;
use inkstone_domain::Error;
use inkstone_domain::inference::TokenStream;
use wasmtime::component::Resource;

use super::entry;
use crate::convert;
use crate::state::CallState;

/// A model at work.
struct OpenGeneration(TokenStream);

impl CallState {
    fn check_inference(&self) -> Result<(), Error> {
        if self.plugin.effective.permissions.inference {
            return Ok(());
        }
        Err(self.denied("inference = true"))
    }
}

impl wit::Host for CallState {
    async fn models(&mut self) -> wasmtime::Result<Vec<wit::Model>> {
        self.check_inference()?;
        let models = self.plugin.ports.models.models().await?;
        Ok(models.into_iter().map(convert::inference::model).collect())
    }

    async fn generate(
        &mut self,
        request: wit::GenerateRequest,
    ) -> wasmtime::Result<Resource<wit::Generation>> {
        self.check_inference()?;
        let request = convert::inference::request(request);
        let tokens = self.plugin.ports.models.generate(request).await?;
        let generation = self.table.push(OpenGeneration(tokens))?;
        Ok(entry(&generation))
    }

    async fn embed(
        &mut self,
        model: String,
        inputs: Vec<String>,
    ) -> wasmtime::Result<(Vec<Vec<f32>>, u32)> {
        self.check_inference()?;
        let embedded = self.plugin.ports.models.embed(&model, inputs).await?;
        Ok((embedded.vectors, embedded.input_tokens))
    }

    async fn count_tokens(&mut self, model: String, text: String) -> wasmtime::Result<u32> {
        self.check_inference()?;
        Ok(self.plugin.ports.models.count_tokens(&model, &text).await?)
    }
}

impl wit::HostGeneration for CallState {
    async fn next(
        &mut self,
        generation: Resource<wit::Generation>,
    ) -> wasmtime::Result<Option<wit::Event>> {
        let generation: &mut OpenGeneration = self.table.get_mut(&entry(&generation))?;
        match generation.0.next().await {
            None => Ok(None),
            Some(event) => Ok(Some(convert::inference::event(event?))),
        }
    }

    async fn drop(&mut self, generation: Resource<wit::Generation>) -> wasmtime::Result<()> {
        self.table.delete::<OpenGeneration>(entry(&generation))?;
        Ok(())
    }
}
