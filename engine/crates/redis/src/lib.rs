//! What several engines share through a Redis: news, counts of limits, counts of tries. It may be away at any
//! time: then every call fails at once, and who asks goes on alone.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bus;
mod connection;
mod error;
mod limits;
mod tries;

pub use bus::RedisBus;
pub use connection::{Connection, RedisConfig};
pub use limits::RedisLimits;
pub use tries::RedisTries;
