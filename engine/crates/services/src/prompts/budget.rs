//! What the filters of one rendering may walk over. The engine counts instructions, and to it a filter over
//! a long list is one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// For all that filters walk over in all messages of a rendering: a byte takes one, a value a few.
const WORK: u64 = 60_000_000;
const PER_VALUE: u64 = 16;
/// For machines on which that much is slow.
const LONGEST: Duration = Duration::from_secs(5);
/// How often a value is walked over by what puts it in order.
const SORTING: u64 = 8;

/// What is left.
pub(super) struct Budget {
    work: AtomicU64,
    until: Instant,
}

impl Budget {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            work: AtomicU64::new(WORK),
            until: Instant::now() + LONGEST,
        })
    }

    /// A filter that takes from the budget what walking over its arguments costs.
    pub(super) fn count(
        self: &Arc<Self>,
        environment: &mut Environment<'_>,
        name: &'static str,
        filter: Value,
    ) {
        let budget = Arc::clone(self);
        let counted = move |state: &mut State<'_, '_>,
                            arguments: Rest<ValueOrKwargs>|
              -> Result<Value, Error> {
            if Instant::now() >= budget.until {
                return Err(ErrorKind::OutOfFuel.into());
            }
            let arguments = arguments.into_values();
            let times = match name {
                // By the names of attributes, which are arguments, too.
                "sort" => SORTING + arguments.iter().skip(1).map(bytes_of).sum::<u64>(),
                _ => 1,
            };
            for argument in &arguments {
                budget.take(argument, times)?;
            }
            filter.call(state, &arguments)
        };
        environment.add_filter(name, counted);
    }

    fn take(&self, value: &Value, times: u64) -> Result<(), Error> {
        let bytes = value.as_str().map_or(0, str::len) as u64;
        self.spend(times.saturating_mul(PER_VALUE + bytes))?;
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                for item in value.try_iter()? {
                    self.take(&item, times)?;
                }
            }
            ValueKind::Map => {
                for key in value.try_iter()? {
                    self.take(&value.get_item(&key)?, times)?;
                    self.take(&key, times)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn spend(&self, cost: u64) -> Result<(), Error> {
        let left = self.work.load(Ordering::Relaxed).saturating_sub(cost);
        self.work.store(left, Ordering::Relaxed);
        match left > 0 {
            true => Ok(()),
            false => Err(ErrorKind::OutOfFuel.into()),
        }
    }
}

/// Of the texts among named arguments.
fn bytes_of(arguments: &Value) -> u64 {
    let names = arguments.try_iter().into_iter().flatten();
    let values = names.filter_map(|name| arguments.get_item(&name).ok());
    values
        .map(|value| value.as_str().map_or(0, str::len) as u64)
        .sum()
}
