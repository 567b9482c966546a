//! What happens around every request, once: an id and a span, a net under panics, the body of
//! errors, headers, metrics. `edge` runs the pieces in order.

pub(crate) mod compression;
pub(crate) mod cors;
pub(crate) mod edge;
pub(crate) mod failure;
pub(crate) mod headers;
pub(crate) mod rates;
pub(crate) mod repeats;
pub(crate) mod request_id;
pub(crate) mod timing;

pub(crate) use request_id::RequestId;
pub(crate) use timing::Waited;
