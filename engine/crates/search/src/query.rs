//! From what a person typed to a page of hits: `ask` reads it, `vocabulary` finds what the index has for
//! its words (`terms`, each looked up once), `plan` makes a query, `sweep` finds the best, `rank` orders them, `hybrid` joins
//! them with what meaning finds, `show` marks the matches.

mod ask;
mod facets;
mod filter;
mod find;
mod hybrid;
mod meanings;
mod plan;
mod rank;
mod search;
mod show;
mod spans;
mod suggest;
mod sweep;
mod terms;
mod typed;
mod vocabulary;

pub(crate) use filter::{any, term, visible};
pub(crate) use search::Searching;
