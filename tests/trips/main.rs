//! Trips: the real engine as a process, real wasm, real components, over HTTP. Few, each a whole way.
//! One binary. Logic is tested nearer to where it stands; here is what only the whole can show.
#![allow(clippy::unwrap_used)]

mod calls; // calls of models, and what the ledger says of them
mod editions; // one plugin in several versions, and a list of plugins of one's own
mod engine; // the harness: an engine as a process, and a client for it
mod feed; // the log of events, and how far its handlers are
mod scripted; // an upstream that does as it is told, faults and all
mod upstream; // servers the plugins talk to: llama.cpp, and small pages

mod articles; // content over HTTP, kill -9 under writers, the index that follows
mod attacks; // what is tried through every parameter there is
mod clients; // the client libraries that people use, against us
mod commands; // the command line
mod credentials; // the encrypted store, and an engine that uses it
mod docs; // every command in README and docs/
mod failures; // what people see when something is wrong
mod faults; // every fault of an upstream, and what callers and the ledger see of it
mod gateway; // budgets, limits, the cache, idempotency, and kill -9 under calls
mod generated; // clients made of the OpenAPI document
mod hostile; // guests that try to do harm
mod install; // packages dropped into the folder, installed and removed by command
mod media; // files by form and by a client of tus through a kill, variants, ranges, links that expire
mod migrations; // kill -9 in the middle of migrations, and engines that start at once
mod openai; // the official `openai` package against us
mod packages; // packed, signed, trusted, revoked
mod people; // accounts from sign-up to the end, mails and codes, and what the log says of it
mod plugins; // hot reload, research and analytics through the API
mod providers; // the providers of hosted services, each in its own words
mod recordings; // calls that are recorded, and run again offline
mod registry; // push to, and install from, a real OCI registry
mod resume; // kill -9 in the middle of a generation
mod rollouts; // a canary that fails, and what becomes of it
mod schemathesis; // every route with made-up requests
mod sign_in; // at a certified issuer of OpenID Connect, from the start to tokens
mod subscribers; // plugins that are told of events: in order, through kill -9, and with one that does harm
mod surreal; // the store's contract against a real SurrealDB server
mod three_engines; // three on one database and one Redis: roles, limits together, one killed and one paused under load
mod tls; // a certificate, a new one, and HTTP/2
mod versions; // plugins built for older versions of the contract
mod webhooks; // the official `standardwebhooks` package checks what arrives, kill -9 between
mod writers; // kill -9 again and again under writers, editors and admins
