//! Egress against a real server on this machine. `upstream` is the server; `sending` the calls of
//! plugins, `redirects` what follows from a 3xx, `bodies` streams and their limits, `api_client`
//! the client of the command line.

#![allow(clippy::unwrap_used)]

mod api_client;
mod bodies;
mod redirects;
mod sending;
mod upstream;
