//! Research plugins: tools and their answers with sources.

use std::time::Duration;

use async_trait::async_trait;
use inkstone_bindings::latest::research::exports::inkstone::plugin::research as wit;
use inkstone_domain::ports::{GuestCall, Probe, Research};
use inkstone_domain::research::{Answer, Tool};
use inkstone_domain::{Result, codes};
use serde_json::Value;

use super::declared::{Declared, schema_text};
use crate::call::{Guest, Shape};
use crate::convert;
use crate::observe::Function;
use crate::versions::ResearchWorld;

/// A loaded research plugin.
pub(crate) struct WasmResearch {
    guest: Guest<ResearchWorld>,
    declared: Declared<Tool>,
    call: Function,
}

impl WasmResearch {
    /// Asks the guest for its tools.
    pub async fn prepare(guest: Guest<ResearchWorld>) -> Result<Self> {
        let declared = ask(&guest).await?;
        Ok(Self {
            call: Function::new(&guest.plugin, "call"),
            declared,
            guest,
        })
    }
}

/// What the guest says it offers, checked.
async fn ask(guest: &Guest<ResearchWorld>) -> Result<Declared<Tool>> {
    let call = GuestCall::default();
    let asked = Function::new(&guest.plugin, "tools").begin_own(&call);
    let instruments = asked.instruments();
    let work = async {
        let mut session = guest.open(&call, instruments, Shape::Plain).await?;
        let step = session.instance.tools(&mut session.store);
        let outcome = session.watch.bound(step).await;
        let tools = session.ended(outcome)?;
        tools
            .into_iter()
            .map(tool)
            .collect::<Result<_, String>>()
            .and_then(Declared::new)
            .map_err(|why| session.bad_answer(why))
    };
    asked.around_own(work).await
}

#[async_trait]
impl Probe for WasmResearch {
    async fn check(&self) -> Result<()> {
        ask(&self.guest).await.map(drop)
    }

    fn retire(&self, grace: Duration) {
        self.guest.plugin.retire(grace);
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
        let observation = self.call.begin(call, &(tool, &input));
        let instruments = observation.instruments();
        let work = async {
            let input = input.to_string();
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.call(&mut session.store, tool, &input);
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
        observation.around(work).await
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
