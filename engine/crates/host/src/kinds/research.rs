//! Research plugins: tools and their answers with sources.

use async_trait::async_trait;
use inkstone_bindings::v0_1_0::research::exports::inkstone::plugin::research as wit;
use inkstone_bindings::v0_1_0::research::{ResearchPlugin, ResearchPluginPre};
use inkstone_domain::ports::{GuestCall, Probe, Research};
use inkstone_domain::research::{Answer, Tool};
use inkstone_domain::{Result, codes};
use serde_json::Value;
use wasmtime::Store;

use super::declared::{Declared, schema_text};
use crate::call::{Guest, World};
use crate::convert;
use crate::observe::Function;
use crate::state::CallState;

impl World for ResearchPluginPre<CallState> {
    type Instance = ResearchPlugin;

    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<ResearchPlugin> {
        self.instantiate_async(store).await
    }
}

/// A loaded research plugin.
pub(crate) struct WasmResearch {
    guest: Guest<ResearchPluginPre<CallState>>,
    declared: Declared<Tool>,
    call: Function,
}

impl WasmResearch {
    /// Asks the guest for its tools.
    pub async fn prepare(guest: Guest<ResearchPluginPre<CallState>>) -> Result<Self> {
        let declared = ask(&guest).await?;
        Ok(Self {
            call: Function::new(&guest.plugin, "call"),
            declared,
            guest,
        })
    }
}

/// What the guest says it offers, checked.
async fn ask(guest: &Guest<ResearchPluginPre<CallState>>) -> Result<Declared<Tool>> {
    let call = GuestCall::default();
    let work = async {
        let mut session = guest.open(&call).await?;
        let research = session.instance.inkstone_plugin_research();
        let step = research.call_tools(&mut session.store);
        let outcome = session.watch.bound(step).await;
        let tools = session.ended(outcome)?;
        tools
            .into_iter()
            .map(tool)
            .collect::<Result<_, String>>()
            .and_then(Declared::new)
            .map_err(|why| session.bad_answer(why))
    };
    let asked = Function::new(&guest.plugin, "tools").begin(&call);
    asked.around(work).await
}

#[async_trait]
impl Probe for WasmResearch {
    async fn check(&self) -> Result<()> {
        ask(&self.guest).await.map(drop)
    }
}

#[async_trait]
impl Research for WasmResearch {
    fn tools(&self) -> &[Tool] {
        self.declared.offers()
    }

    async fn call(&self, call: &GuestCall, tool: &str, input: Value) -> Result<Answer> {
        let plugin = &self.guest.plugin.id;
        self.declared
            .check_input(plugin, tool, &input, &codes::UNKNOWN_TOOL)?;
        let work = async {
            let input = input.to_string();
            let mut session = self.guest.open(call).await?;
            let research = session.instance.inkstone_plugin_research();
            let step = research.call_call(&mut session.store, tool, &input);
            let outcome = session.watch.bound(step).await;
            let answer = session.settle(outcome)?;
            let content = serde_json::from_str(&answer.content).map_err(|error| {
                session.bad_answer(format!("the answer of `{tool}` is not valid JSON: {error}"))
            })?;
            Ok(Answer {
                content,
                text: answer.text,
                sources: convert::sources(answer.sources),
            })
        };
        self.call.begin(call).around(work).await
    }
}

fn tool(tool: wit::Tool) -> Result<Tool, String> {
    Ok(Tool {
        input_schema: schema_text("tool", &tool.name, &tool.input_schema)?,
        name: tool.name,
        title: tool.title,
        description: tool.description,
    })
}
