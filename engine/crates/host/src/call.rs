//! The one place where a store is made: a fresh one for every call, bounded in memory, computing
//! time, waiting and output, and thrown away after the call, whatever became of it.

use std::future::Future;
use std::sync::Arc;

use inkstone_bindings::v0_1_0::imports::types;
use inkstone_domain::Result;
use inkstone_domain::ports::GuestCall;
use tokio::time::Instant;
use wasmtime::{Store, UpdateDeadline};

use crate::convert;
use crate::failure::{CpuSpent, DeadlinePassed, Failure};
use crate::limits::CallLimits;
use crate::meter::CpuMeter;
use crate::plugin::Plugin;
use crate::state::CallState;

/// A pre-instantiated component of one of the contract's worlds.
pub(crate) trait World: Send + Sync + 'static {
    type Instance: Send + Sync + 'static;

    fn instantiate(
        &self,
        store: &mut Store<CallState>,
    ) -> impl Future<Output = wasmtime::Result<Self::Instance>> + Send;
}

/// A loaded plugin, ready to be called.
pub(crate) struct Guest<W> {
    pub plugin: Arc<Plugin>,
    world: W,
}

/// What a bounded step came to: the inner error is the guest's end, the outer one the clock's.
pub(crate) type Outcome<T> = Result<wasmtime::Result<T>, DeadlinePassed>;

impl<W: World> Guest<W> {
    pub fn new(plugin: Arc<Plugin>, world: W) -> Self {
        Self { plugin, world }
    }

    /// A fresh store with a fresh instance in it.
    pub async fn open(&self, call: &GuestCall) -> Result<Session<W::Instance>> {
        let limits = &self.plugin.limits;
        let watch = Watch::new(limits);
        let state = CallState::new(self.plugin.clone(), call.clone(), watch.meter.clone());
        let mut store = Store::new(&self.plugin.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.response_bytes);
        store.set_epoch_deadline(1);
        // Every tick the guest steps aside for others, until its time is spent.
        store.epoch_deadline_callback(|context| {
            if context.data().meter.is_spent() {
                Err(CpuSpent.into())
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        let outcome = watch.bound(self.world.instantiate(&mut store)).await;
        let instance = ended(&mut store, outcome)?;
        Ok(Session {
            store,
            instance,
            watch,
        })
    }
}

/// One call under way. A function is called in two steps, so that the borrow checker sees which
/// parts are used: `watch.bound(instance.call_…(&mut store))`, then [`Session::settle`].
pub(crate) struct Session<I> {
    pub store: Store<CallState>,
    pub instance: I,
    pub watch: Watch,
}

impl<I> Session<I> {
    /// Turns what came of a function without an error of its own into a domain result.
    pub fn ended<T>(&mut self, outcome: Outcome<T>) -> Result<T> {
        ended(&mut self.store, outcome)
    }

    /// The same for a function that has a typed error.
    pub fn settle<T>(&mut self, outcome: Outcome<Result<T, types::Error>>) -> Result<T> {
        self.ended(outcome)?.map_err(|error| {
            let state = self.store.data_mut();
            convert::error::from_guest(error, state.passing.take(), &state.plugin.label)
        })
    }

    /// The plugin broke the contract with what it answered.
    pub fn bad_answer(&self, why: impl Into<String>) -> inkstone_domain::Error {
        let label = &self.store.data().plugin.label;
        Failure::BadAnswer(why.into()).into_error(label)
    }
}

/// The clocks of one call.
pub(crate) struct Watch {
    meter: Arc<CpuMeter>,
    deadline: Instant,
    limits: CallLimits,
}

impl Watch {
    fn new(limits: &CallLimits) -> Self {
        Self {
            meter: Arc::new(CpuMeter::new(limits.cpu)),
            deadline: Instant::now() + limits.deadline,
            limits: *limits,
        }
    }

    /// Starts both clocks anew, for the next pull of a stream.
    pub fn restart(&mut self) {
        self.meter.restart();
        self.deadline = Instant::now() + self.limits.deadline;
    }

    /// Runs a step of the guest under both clocks.
    pub async fn bound<T>(&self, step: impl Future<Output = wasmtime::Result<T>>) -> Outcome<T> {
        tokio::time::timeout_at(self.deadline, self.meter.measure(step))
            .await
            .map_err(|_elapsed| DeadlinePassed)
    }
}

fn ended<T>(store: &mut Store<CallState>, outcome: Outcome<T>) -> Result<T> {
    let state = store.data();
    let limits = &state.plugin.limits;
    let failure = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => {
            let failure = Failure::of(
                &error,
                limits,
                state.limiter.was_denied(),
                state.log.last_error(),
            );
            return Err(failure.into_error(&state.plugin.label).with_source(Box::<
                dyn std::error::Error + Send + Sync,
            >::from(
                format!(
                "{error:?}"
            )
            )));
        }
        Err(DeadlinePassed) => Failure::Deadline(limits.deadline),
    };
    Err(failure.into_error(&state.plugin.label))
}
