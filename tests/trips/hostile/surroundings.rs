//! The host alone, without an engine around it: guests from `tests/guests`, and ports that a test scripts.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::StreamExt;
use inkstone_domain::capability::{Effective, Grants, Permissions};
use inkstone_domain::chat::{EmbedReply, EmbedRequest, Reply, Request};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::inference::{
    GenerateEvent, GenerateFinish, GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream,
};
use inkstone_domain::outbound::{BodyStream, OutboundRequest, OutboundResponse};
use inkstone_domain::plugin::{Limits, LoadedPlugin, PluginSpec};
use inkstone_domain::ports::{
    Ai, AiStream, DocumentSearch, Egress, GuestCall, LocalModels, PluginLoader,
};
use inkstone_domain::search::{DocumentId, DocumentQuery, Hit, Passage};
use inkstone_domain::{Error, Result, codes};
use inkstone_host::{Host, HostConfig, HostPorts};
use inkstone_testkit::{ManualClock, MemStore};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Where `cargo xtask plugins` puts the guests of the tests.
pub fn guest(id: &str) -> PathBuf {
    let folder = std::env::var_os("INKSTONE_GUESTS_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/guests/dist")),
        PathBuf::from,
    );
    let path = folder.join(format!("{id}.wasm"));
    assert!(
        path.exists(),
        "{} is missing: `cargo xtask plugins` builds it",
        path.display()
    );
    path
}

/// A host with everything around it.
pub struct Surroundings {
    pub host: Arc<Host>,
    pub egress: Arc<ScriptedEgress>,
}

impl Surroundings {
    pub fn new() -> Self {
        Self::with(HostConfig::default())
    }

    pub fn with(config: HostConfig) -> Self {
        let egress = Arc::new(ScriptedEgress::default());
        let ports = HostPorts {
            egress: egress.clone(),
            models: Arc::new(ThreeTokens),
            kv: Arc::new(MemStore::new()),
            clock: Arc::new(ManualClock::new()),
            recordings: None,
        };
        Self {
            host: Host::new(config, ports).unwrap(),
            egress,
        }
    }

    pub async fn load(&self, spec: &PluginSpec) -> Arc<LoadedPlugin> {
        self.host.prepare(spec).await.unwrap()
    }
}

/// A guest with everything granted that it asks for, and little time.
pub fn spec(id: &str) -> PluginSpec {
    PluginSpec {
        grants: Grants {
            permissions: Permissions {
                outbound_hosts: vec!["http://upstream.test:80".parse().unwrap()],
                kv_quota_bytes: 1024,
                ai: true,
                search: true,
                inference: true,
                ..Permissions::default()
            },
        },
        limits: Limits {
            cpu_ms: Some(200),
            ..Limits::default()
        },
        ..PluginSpec::new(id, guest(id))
    }
}

/// A call that may ask models; every answer comes from `ai`.
pub fn call_with(ai: impl Ai + 'static) -> GuestCall {
    GuestCall {
        request_id: "req-1".to_owned(),
        ai: Some(Arc::new(ai)),
        ..GuestCall::default()
    }
}

pub fn harm(word: &str) -> Value {
    json!({ "do": word })
}

/// Egress that answers as the test says.
#[derive(Default)]
pub struct ScriptedEgress {
    next: Mutex<Option<Result<BodyStream>>>,
}

impl ScriptedEgress {
    pub fn answer(&self, next: Result<BodyStream>) {
        *self.next.lock().unwrap() = Some(next);
    }
}

#[async_trait]
impl Egress for ScriptedEgress {
    async fn send(
        &self,
        plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse> {
        assert!(["provider-probe", "provider-latest"].contains(&plugin));
        if !powers.allows("http", "upstream.test", 80, "GET") {
            return Err(Error::new(&codes::EGRESS_DENIED, "not granted"));
        }
        let next = self.next.lock().unwrap().take();
        Ok(OutboundResponse {
            status: 200,
            headers: Vec::new(),
            url: request.url,
            body: next.expect("the test scripted an answer")?,
        })
    }
}

/// A local model that says three words.
pub struct ThreeTokens;

#[async_trait]
impl LocalModels for ThreeTokens {
    async fn models(&self) -> Result<Vec<LocalModelInfo>> {
        Ok(Vec::new())
    }

    async fn generate(&self, request: GenerateRequest) -> Result<TokenStream> {
        assert_eq!(request.prompt, "p");
        let done = GenerateEvent::Done {
            finish: GenerateFinish::Length,
            input_tokens: 1,
            output_tokens: 3,
        };
        let words = ["a", "b", "c"].map(|word| Ok(GenerateEvent::Text(word.to_owned())));
        Ok(futures::stream::iter(words.into_iter().chain([Ok(done)])).boxed())
    }

    async fn embed(&self, _model: &str, _inputs: Vec<String>) -> Result<LocalEmbeddings> {
        Err(Error::new(&codes::UNSUPPORTED, "no embeddings here"))
    }

    async fn count_tokens(&self, _model: &str, _text: &str) -> Result<u32> {
        Ok(0)
    }
}

/// A gateway that knows no model.
pub struct KnowsNoModel;

#[async_trait]
impl Ai for KnowsNoModel {
    async fn stream(&self, _request: Request) -> Result<AiStream> {
        Ok(AiStream {
            model: "none".to_owned(),
            chunks: futures::stream::pending().boxed(),
        })
    }

    async fn complete(&self, request: Request) -> Result<Reply> {
        Err(Error::new(
            &codes::UNKNOWN_MODEL,
            format!("there is no model `{}`", request.model),
        ))
    }

    async fn embed(&self, _request: EmbedRequest) -> Result<EmbedReply> {
        Err(Error::new(&codes::UNSUPPORTED, "no embeddings here"))
    }
}

/// Documents of which one passage is found, whatever is asked; and what was.
#[derive(Default)]
pub struct OnePassage(pub Mutex<Vec<DocumentQuery>>);

#[async_trait]
impl DocumentSearch for OnePassage {
    async fn find(&self, query: DocumentQuery) -> Result<Vec<Hit>> {
        self.0.lock().unwrap().push(query);
        Ok(Vec::new())
    }

    async fn passages(&self, query: DocumentQuery) -> Result<Vec<Passage>> {
        self.0.lock().unwrap().push(query);
        Ok(vec![Passage {
            document: DocumentId::Article(ArticleId::new()),
            revision: 3,
            project: "handbook".to_owned(),
            conversation: None,
            title: "Tides".to_owned(),
            slug: Some("tides".to_owned()),
            headings: vec!["Causes".to_owned()],
            ordinal: 1,
            start: 20,
            end: 29,
            text: "The moon.".to_owned(),
            score: 0.5,
        }])
    }
}

/// A gateway that never answers, and tells who came.
pub struct NeverAnswers(pub Arc<Semaphore>);

#[async_trait]
impl Ai for NeverAnswers {
    async fn stream(&self, _request: Request) -> Result<AiStream> {
        Err(Error::new(&codes::UNSUPPORTED, "no streams here"))
    }

    async fn complete(&self, _request: Request) -> Result<Reply> {
        self.0.add_permits(1);
        std::future::pending().await
    }

    async fn embed(&self, _request: EmbedRequest) -> Result<EmbedReply> {
        Err(Error::new(&codes::UNSUPPORTED, "no embeddings here"))
    }
}

/// Does what an attacker does at home, where it costs the engine nothing.
pub async fn on_another_machine(work: impl FnOnce() + Send + 'static) {
    let own = std::thread::spawn(|| {
        give_way();
        work();
    });
    let done = tokio::task::spawn_blocking(|| own.join());
    done.await.unwrap().unwrap();
}

/// This thread takes no core from any other one.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::NormalThreadSchedulePolicy::Idle;
        use thread_priority::{ThreadPriority, ThreadSchedulePolicy};
        let this = thread_priority::thread_native_id();
        let policy = ThreadSchedulePolicy::Normal(Idle);
        thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, policy).unwrap();
    }
}
