//! How a call of a guest can end badly, and the one place where that becomes a domain error. What a
//! guest reports itself, as a typed error, is converted in `convert::error`.

use std::fmt;
use std::time::Duration;

use inkstone_domain::{Error, codes};
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::limits::CallLimits;

/// Why a guest was stopped from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CutOff {
    /// The wall clock ran out.
    Late(Wait),
    /// Another version took over, and the grace period is over.
    Replaced,
}

/// Which wait was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For the answer of a plain call.
    Answer(Duration),
    /// For the first item of a stream.
    FirstItem(Duration),
    /// For the next item.
    NextItem(Duration),
    /// For the end of a stream.
    End(Duration),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(limit) => write!(f, "it did not finish within {} ms", limit.as_millis()),
            Self::FirstItem(limit) => {
                write!(f, "nothing came from it within {} ms", limit.as_millis())
            }
            Self::NextItem(limit) => {
                write!(f, "nothing more came from it for {} ms", limit.as_millis())
            }
            Self::End(limit) => write!(
                f,
                "its stream went on for more than {} ms",
                limit.as_millis()
            ),
        }
    }
}

/// Raised by the epoch callback to end a guest that used up its computing time.
#[derive(Debug, thiserror::Error)]
#[error("the computing time is used up")]
pub(crate) struct CpuSpent;

/// Raised by imports to end a guest that made all the calls it may.
#[derive(Debug, thiserror::Error)]
#[error("the calls of the host are used up")]
pub(crate) struct HostCallsSpent;

/// Raised by imports to end a guest that breaks a rule which has no typed error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RuleBroken(pub String);

/// A call that gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Deadline(Wait),
    #[error("it was replaced, and the time for calls under way is over; try again")]
    Replaced,
    #[error("it used more than {} ms of computing time", .0.as_millis())]
    Cpu(Duration),
    #[error("it needed more than {0} MiB of memory")]
    OutOfMemory(usize),
    #[error("it handed over more than {0} MiB at once")]
    Output(usize),
    #[error("it made more than {0} calls of the host")]
    HostCalls(u32),
    #[error("it has {concurrent} calls at a time and {waiting} that wait; try again shortly")]
    Busy { concurrent: u32, waiting: u32 },
    #[error("there are too many plugin calls at the moment; try again shortly")]
    NoInstance,
    #[error("it crashed: {what}{}", said_words(said.as_deref()))]
    Trapped { what: String, said: Option<String> },
    /// The guest answered, with something the contract does not allow.
    #[error("{0}")]
    BadAnswer(String),
}

impl Failure {
    /// Finds out what a wasmtime error really was.
    pub fn of(
        error: &wasmtime::Error,
        limits: &CallLimits,
        growth_was_denied: bool,
        last_logged_error: Option<String>,
    ) -> Self {
        if error.is::<CpuSpent>() {
            return Self::Cpu(limits.cpu);
        }
        if error.is::<HostCallsSpent>() {
            return Self::HostCalls(limits.host_calls);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::NoInstance;
        }
        // wasmtime has no type for this one; a test holds the wording.
        if error.to_string().contains(OUTPUT_FUEL_WORDS)
            || error.root_cause().to_string().contains(OUTPUT_FUEL_WORDS)
        {
            return Self::Output(limits.response_bytes >> 20);
        }
        let trap = error.downcast_ref::<Trap>();
        // An allocation that fails aborts with `unreachable`, as a panic does; without a trap the
        // instance did not even get its first memory.
        let is_abort = matches!(trap, None | Some(Trap::UnreachableCodeReached));
        if growth_was_denied && is_abort {
            return Self::OutOfMemory(limits.memory_bytes >> 20);
        }
        let what = match trap {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        Self::Trapped {
            what,
            said: last_logged_error,
        }
    }

    /// The domain's error. `plugin` is id and version.
    pub fn into_error(self, plugin: &str) -> Error {
        let code = match &self {
            Self::Deadline(_) => &codes::PLUGIN_DEADLINE,
            Self::Replaced => &codes::PLUGIN_REPLACED,
            Self::Cpu(_) => &codes::PLUGIN_CPU_EXCEEDED,
            Self::OutOfMemory(_) => &codes::PLUGIN_OUT_OF_MEMORY,
            Self::Output(_) => &codes::PLUGIN_OUTPUT_EXCEEDED,
            Self::HostCalls(_) => &codes::PLUGIN_HOST_CALLS,
            Self::Busy { .. } => &codes::PLUGIN_BUSY,
            Self::NoInstance => &codes::OVERLOADED,
            Self::Trapped { .. } => &codes::PLUGIN_TRAPPED,
            Self::BadAnswer(_) => &codes::PLUGIN_FAILED,
        };
        let retry_after = match &self {
            Self::Busy { .. } | Self::NoInstance | Self::Replaced => Some(Duration::from_secs(1)),
            _ => None,
        };
        Error::new(code, format!("plugin {plugin}: {self}")).with_retry_after(retry_after)
    }
}

const OUTPUT_FUEL_WORDS: &str = "fuel allocated for hostcalls has been exhausted";

fn said_words(last_logged_error: Option<&str>) -> String {
    match last_logged_error {
        Some(line) => format!(" ({line})"),
        None => String::new(),
    }
}
