//! An upstream that speaks OpenAI's chat and does as the model's name says, bytes and all: faults, answers
//! that are held back, and a note of every request. What stands behind `--` in a name is no part of the order.

mod orders;
mod request;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::engine::PATIENCE;

/// What it says where it is well.
pub const TEXT: &str = "Hello there.";
/// What it says before it fails in the middle.
pub const BEGINNING: &str = "Once upon a time";
/// Tokens of a whole answer, as it counts them: of the prompt, and of the answer.
pub const TOKENS: (u64, u64) = (7, 3);

/// A server on a port of its own, until the test ends.
pub struct Scripted {
    /// Without a path.
    pub url: String,
    state: Arc<State>,
}

/// What the connections share.
pub struct State {
    calls: Mutex<Vec<Call>>,
    /// Models whose answers may go on.
    released: watch::Sender<HashSet<String>>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub model: String,
    pub body: Value,
    /// When its client was seen to have left.
    pub left: Option<Instant>,
}

impl Scripted {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            calls: Mutex::default(),
            released: watch::Sender::new(HashSet::new()),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A client that leaves ends it with an error, and nobody minds.
                tokio::spawn(async move { serve(socket, &state).await });
            }
        });
        Self { url, state }
    }

    /// The plugin `id` in a list of plugins, with this server behind it.
    pub fn plugin(&self, id: &str) -> String {
        plugin_at(id, &self.url)
    }

    /// Requests for this model, oldest first.
    pub fn calls(&self, model: &str) -> Vec<Call> {
        let calls = self.state.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.model == model)
            .cloned()
            .collect()
    }

    /// Lets answers of this model go on that are held back, now and from now on.
    pub fn release(&self, model: &str) {
        let model = model.to_owned();
        self.state.released.send_modify(|all| {
            all.insert(model);
        });
    }

    /// Looks again and again until the requests for this model are as they should be.
    pub async fn until(&self, model: &str, done: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let began = Instant::now();
        loop {
            let calls = self.calls(model);
            if done(&calls) {
                return calls;
            }
            assert!(began.elapsed() < PATIENCE, "{model} stays {calls:?}");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

impl State {
    fn note(&self, model: &str, body: Value) -> usize {
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call {
            model: model.to_owned(),
            body,
            left: None,
        });
        calls.len() - 1
    }

    fn note_end(&self, number: usize) {
        self.calls.lock().unwrap()[number].left = Some(Instant::now());
    }

    async fn wait_for_release(&self, model: &str) {
        let mut released = self.released.subscribe();
        let _ = released.wait_for(|all| all.contains(model)).await;
    }
}

/// The plugin `id` in a list of plugins, which may reach this address alone and needs no key.
pub fn plugin_at(id: &str, address: &str) -> String {
    format!(
        r#"
[[plugin]]
id = "{id}"
source = {{ path = "{id}.wasm" }}
grants = {{ outbound_hosts = ["{address}"] }}
settings = {{ base_url = "{address}/v1", credential = "" }}
"#
    )
}

/// Every answer closes its connection, so that one is one request.
async fn serve(mut socket: TcpStream, state: &State) -> std::io::Result<()> {
    let Some(request) = request::read(&mut socket).await? else {
        return orders::refuse(&mut socket).await;
    };
    if request.path.ends_with("/models") {
        return orders::list_models(&mut socket).await;
    }
    let model = request.body["model"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let is_stream = request.body["stream"] == true;
    let number = state.note(&model, request.body);
    let order = orders::Order {
        model: &model,
        is_stream,
    };
    order.carry_out(socket, state, number).await
}
