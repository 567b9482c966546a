//! The HTTP face of the engine: routes, extractors, middleware and the shapes on the wire. It turns
//! requests into calls of the services and their answers into replies. No rule of the product,
//! database, wasm or network lives here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod error;
mod extract;
mod middleware;
mod openapi;
mod reply;
mod router;
#[allow(
    unused_qualifications,
    reason = "utoipa writes the types of parameters with their whole path"
)]
mod routes;
mod serve;
mod state;
mod steady;
mod tls;
mod wire;

pub use openapi::openapi;
pub use router::{router, worker_router};
pub use serve::{ServeConfig, serve};
pub use state::{ApiConfig, ApiState, CorsConfig};
pub use tls::{Tls, TlsSettings};
