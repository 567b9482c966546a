//! One linker for each kind of plugin and version of the contract, filled once when the host starts:
//! the imports of that world and nothing else of the contract, and WASI 0.2 with nothing granted. Files and sockets are
//! never linked: a runtime that names them gets stand-ins which end the guest when they are called.

use inkstone_domain::plugin::PluginKind;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::{cli, random};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};
use wasmtime_wasi::random::WasiRandom;

use crate::failure::RuleBroken;
use crate::state::CallState;
use crate::versions::{ApiVersion, Linked};

/// The linkers of all versions.
pub(crate) struct Linkers {
    v0_1_0: OfVersion,
    v0_2_0: OfVersion,
}

/// The linkers of all kinds.
struct OfVersion {
    provider: Linker<CallState>,
    generator: Linker<CallState>,
    research: Linker<CallState>,
    analytics: Linker<CallState>,
    subscriber: Linker<CallState>,
}

impl Linkers {
    pub fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            v0_1_0: OfVersion::new(engine, ApiVersion::V0_1_0)?,
            v0_2_0: OfVersion::new(engine, ApiVersion::V0_2_0)?,
        })
    }

    /// Resolves and type-checks every import, once for all calls.
    pub fn link(
        &self,
        api: ApiVersion,
        kind: PluginKind,
        component: &Component,
    ) -> wasmtime::Result<Linked> {
        let of_version = match api {
            ApiVersion::V0_1_0 => &self.v0_1_0,
            ApiVersion::V0_2_0 => &self.v0_2_0,
        };
        let linker = of_version.of_kind(kind);
        let component = match with_stand_ins(linker, component)? {
            Some(own_linker) => own_linker.instantiate_pre(component)?,
            None => linker.instantiate_pre(component)?,
        };
        Ok(Linked { api, component })
    }
}

impl OfVersion {
    fn new(engine: &Engine, api: ApiVersion) -> wasmtime::Result<Self> {
        let filled = |kind| -> wasmtime::Result<Linker<CallState>> {
            let mut linker = with_wasi(engine)?;
            api.add_imports(kind, &mut linker)?;
            Ok(linker)
        };
        Ok(Self {
            provider: filled(PluginKind::Provider)?,
            generator: filled(PluginKind::Generator)?,
            research: filled(PluginKind::Research)?,
            analytics: filled(PluginKind::Analytics)?,
            subscriber: filled(PluginKind::Subscriber)?,
        })
    }

    fn of_kind(&self, kind: PluginKind) -> &Linker<CallState> {
        match kind {
            PluginKind::Provider => &self.provider,
            PluginKind::Generator => &self.generator,
            PluginKind::Research => &self.research,
            PluginKind::Analytics => &self.analytics,
            PluginKind::Subscriber => &self.subscriber,
        }
    }
}

/// Clocks, randomness, standard streams, and the rest of `wasi:cli` that says "nothing here".
fn with_wasi(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker: Linker<CallState> = Linker::new(engine);
    let l = &mut linker;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    random::insecure::add_to_linker::<_, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    cli::exit::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, CallState::cli)?;
    Ok(linker)
}

/// A copy of the linker with stand-ins for the files and sockets this component names; `None` where it names none.
fn with_stand_ins(
    linker: &Linker<CallState>,
    component: &Component,
) -> wasmtime::Result<Option<Linker<CallState>>> {
    let engine = linker.engine();
    let component_type = component.component_type();
    let mut own_linker: Option<Linker<CallState>> = None;
    for (name, import) in component_type.imports(engine) {
        if !name.starts_with("wasi:sockets/") && !name.starts_with("wasi:filesystem/") {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        let own_linker = own_linker.get_or_insert_with(|| linker.clone());
        let mut instance = own_linker.instance(name)?;
        for (item_name, item) in interface.exports(engine) {
            stand_in(&mut instance, name, item_name, &item.ty)?;
        }
    }
    Ok(own_linker)
}

/// Never a real resource: nothing can make one.
struct Nothing;

fn stand_in(
    instance: &mut LinkerInstance<'_, CallState>,
    interface: &str,
    name: &str,
    item: &ComponentItem,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::Resource(_) => {
            // Some are only named again here, and must stay what they are in `wasi:io`.
            let resource = match name {
                "input-stream" => ResourceType::host::<DynInputStream>(),
                "output-stream" => ResourceType::host::<DynOutputStream>(),
                "pollable" => ResourceType::host::<DynPollable>(),
                "error" => ResourceType::host::<IoError>(),
                _ => ResourceType::host::<Nothing>(),
            };
            instance.resource(name, resource, |_, _| Ok(()))
        }
        // Runtimes ask at their start which folders they were given: none.
        ComponentItem::ComponentFunc(_) if name == "get-directories" => {
            instance.func_new(name, |_, _, _, results| {
                if let Some(result) = results.first_mut() {
                    *result = Val::List(Vec::new());
                }
                Ok(())
            })
        }
        ComponentItem::ComponentFunc(_) => {
            let what = format!("{interface}#{name}");
            instance.func_new(name, move |_, _, _, _| {
                let why = format!("it called `{what}`, but plugins have neither files nor sockets");
                Err(RuleBroken(why).into())
            })
        }
        _ => Ok(()),
    }
}
