//! Egress against a real server on this machine. `upstream` is the server; `sending` the calls of
//! plugins, `redirects` what follows from a 3xx, `bodies` streams, `limits` what is too
//! much, `audit` what is counted, `packages` those of plugins, `connections` where they lead and who shares them, `api_client` the
//! client of the command line.

#![allow(clippy::unwrap_used)]

mod api_client;
mod audit;
mod bodies;
mod connections;
mod limits;
mod packages;
mod redirects;
mod sending;
mod upstream;
