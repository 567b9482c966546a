//! Version 0.1.0 of the contract. Interfaces that 0.2.0 left as they were are not generated again but
//! shared with it through `with:`, types and traits; the host links them under both names. `types`
//! changed (an error has no `code` here), and with it everything that can fail; so did `log` and `chat`.

/// Every interface a plugin may import, of whatever kind it is. Which world imports which stands in
/// the worlds below; a linker offers no more than its world does.
pub mod imports {
    wasmtime::component::bindgen!({
        inline: "
            package inkstone:bindings;
            world all-imports {
                import inkstone:plugin/types@0.1.0;
                import inkstone:plugin/chat@0.1.0;
                import inkstone:plugin/http@0.1.0;
                import inkstone:plugin/inference@0.1.0;
                import inkstone:plugin/ai@0.1.0;
                import inkstone:plugin/tools@0.1.0;
                import inkstone:plugin/search@0.1.0;
                import inkstone:plugin/kv@0.1.0;
                import inkstone:plugin/log@0.1.0;
                import inkstone:plugin/settings@0.1.0;
                import inkstone:plugin/clock@0.1.0;
                import inkstone:plugin/random@0.1.0;
            }
        ",
        path: "../../../wit/since-v0.1.0",
        imports: {
            "inkstone:plugin/http": async | trappable,
            "inkstone:plugin/inference": async | trappable,
            "inkstone:plugin/ai": async | trappable,
            "inkstone:plugin/tools": async | trappable,
            "inkstone:plugin/search": async | trappable,
            "inkstone:plugin/kv": async | trappable,
            "inkstone:plugin/log": trappable,
        },
        trappable_error_type: { "inkstone:plugin/types.error" => wasmtime::Error },
        with: {
            "inkstone:plugin/settings": crate::v0_2_0::imports::settings,
            "inkstone:plugin/clock": crate::v0_2_0::imports::clock,
            "inkstone:plugin/random": crate::v0_2_0::imports::random,
            // The same entries of the same table, whichever version a guest speaks.
            "inkstone:plugin/http.body": crate::v0_2_0::imports::http::Body,
            "inkstone:plugin/inference.generation": crate::v0_2_0::imports::inference::Generation,
            "inkstone:plugin/ai.completion": crate::v0_2_0::imports::ai::Completion,
        },
    });

    pub use inkstone::plugin::*;
}

/// World `provider-plugin`.
pub mod provider {
    wasmtime::component::bindgen!({
        world: "provider-plugin",
        path: "../../../wit/since-v0.1.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_1_0::imports::inkstone::plugin },
    });
}

/// World `generator-plugin`.
pub mod generator {
    wasmtime::component::bindgen!({
        world: "generator-plugin",
        path: "../../../wit/since-v0.1.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_1_0::imports::inkstone::plugin },
    });
}

/// World `research-plugin`.
pub mod research {
    wasmtime::component::bindgen!({
        world: "research-plugin",
        path: "../../../wit/since-v0.1.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_1_0::imports::inkstone::plugin },
    });
}

/// World `analytics-plugin`.
pub mod analytics {
    wasmtime::component::bindgen!({
        world: "analytics-plugin",
        path: "../../../wit/since-v0.1.0",
        exports: { default: async },
        with: { "inkstone:plugin": crate::v0_1_0::imports::inkstone::plugin },
    });
}
