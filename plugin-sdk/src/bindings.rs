//! What `wit-bindgen` makes of the contract: one module with every import, and one per world with its export.
//! The types are shared, so that a request is the same type wherever it turns up. Nothing else lives here.
#![allow(missing_docs, clippy::all, unsafe_code, unused_qualifications)]

/// Every import of every world. A component keeps only those it really calls.
pub mod imports {
    wit_bindgen::generate!({
        inline: "
            package inkstone:sdk;
            world imports {
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
        path: "../wit/since-v0.2.0",
        world: "inkstone:sdk/imports",
        generate_all,
        additional_derives: [Clone, PartialEq],
        additional_derives_ignore: ["response"],
    });
}

macro_rules! exports {
    ($(#[$doc:meta])* $module:ident, $world:literal, $macro_name:literal, { $($key:literal => $name:ident),* $(,)? }) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit/since-v0.2.0",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $macro_name,
                additional_derives: [Clone, PartialEq],
                with: {
                    $($key: crate::bindings::imports::inkstone::plugin::$name),*
                },
            });
        }
    };
}

exports!(
    /// The world of AI providers.
    provider_world, "provider-plugin", "export_provider_world",
    {
        "inkstone:plugin/types@0.2.0" => types,
        "inkstone:plugin/chat@0.2.0" => chat,
        "inkstone:plugin/http@0.2.0" => http,
        "inkstone:plugin/inference@0.2.0" => inference,
        "inkstone:plugin/log@0.2.0" => log,
        "inkstone:plugin/settings@0.2.0" => settings,
        "inkstone:plugin/clock@0.2.0" => clock,
        "inkstone:plugin/random@0.2.0" => random,
    }
);
exports!(
    /// The world of content generators.
    generator_world, "generator-plugin", "export_generator_world",
    {
        "inkstone:plugin/types@0.2.0" => types,
        "inkstone:plugin/chat@0.2.0" => chat,
        "inkstone:plugin/ai@0.2.0" => ai,
        "inkstone:plugin/tools@0.2.0" => tools,
        "inkstone:plugin/search@0.2.0" => search,
        "inkstone:plugin/kv@0.2.0" => kv,
        "inkstone:plugin/log@0.2.0" => log,
        "inkstone:plugin/settings@0.2.0" => settings,
        "inkstone:plugin/clock@0.2.0" => clock,
        "inkstone:plugin/random@0.2.0" => random,
    }
);
exports!(
    /// The world of research tools.
    research_world, "research-plugin", "export_research_world",
    {
        "inkstone:plugin/types@0.2.0" => types,
        "inkstone:plugin/chat@0.2.0" => chat,
        "inkstone:plugin/http@0.2.0" => http,
        "inkstone:plugin/ai@0.2.0" => ai,
        "inkstone:plugin/kv@0.2.0" => kv,
        "inkstone:plugin/log@0.2.0" => log,
        "inkstone:plugin/settings@0.2.0" => settings,
        "inkstone:plugin/clock@0.2.0" => clock,
        "inkstone:plugin/random@0.2.0" => random,
    }
);
exports!(
    /// The world of analytics.
    analytics_world, "analytics-plugin", "export_analytics_world",
    {
        "inkstone:plugin/types@0.2.0" => types,
        "inkstone:plugin/chat@0.2.0" => chat,
        "inkstone:plugin/ai@0.2.0" => ai,
        "inkstone:plugin/search@0.2.0" => search,
        "inkstone:plugin/kv@0.2.0" => kv,
        "inkstone:plugin/log@0.2.0" => log,
        "inkstone:plugin/settings@0.2.0" => settings,
        "inkstone:plugin/clock@0.2.0" => clock,
        "inkstone:plugin/random@0.2.0" => random,
    }
);
exports!(
    /// The world of subscribers.
    subscriber_world, "subscriber-plugin", "export_subscriber_world",
    {
        "inkstone:plugin/types@0.2.0" => types,
        "inkstone:plugin/chat@0.2.0" => chat,
        "inkstone:plugin/http@0.2.0" => http,
        "inkstone:plugin/ai@0.2.0" => ai,
        "inkstone:plugin/search@0.2.0" => search,
        "inkstone:plugin/kv@0.2.0" => kv,
        "inkstone:plugin/log@0.2.0" => log,
        "inkstone:plugin/settings@0.2.0" => settings,
        "inkstone:plugin/clock@0.2.0" => clock,
        "inkstone:plugin/random@0.2.0" => random,
    }
);
