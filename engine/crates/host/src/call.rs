//! The one place where a store is made: a fresh one for every call, bounded in memory, computing
//! time, waiting and output, and thrown away after the call, whatever became of it.

use std::future::Future;
use std::sync::Arc;

use inkstone_bindings::latest::imports::types;
use inkstone_domain::Result;
use inkstone_domain::ports::GuestCall;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasmtime::{Store, UpdateDeadline};

use crate::convert;
use crate::failure::{CpuSpent, CutOff, Failure, Wait};
use crate::gate::Permit;
use crate::lane::Pace;
use crate::limits::StreamLimits;
use crate::meter::Meter;
use crate::observe::Instruments;
use crate::plugin::Plugin;
use crate::state::CallState;
use crate::ticker::Ticking;

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

/// What a bounded step came to: the inner error is the guest's end, the outer one came from outside.
pub(crate) type Outcome<T> = Result<wasmtime::Result<T>, CutOff>;

impl<W: World> Guest<W> {
    pub fn new(plugin: Arc<Plugin>, world: W) -> Self {
        Self { plugin, world }
    }

    /// A fresh store with a fresh instance in it, once there is room for one.
    pub async fn open(
        &self,
        call: &GuestCall,
        instruments: Instruments,
        shape: Shape,
    ) -> Result<Session<W::Instance>> {
        let plugin = &self.plugin;
        let limits = &plugin.limits;
        let watch = Watch::new(plugin, shape, instruments.meter.clone());
        let permit = plugin
            .gate
            .enter(watch.deadline)
            .await
            .map_err(|failure| failure.into_error(&plugin.label))?;
        let ticking = plugin.ticker.during_call();
        let state = CallState::new(plugin.clone(), call.clone(), instruments);
        let mut store = Store::new(&self.plugin.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.response_bytes);
        store.set_epoch_deadline(1);
        // Every tick the guest steps aside for others, until its time is spent.
        store.epoch_deadline_callback(|context| {
            if context.data().meter.has_just_begun() {
                return Ok(UpdateDeadline::Continue(1));
            }
            // A thread that was woken on this core would else wait until our slice of it is over.
            std::thread::yield_now();
            let state = context.data();
            let meter = state.meter.clone();
            let before = meter.computed_long();
            meter.tick();
            if meter.is_spent() {
                return Err(CpuSpent.into());
            }
            let turn = state.plugin.pace.at_tick(before, meter.computed_long());
            let aside = Box::pin(async move {
                match turn {
                    Some(turn) => meter.takes_turn(turn.await),
                    None => tokio::task::yield_now().await,
                }
                meter.tick();
            });
            Ok(UpdateDeadline::YieldCustom(1, aside))
        });
        let outcome = watch.bound(self.world.instantiate(&mut store)).await;
        let instance = ended(&mut store, outcome)?;
        Ok(Session {
            store,
            instance,
            watch,
            _permit: permit,
            _ticking: ticking,
        })
    }
}

/// One call under way. A function is called in two steps, so that the borrow checker sees which
/// parts are used: `watch.bound(instance.call_…(&mut store))`, then [`Session::settle`].
pub(crate) struct Session<I> {
    pub store: Store<CallState>,
    pub instance: I,
    pub watch: Watch,
    /// Given back after the store.
    _permit: Permit,
    _ticking: Ticking,
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

/// How a call answers, which decides how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Once.
    Plain,
    /// Item by item.
    Stream,
}

/// The clocks of one call.
pub(crate) struct Watch {
    meter: Arc<Meter>,
    pace: Arc<Pace>,
    limits: StreamLimits,
    /// The wait that is on now, and when it is over.
    wait: Wait,
    deadline: Instant,
    /// When the whole stream is over.
    end: Instant,
    /// Whether an item was asked for.
    is_begun: bool,
    retired: CancellationToken,
}

impl Watch {
    fn new(plugin: &Plugin, shape: Shape, meter: Arc<Meter>) -> Self {
        let limits = &plugin.limits;
        let now = Instant::now();
        let (wait, patience) = match shape {
            Shape::Plain => (Wait::Answer(limits.deadline), limits.deadline),
            Shape::Stream => {
                let first = limits.stream.first_item;
                (Wait::FirstItem(first), first)
            }
        };
        Self {
            meter,
            pace: plugin.pace.clone(),
            limits: limits.stream,
            wait,
            deadline: now + patience,
            end: now + limits.stream.total,
            is_begun: false,
            retired: plugin.retired.clone(),
        }
    }

    /// Begins the next pull of a stream: with a full budget, and with a wait of its own once the
    /// first item is there.
    pub fn next_item(&mut self) {
        self.meter.restart();
        if !std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        self.wait = Wait::NextItem(self.limits.idle);
        self.deadline = Instant::now() + self.limits.idle;
        if self.end < self.deadline {
            self.wait = Wait::End(self.limits.total);
            self.deadline = self.end;
        }
    }

    /// Runs a step of the guest under both clocks, and until its plugin is gone.
    pub async fn bound<T>(&self, step: impl Future<Output = wasmtime::Result<T>>) -> Outcome<T> {
        let step = async {
            if let Some(turn) = self.pace.at_start() {
                self.meter.takes_turn(turn.await);
            }
            step.await
        };
        let step = tokio::time::timeout_at(self.deadline, self.meter.measure(step));
        tokio::select! {
            // In this order a step that does not wait never asks whether the plugin is gone.
            biased;
            outcome = step => outcome.map_err(|_elapsed| CutOff::Late(self.wait)),
            () = self.retired.cancelled() => Err(CutOff::Replaced),
        }
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
        Err(CutOff::Late(wait)) => Failure::Deadline(wait),
        Err(CutOff::Replaced) => Failure::Replaced,
    };
    Err(failure.into_error(&state.plugin.label))
}
