//! A subscriber that keeps what it was told, and answers as a test says.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::event::Told;
use inkstone_domain::ports::{GuestCall, Subscriber};

use super::Gate;

type Answer = dyn Fn(&Told) -> Result<()> + Send + Sync;

/// Takes every event, unless it is told otherwise.
pub struct FakeSubscriber {
    answer: Box<Answer>,
    gate: Option<Gate>,
    heard: Mutex<Vec<Heard>>,
}

/// A call that a [`FakeSubscriber`] took.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub told: Told,
    pub had_ai: bool,
    pub had_search: bool,
}

impl FakeSubscriber {
    pub fn new() -> Self {
        Self::answering(|_| Ok(()))
    }

    /// Every call ends like this.
    pub fn answering(answer: impl Fn(&Told) -> Result<()> + Send + Sync + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            gate: None,
            heard: Mutex::default(),
        }
    }

    /// Every call stops at the gate, once it is noted.
    pub fn at(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// All calls so far, also those that failed.
    pub fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for FakeSubscriber {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Subscriber for FakeSubscriber {
    async fn handle(&self, call: &GuestCall, told: &Told) -> Result<()> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Heard {
                told: told.clone(),
                had_ai: call.ai.is_some(),
                had_search: call.search.is_some(),
            });
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        (self.answer)(told)
    }
}
