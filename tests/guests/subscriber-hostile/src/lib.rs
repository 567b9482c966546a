//! A subscriber that does what the setting `do` says to each event: one way each to be broken or mean.

mod bindings {
    wit_bindgen::generate!({
        world: "subscriber-plugin",
        path: "../../../wit/since-v0.2.0",
    });
}

use std::hint::black_box;

use bindings::exports::inkstone::plugin::subscriber::{Event, Guest};
use bindings::inkstone::plugin::types::{Error, ErrorKind};
use bindings::inkstone::plugin::{search, settings};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.2.0";

impl Guest for Hostile {
    fn handle(event: Event) -> Result<(), Error> {
        let settings = settings::get();
        // The host has checked the shape: what stands between the last two quotes is the word.
        match settings.rsplit('"').nth(1).unwrap_or_default() {
            "trap" => std::process::abort(),
            "spin" => {
                let mut turns = 0_u64;
                loop {
                    turns = black_box(turns.wrapping_add(1));
                }
            }
            // Nobody called it, so there is nobody in whose name it could look.
            "search" => search::find(&search::Query {
                text: "anything".to_owned(),
                limit: 10,
                project: None,
                tags: Vec::new(),
                locale: None,
                ratio: None,
            })
            .map(drop),
            other => Err(Error {
                kind: ErrorKind::Unsupported,
                message: format!("no such harm: {other}, at {}", event.type_),
                retry_after_ms: None,
                upstream_status: None,
                code: None,
            }),
        }
    }
}
