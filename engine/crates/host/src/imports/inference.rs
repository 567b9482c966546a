//! `inference`: the native local model, for plugins that were granted it.

use futures::StreamExt;
use inkstone_bindings::latest::imports::inference as wit;
use inkstone_domain::Error;
use inkstone_domain::inference::{GenerateEvent, LocalEmbeddings, LocalModelInfo, TokenStream};
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
        let models: Vec<LocalModelInfo> = import!(self, "inference.models", (), async |own| {
            own.check_inference()?;
            Ok(own.plugin.ports.models.models().await?)
        })?;
        Ok(models.into_iter().map(convert::inference::model).collect())
    }

    async fn generate(
        &mut self,
        request: wit::GenerateRequest,
    ) -> wasmtime::Result<Resource<wit::Generation>> {
        let request = convert::inference::request(request);
        let mut tokens = None;
        import!(self, "inference.generate", request, async |own| {
            own.check_inference()?;
            tokens = Some(own.plugin.ports.models.generate(request).await?);
            Ok(())
        })?;
        // A replayed generation has no tokens of its own: every one comes from the recording.
        let tokens = tokens.unwrap_or_else(|| Box::pin(futures::stream::empty()));
        let generation = self.table.push(OpenGeneration(tokens))?;
        Ok(entry(&generation))
    }

    async fn embed(
        &mut self,
        model: String,
        inputs: Vec<String>,
    ) -> wasmtime::Result<(Vec<Vec<f32>>, u32)> {
        let embedded: LocalEmbeddings =
            import!(self, "inference.embed", (&model, &inputs), async |own| {
                own.check_inference()?;
                Ok(own.plugin.ports.models.embed(&model, inputs).await?)
            })?;
        Ok((embedded.vectors, embedded.input_tokens))
    }

    async fn count_tokens(&mut self, model: String, text: String) -> wasmtime::Result<u32> {
        import!(
            self,
            "inference.count-tokens",
            (&model, &text),
            async |own| {
                own.check_inference()?;
                Ok(own.plugin.ports.models.count_tokens(&model, &text).await?)
            }
        )
    }
}

impl wit::HostGeneration for CallState {
    async fn next(
        &mut self,
        generation: Resource<wit::Generation>,
    ) -> wasmtime::Result<Option<wit::Event>> {
        let handle = generation.rep();
        let event: Option<GenerateEvent> =
            import!(self, "inference.generation.next", [handle], async |own| {
                let generation: &mut OpenGeneration = own.table.get_mut(&entry(&generation))?;
                Ok(generation.0.next().await.transpose()?)
            })?;
        Ok(event.map(convert::inference::event))
    }

    async fn drop(&mut self, generation: Resource<wit::Generation>) -> wasmtime::Result<()> {
        self.table.delete::<OpenGeneration>(entry(&generation))?;
        Ok(())
    }
}
