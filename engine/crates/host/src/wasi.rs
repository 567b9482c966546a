//! WASI 0.2 with nothing granted, for plugins of languages whose runtime asks for it: clocks,
//! randomness, and standard output that goes to the log line by line. No arguments, no environment,
//! no input; files and sockets are not here at all (see `linkers`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use inkstone_domain::ports::Clock;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::imports::MAX_RANDOM_BYTES;
use crate::logbook::{Level, LogBook};
use crate::state::CallState;

/// What a guest may write before it is looked at.
const WRITE_BYTES: usize = 8 << 10;

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self
            .wasi
            .get_or_insert_with(|| empty(&self.log, &self.plugin.ports.clock));
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

fn empty(log: &Arc<LogBook>, clock: &Arc<dyn Clock>) -> WasiCtx {
    let to_log = |level| ToLog {
        log: log.clone(),
        level,
    };
    WasiCtxBuilder::new()
        .stdout(to_log(Level::Info))
        .stderr(to_log(Level::Error))
        .wall_clock(WallClock(clock.clone()))
        .max_random_size(u64::from(MAX_RANDOM_BYTES))
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

struct WallClock(Arc<dyn Clock>);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        let now_ms = self.0.now().timestamp_millis();
        Duration::from_millis(u64::try_from(now_ms).unwrap_or(0))
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
            self.log.write(self.level, line);
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
