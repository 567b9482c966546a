//! The real models, small as they are. Nothing here depends on what the text model says, only on
//! that it speaks, streams, stops and counts. `generation` and `embedding` are what they say,
//! `files` is about missing and strange ones, `location` finds the models and `fixture` asks them.

#![allow(clippy::unwrap_used)]

mod embedding;
mod files;
mod fixture;
mod generation;
mod location;
