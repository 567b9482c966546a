//! The price tables of the bundled providers: they are read, and the prices most used are in them.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use inkstone_config::manifest;
use inkstone_domain::money::PriceTable;
use inkstone_domain::plugin::PluginKind;

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugins")
}

fn table(plugin: &str) -> PriceTable {
    let manifest = manifest::load(&plugins().join(plugin).join("plugin.toml")).unwrap();
    manifest.prices.unwrap()
}

#[test]
fn every_table_is_read() {
    let mut with_prices = 0;
    for folder in std::fs::read_dir(plugins()).unwrap() {
        let path = folder.unwrap().path().join("plugin.toml");
        if !path.is_file() {
            continue;
        }
        let manifest = manifest::load(&path).unwrap_or_else(|error| panic!("{error}"));
        if manifest.prices.is_some() {
            assert_eq!(manifest.kind, PluginKind::Provider);
            with_prices += 1;
        }
    }
    assert_eq!(with_prices, 7);
}

#[test]
fn a_snapshot_costs_what_its_model_does_and_a_newer_model_is_unknown() {
    let openai = table("provider-openai");
    let input = |model: &str| openai.price_of(model).map(|price| price.input);
    assert_eq!(input("gpt-4o-mini"), Some(0.15));
    assert_eq!(input("gpt-4o-mini-2024-07-18"), Some(0.15));
    assert_eq!(input("gpt-4o-2024-11-20"), Some(2.5));
    assert_eq!(input("gpt-4o-2024-05-13"), Some(5.0));
    assert_eq!(input("gpt-4o-audio-preview"), None);
    assert_eq!(input("gpt-5.9"), None);
    let anthropic = table("provider-anthropic");
    let output = |model: &str| anthropic.price_of(model).map(|price| price.output);
    assert_eq!(output("claude-opus-4-20250514"), Some(75.0));
    assert_eq!(output("claude-opus-4-5-20251101"), Some(25.0));
    assert_eq!(output("claude-opus-4-99"), None);
}

#[test]
fn searches_have_a_price_of_their_own() {
    let price = table("provider-cohere").price_of("rerank-v3.5").unwrap();
    assert_eq!((price.input, price.search), (0.0, Some(2.0)));
}
