//! Ports that take everything and answer with an error, so that what a guest hands over is converted,
//! and nothing else happens.

use async_trait::async_trait;
use inkstone_domain::capability::Effective;
use inkstone_domain::chat::{EmbedReply, EmbedRequest, Reply, Request};
use inkstone_domain::inference::{GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream};
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse};
use inkstone_domain::ports::{
    Ai, AiStream, DocumentSearch, Egress, LocalModels, PluginKv, Toolbox,
};
use inkstone_domain::research::Answer;
use inkstone_domain::search::Hit;
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

pub(crate) struct Nowhere;

fn nothing<T>() -> Result<T> {
    Err(Error::new(&codes::UNSUPPORTED, "nothing is here"))
}

#[async_trait]
impl Egress for Nowhere {
    async fn send(&self, _: &str, _: &Effective, _: OutboundRequest) -> Result<OutboundResponse> {
        nothing()
    }
}

#[async_trait]
impl LocalModels for Nowhere {
    async fn models(&self) -> Result<Vec<LocalModelInfo>> {
        nothing()
    }

    async fn generate(&self, _: GenerateRequest) -> Result<TokenStream> {
        nothing()
    }

    async fn embed(&self, _: &str, _: Vec<String>) -> Result<LocalEmbeddings> {
        nothing()
    }

    async fn count_tokens(&self, _: &str, _: &str) -> Result<u32> {
        nothing()
    }
}

#[async_trait]
impl PluginKv for Nowhere {
    async fn get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>> {
        Ok(Some(b"value".to_vec()))
    }

    async fn put(&self, _: &str, _: &str, _: Vec<u8>, _: u64) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn list_keys(&self, _: &str, _: &str) -> Result<Vec<String>> {
        Ok(vec!["key".to_owned()])
    }
}

#[async_trait]
impl Ai for Nowhere {
    async fn stream(&self, _: Request) -> Result<AiStream> {
        nothing()
    }

    async fn complete(&self, _: Request) -> Result<Reply> {
        nothing()
    }

    async fn embed(&self, _: EmbedRequest) -> Result<EmbedReply> {
        nothing()
    }
}

#[async_trait]
impl Toolbox for Nowhere {
    async fn call(&self, _: &str, input: Value) -> Result<Answer> {
        Ok(Answer {
            content: input,
            text: String::new(),
            sources: Vec::new(),
        })
    }
}

#[async_trait]
impl DocumentSearch for Nowhere {
    async fn query(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Hit>> {
        nothing()
    }
}
