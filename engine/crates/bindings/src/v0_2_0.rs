//! Version 0.2.0 of the contract. All imports are generated once, in [`imports`]; the worlds
//! share them through `with:`, so that one implementation serves every kind of plugin. An import
//! fails with `wasmtime::Error`: the host decides in `types::Host::convert_error` which failures
//! the guest sees as a typed error and which are traps.

/// Every interface a plugin may import, of whatever kind it is. Which world imports which stands in
/// the worlds below; a linker offers no more than its world does.
pub mod imports {
    wasmtime::component::bindgen!({
        inline: "
            package inkstone:bindings;
            world all-imports {
                import inkstone:plugin/types@0.2.0;
                import inkstone:plugin/chat@0.2.0;
                import inkstone:plugin/http@0.2.0;
                import inkstone:plugin/inference@0.2.0;
                import inkstone:plugin/ai@0.2.0;
                import inkstone:plugin/tools@0.2.0;
                import inkstone:plugin/search@0.2.0;
                import inkstone:plugin/kv@0.2.0;
                import inkstone:plugin/log@0.2.0;
                import inkstone:plugin/settings@0.2.0;
                import inkstone:plugin/clock@0.2.0;
                import inkstone:plugin/random@0.2.0;
            }
        ",
        path: "../../../wit/since-v0.2.0",
        imports: {
            "inkstone:plugin/http": async | trappable,
            "inkstone:plugin/inference": async | trappable,
            "inkstone:plugin/ai": async | trappable,
            "inkstone:plugin/tools": async | trappable,
            "inkstone:plugin/search": async | trappable,
            "inkstone:plugin/kv": async | trappable,
            "inkstone:plugin/log": trappable,
            "inkstone:plugin/settings": trappable,
            "inkstone:plugin/clock": trappable,
            "inkstone:plugin/random": trappable,
        },
        trappable_error_type: { "inkstone:plugin/types.error" => wasmtime::Error },
    });

    pub use inkstone::plugin::*;
}

/// World `provider-plugin`.
pub mod provider {
    wasmtime::component::bindgen!({
        world: "provider-plugin",
        path: "../../../wit/since-v0.2.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_2_0::imports::inkstone::plugin },
    });
}

/// World `generator-plugin`.
pub mod generator {
    wasmtime::component::bindgen!({
        world: "generator-plugin",
        path: "../../../wit/since-v0.2.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_2_0::imports::inkstone::plugin },
    });
}

/// World `research-plugin`.
pub mod research {
    wasmtime::component::bindgen!({
        world: "research-plugin",
        path: "../../../wit/since-v0.2.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_2_0::imports::inkstone::plugin },
    });
}

/// World `analytics-plugin`.
pub mod analytics {
    wasmtime::component::bindgen!({
        world: "analytics-plugin",
        path: "../../../wit/since-v0.2.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_2_0::imports::inkstone::plugin },
    });
}

/// World `subscriber-plugin`.
pub mod subscriber {
    wasmtime::component::bindgen!({
        world: "subscriber-plugin",
        path: "../../../wit/since-v0.2.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_2_0::imports::inkstone::plugin },
    });
}
