//! Streams out of a guest: what a chunk costs beside the raw pull, and a thousand streams at once.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use inkstone_bindings::v0_1_0::provider::exports::inkstone::plugin::provider as wit;
use inkstone_bindings::v0_1_0::provider::{ProviderPlugin, ProviderPluginPre};
use inkstone_domain::chat::{ChunkStream, Message, Request, Role};
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader, Provider};
use inkstone_host::{Host, HostConfig};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

use crate::Failure;
use crate::measure::{Series, micros, print_ratio};
use crate::plugin_call::raw_engine;
use crate::process::{resident_kib, root};

const PLUGIN: &str = "provider-hostile";
const CHUNKS: u32 = 20_000;
const ROUNDS: usize = 9;
const STREAMS: usize = 1_000;
const CHUNKS_OF_EACH: usize = 100;

pub async fn run() -> Result<(), Failure> {
    let path = root()
        .join("tests/guests/dist")
        .join(format!("{PLUGIN}.wasm"));
    let host = inkstone_host::offline(HostConfig::default())?;
    let ours = provider(&host, &path).await?;
    let mut raw = Raw::load(&path).await?;

    let mut times = (Series::new("inkstone"), Series::new("wasmtime"));
    for round in 0..=ROUNDS {
        let mut stream = open(&ours).await?;
        let began = Instant::now();
        for _ in 0..CHUNKS {
            stream.next().await.ok_or("the stream ended")??;
        }
        let own = micros(began.elapsed()) / f64::from(CHUNKS);
        let began = Instant::now();
        for _ in 0..CHUNKS {
            raw.pull().await?;
        }
        let baseline = micros(began.elapsed()) / f64::from(CHUNKS);
        if round > 0 {
            times.0.values.push(own);
            times.1.values.push(baseline);
        }
    }
    println!(
        "\na chunk of a stream; ours adds budgets, deadlines, conversion, a task and a channel"
    );
    print_ratio("pulled chunk", "µs", &times.0, &times.1);
    many(&ours).await
}

/// A thousand streams, each pulled in turn.
async fn many(provider: &Arc<dyn Provider>) -> Result<(), Failure> {
    let before_kib = resident_kib()?;
    let mut streams = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let mut stream = open(provider).await?;
        stream.next().await.ok_or("the stream ended")??;
        streams.push(stream);
    }
    let open_kib = resident_kib()?;
    let began = Instant::now();
    let readers = streams.into_iter().map(|mut stream| {
        tokio::spawn(async move {
            for _ in 0..CHUNKS_OF_EACH {
                stream.next().await.ok_or("the stream ended")??;
            }
            Ok::<_, Failure>(())
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{STREAMS} streams at once: {:.0} KiB each, {:.0} chunks/s together",
        (open_kib - before_kib) as f64 / STREAMS as f64,
        (STREAMS * CHUNKS_OF_EACH) as f64 / seconds,
    );
    Ok(())
}

async fn provider(host: &Arc<Host>, path: &std::path::Path) -> Result<Arc<dyn Provider>, Failure> {
    match &host.prepare(&PluginSpec::new(PLUGIN, path)).await?.body {
        PluginBody::Provider(provider) => Ok(Arc::clone(provider)),
        _ => Err("the guest is no provider".into()),
    }
}

async fn open(provider: &Arc<dyn Provider>) -> Result<ChunkStream, Failure> {
    let request = Request {
        model: "endless".to_owned(),
        messages: vec![Message::text(Role::User, "go on")],
        ..Request::default()
    };
    Ok(provider.complete(&GuestCall::default(), request).await?)
}

/// One completion in a bare store, with no limits and no conversion.
struct Raw {
    store: Store<()>,
    instance: ProviderPlugin,
    completion: ResourceAny,
}

impl Raw {
    async fn load(path: &std::path::Path) -> Result<Self, Failure> {
        let engine: Engine = raw_engine()?;
        let component = Component::from_file(&engine, path)?;
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let plugin = ProviderPluginPre::new(linker.instantiate_pre(&component)?)?;
        let mut store = Store::new(&engine, ());
        let instance = plugin.instantiate_async(&mut store).await?;
        let provider = instance.inkstone_plugin_provider();
        let completion = provider
            .call_complete(&mut store, &request())
            .await?
            .map_err(|error| error.message)?;
        Ok(Self {
            store,
            instance,
            completion,
        })
    }

    async fn pull(&mut self) -> Result<(), Failure> {
        let provider = self.instance.inkstone_plugin_provider();
        let chunk = provider
            .completion()
            .call_next(&mut self.store, self.completion)
            .await?;
        match chunk {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("the stream ended".into()),
            Err(error) => Err(error.message.into()),
        }
    }
}

fn request() -> wit::Request {
    use inkstone_bindings::v0_1_0::imports::chat;
    wit::Request {
        model: "endless".to_owned(),
        messages: vec![chat::Message {
            role: chat::Role::User,
            name: None,
            parts: vec![chat::Part::Text("go on".to_owned())],
        }],
        tools: Vec::new(),
        tool_choice: chat::ToolChoice::Auto,
        response_format: chat::ResponseFormat::Text,
        sampling: chat::Sampling {
            temperature: None,
            top_p: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            repeat_penalty: None,
            seed: None,
            max_tokens: None,
            stop: Vec::new(),
        },
        extra: None,
    }
}
