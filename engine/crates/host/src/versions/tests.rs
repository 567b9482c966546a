//! Every version is served whole: a component that uses all of a world, made of the text of its
//! contract, finds each import and fits with its exports. What only one version has is found here,
//! not by the first plugin that needs it.

use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

use super::*;
use crate::config::HostConfig;
use crate::linkers::Linkers;

/// The kinds that a version has.
fn kinds(api: ApiVersion) -> &'static [PluginKind] {
    use PluginKind::{Analytics, Generator, Provider, Research, Subscriber};
    match api {
        ApiVersion::V0_1_0 => &[Provider, Generator, Research, Analytics],
        ApiVersion::V0_2_0 => &[Provider, Generator, Research, Analytics, Subscriber],
    }
}

/// Imports and exports everything that the kind's world has in this version.
fn whole_world(api: ApiVersion, kind: PluginKind) -> Vec<u8> {
    let contracts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../wit"));
    let folder = contracts.join(format!("since-v{}", api.as_str()));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let name = format!("{}-plugin", kind.as_str());
    let world = resolve.select_world(&[package], Some(&name)).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).unwrap();
    encoder.encode().unwrap()
}

fn linkers() -> (Engine, Linkers) {
    let engine = crate::engine::build(&HostConfig::default()).unwrap();
    let linkers = Linkers::new(&engine).unwrap();
    (engine, linkers)
}

#[test]
fn every_world_of_every_version_is_served_whole() {
    let (engine, linkers) = linkers();
    for &api in ApiVersion::ALL {
        for &kind in kinds(api) {
            let component = Component::new(&engine, whole_world(api, kind)).unwrap();
            let linked = linkers
                .link(api, kind, &component)
                .unwrap_or_else(|error| panic!("{api:?} {kind:?}: {error:#}"));
            let fits = match kind {
                PluginKind::Provider => ProviderWorld::new(linked).map(drop),
                PluginKind::Generator => GeneratorWorld::new(linked).map(drop),
                PluginKind::Research => ResearchWorld::new(linked).map(drop),
                PluginKind::Analytics => AnalyticsWorld::new(linked).map(drop),
                PluginKind::Subscriber => SubscriberWorld::new(linked).map(drop),
            };
            fits.unwrap_or_else(|error| panic!("{api:?} {kind:?}: {error:#}"));
        }
    }
}

#[test]
fn there_were_no_subscribers_in_the_first_version() {
    let (engine, linkers) = linkers();
    let of_a_kind_it_has = whole_world(ApiVersion::V0_2_0, PluginKind::Subscriber);
    let component = Component::new(&engine, of_a_kind_it_has).unwrap();
    let linked = linkers.link(ApiVersion::V0_1_0, PluginKind::Subscriber, &component);
    assert!(linked.is_err(), "it imports what 0.1.0 does not have");
    // One without imports gets as far as its exports.
    let hollow = wat::parse_str("(component)").unwrap();
    let hollow = Component::new(&engine, hollow).unwrap();
    let linked = linkers.link(ApiVersion::V0_1_0, PluginKind::Subscriber, &hollow);
    let refused = SubscriberWorld::new(linked.unwrap()).err().unwrap();
    assert!(
        refused.to_string().contains("has no subscribers"),
        "{refused}"
    );
}

#[test]
fn a_linker_has_no_more_than_its_world_and_its_version() {
    let (engine, linkers) = linkers();
    for &api in ApiVersion::ALL {
        let provider = Component::new(&engine, whole_world(api, PluginKind::Provider)).unwrap();
        let denied = linkers.link(api, PluginKind::Analytics, &provider).err();
        let words = format!("{:#}", denied.unwrap());
        assert!(words.contains(&api.interface("http")), "{words}");
        for &other in ApiVersion::ALL.iter().filter(|other| **other != api) {
            assert!(
                linkers
                    .link(other, PluginKind::Provider, &provider)
                    .is_err()
            );
        }
    }
}

#[test]
fn a_stamp_that_nobody_knows_says_what_to_do() {
    for &api in ApiVersion::ALL {
        assert_eq!(ApiVersion::parse(api.as_str()), Ok(api));
    }
    let why = ApiVersion::parse("0.3.0").unwrap_err();
    assert!(why.contains("built for version 0.3.0"), "{why}");
    assert!(why.contains("speaks 0.1.0 and 0.2.0"), "{why}");
    assert!(why.contains("build the plugin again"), "{why}");
}
