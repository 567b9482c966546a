//! A generation that costs nothing: a checkpoint, then the title it was given as an article. What is measured
//! or killed with it is the queue.

mod bindings {
    wit_bindgen::generate!({
        world: "generator-plugin",
        path: "../../../wit/since-v0.2.0",
    });
}

use std::cell::Cell;

use bindings::exports::inkstone::plugin::generator::{
    Draft, Event, Guest, GuestRun, Run, Template,
};
use bindings::inkstone::plugin::types::Error;

struct Note;

bindings::export!(Note with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.2.0";

struct Writing {
    title: String,
    step: Cell<u8>,
}

impl Guest for Note {
    type Run = Writing;

    fn templates() -> Vec<Template> {
        vec![Template {
            id: "note".to_owned(),
            title: "Note".to_owned(),
            description: "An article of one line.".to_owned(),
            input_schema: r#"{
                "type": "object",
                "properties": { "title": { "type": "string", "pattern": "^[A-Za-z0-9 ]+$" } },
                "required": ["title"],
                "additionalProperties": false
            }"#
            .to_owned(),
        }]
    }

    fn start(_template: String, input: String, _resume: Option<Vec<u8>>) -> Result<Run, Error> {
        // The host has checked the shape: the title is what stands between the last two quotes.
        let title = input.rsplit('"').nth(1).unwrap_or_default().to_owned();
        Ok(Run::new(Writing {
            title,
            step: Cell::new(0),
        }))
    }
}

impl GuestRun for Writing {
    fn next(&self) -> Result<Option<Event>, Error> {
        let step = self.step.replace(self.step.get() + 1);
        Ok(match step {
            0 => Some(Event::Checkpoint(vec![1])),
            1 => Some(Event::Draft(Draft {
                title: self.title.clone(),
                summary: String::new(),
                body: format!("Once there was {}.", self.title),
                tags: Vec::new(),
                meta_description: String::new(),
                language: "en".to_owned(),
                sources: Vec::new(),
            })),
            _ => None,
        })
    }
}
