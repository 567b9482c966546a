//! WASI 0.2 with nothing granted, for plugins of languages whose runtime asks for it: clocks,
//! randomness, and standard output that goes to the log line by line. No arguments, no environment,
//! no input; files and sockets are not here at all (see `linkers`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use inkstone_domain::ports::Clock;
use inkstone_domain::recording::Blob;
use rand::rand_core::TryRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};

use crate::imports::MAX_RANDOM_BYTES;
use crate::logbook::{Level, LogBook};
use crate::state::CallState;
use crate::tape::Tape;

/// What a guest may write before it is looked at.
const WRITE_BYTES: usize = 8 << 10;

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self
            .wasi
            .get_or_insert_with(|| empty(&self.log, &self.plugin.ports.clock, self.tape.as_ref()));
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

fn empty(log: &Arc<LogBook>, clock: &Arc<dyn Clock>, tape: Option<&Arc<Tape>>) -> WasiCtx {
    let taped = || Taped(tape.cloned());
    let to_log = |level| ToLog {
        log: log.clone(),
        level,
    };
    WasiCtxBuilder::new()
        .stdout(to_log(Level::Info))
        .stderr(to_log(Level::Error))
        .wall_clock(WallClock(clock.clone(), taped()))
        .monotonic_clock(MonotonicClock(Instant::now(), taped()))
        .secure_random(Random(taped()))
        .insecure_random(Random(taped()))
        .insecure_random_seed(taped().draw("wasi.insecure-seed", (), rand::random))
        .max_random_size(u64::from(MAX_RANDOM_BYTES))
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

/// What a language's runtime draws from its surroundings, written down where the call is recorded.
struct Taped(Option<Arc<Tape>>);

impl Taped {
    /// On a replay, what was recorded. A difference cannot be told to the runtime; the tape keeps it.
    fn draw<T: Serialize + DeserializeOwned>(
        &self,
        what: &'static str,
        arguments: impl Serialize,
        live: impl FnOnce() -> T,
    ) -> T {
        let Some(tape) = &self.0 else {
            return live();
        };
        let Ok(mut entry) = tape.enter(what, &arguments) else {
            return live();
        };
        let drawn = match entry.recorded() {
            Some(Ok(drawn)) => drawn,
            Some(Err(_)) | None => live(),
        };
        tape.leave(entry, &Ok(&drawn));
        drawn
    }
}

struct WallClock(Arc<dyn Clock>, Taped);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        let now_ms = self.1.draw("wasi.wall-clock.now", (), || {
            u64::try_from(self.0.now().timestamp_millis()).unwrap_or(0)
        });
        Duration::from_millis(now_ms)
    }
}

/// Begins with the call.
struct MonotonicClock(Instant, Taped);

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.1.draw("wasi.monotonic-clock.now", (), || {
            u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
    }
}

struct Random(Taped);

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.draw("wasi.random", [4], rand::random))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.draw("wasi.random", [8], rand::random))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let drawn = self.0.draw("wasi.random", [bytes.len()], || {
            let mut drawn = vec![0; bytes.len()];
            rand::fill(&mut drawn[..]);
            Blob(drawn)
        });
        // A damaged recording may hold another number of bytes.
        for (byte, drawn) in bytes.iter_mut().zip(drawn.0) {
            *byte = drawn;
        }
        Ok(())
    }
}

struct ToLog {
    log: Arc<LogBook>,
    level: Level,
}

impl IsTerminal for ToLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for ToLog {
    /// Only WASI 0.3 asks for this one, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines {
            log: self.log.clone(),
            level: self.level,
            line: Vec::new(),
        })
    }
}

/// Cuts what is written into lines.
struct Lines {
    log: Arc<LogBook>,
    level: Level,
    line: Vec<u8>,
}

impl Lines {
    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        if !line.is_empty() {
            self.log.write(self.level, line, &[]);
        }
        self.line.clear();
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for byte in bytes {
            if byte == b'\n' || self.line.len() >= WRITE_BYTES {
                self.end_line();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}
