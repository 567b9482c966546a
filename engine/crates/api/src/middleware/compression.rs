//! Bodies are compressed where clients take it and it pays: not streams, whose pieces must leave at once,
//! and not what is compressed already.

use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// What a server may send before it has heard from the client at all (ten segments, RFC 6928): a smaller body
/// arrives no sooner for being compressed, and an encoder costs more than all the rest of a short answer.
const SMALLEST_BYTES: u16 = 14 << 10;
/// The highest levels cost many times the time for a few bytes less.
const LEVEL: i32 = 4;

/// gzip and brotli.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = SizeAbove::new(SMALLEST_BYTES)
        .and(NotForContentType::SSE)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("application/x-ndjson"))
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new("application/octet-stream"))
        .and(NotForContentType::const_new("video/"))
        .and(NotForContentType::const_new("audio/"));
    CompressionLayer::new()
        .quality(CompressionLevel::Precise(LEVEL))
        .compress_when(worth_it)
}
