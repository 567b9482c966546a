//! An answer as it comes: passes pieces on, holds back what must come once and last, bounds silences,
//! settles, and where it breaks off lets somebody else go on with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::BoxFuture;
use inkstone_domain::chat::{
    Chunk, ChunkStream, FinishReason, Message, Request, ResponseFormat, Role, Usage,
};
use inkstone_domain::{Error, Result};
use tokio::time::{Instant, Sleep};

use super::attempt::{Started, too_late};
use super::plan::may_retry;
use super::settlement::{Caller, Settlement};
use super::tries::{Course, Resolve, Tries};

/// What may be needed to go on elsewhere.
pub(crate) struct Rest {
    pub tries: Arc<Tries>,
    pub caller: Arc<Caller>,
    pub course: Course,
    pub request: Request,
    pub resolve: Resolve,
}

/// The stream that callers read. Dropped halfway, its settlement counts the attempt as cancelled.
pub(crate) struct Answer {
    state: State,
    /// Taken while somebody is looked for who goes on.
    rest: Option<Box<Rest>>,
    /// What was sent, for who goes on; `None` where nobody could: a tool call was begun, or no text is wanted.
    sent: Option<String>,
    /// Of attempts that broke off.
    spent: Usage,
    finish: Option<FinishReason>,
}

enum State {
    Running(Box<Running>),
    Resuming(BoxFuture<'static, (Box<Rest>, Result<Started>)>),
    Usage,
    Done,
}

struct Running {
    first: Option<Chunk>,
    chunks: ChunkStream,
    settlement: Settlement,
    name: String,
    /// Fires at the end of the longest silence, or of all patience.
    clock: Option<Pin<Box<Sleep>>>,
    /// Whether it is set for the silence that goes on.
    is_set: bool,
    deadline: Option<Instant>,
    span: tracing::Span,
}

impl Answer {
    pub fn new(started: Started, rest: Rest) -> Self {
        let config = &rest.tries.attempts.config;
        let is_text = rest.request.response_format == ResponseFormat::Text;
        let may_resume = config.resume_streams && is_text;
        Self {
            state: State::Running(Box::new(Running::new(started))),
            rest: Some(Box::new(rest)),
            sent: may_resume.then(String::new),
            spent: Usage::default(),
            finish: None,
        }
    }

    /// Looks for somebody who goes on after this error; gives it back where there is nobody.
    fn resume(&mut self, error: Error) -> Option<Error> {
        let (Some(sent), Some(mut rest)) = (&self.sent, self.rest.take()) else {
            return Some(error);
        };
        let is_possible = may_retry(&error) && rest.course.moves_on(&error, &*rest.resolve);
        if !is_possible {
            return Some(error);
        }
        tracing::warn!(
            error.code = error.code().name,
            "an answer broke off; another model goes on with it"
        );
        let request = continued(&rest.request, sent);
        self.state = State::Resuming(Box::pin(async move {
            let Rest {
                tries,
                caller,
                course,
                resolve,
                ..
            } = &mut *rest;
            let started = tries.answer(caller, course, &request, resolve).await;
            (rest, started)
        }));
        None
    }
}

impl Running {
    fn new(started: Started) -> Self {
        Self {
            first: Some(started.first),
            chunks: started.rest,
            settlement: started.settlement,
            name: started.candidate.route.name.clone(),
            clock: None,
            is_set: false,
            deadline: started.deadline,
            span: started.span,
        }
    }

    /// Tells the deployment how it went, and the caller what it took.
    fn ended(&self, rest: Option<&Rest>, end: Result<(), &Error>) -> Usage {
        if let Some(rest) = rest {
            let deployments = &rest.tries.attempts.deployments;
            let (deployment, pass) = (self.settlement.deployment(), self.settlement.pass());
            deployments.ended(deployment, pass, end);
        }
        self.settlement.usage()
    }

    /// The next piece, or an error where the silence is too long.
    fn poll_chunk(
        &mut self,
        between: Option<std::time::Duration>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Chunk>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let _entered = self.span.enter();
        if let Poll::Ready(item) = self.chunks.as_mut().poll_next(context) {
            self.is_set = false;
            return Poll::Ready(item);
        }
        let silence = between.map(|between| Instant::now() + between);
        let Some(end) = silence.into_iter().chain(self.deadline).min() else {
            return Poll::Pending;
        };
        let clock = self
            .clock
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if !self.is_set {
            clock.as_mut().reset(end);
            self.is_set = true;
        }
        ready!(clock.as_mut().poll(context));
        let error = too_late(&self.name, "fell silent and did not go on");
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Answer {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let answer = &mut *self;
        loop {
            match &mut answer.state {
                State::Running(running) => {
                    let config = answer.rest.as_ref().map(|rest| &rest.tries.attempts.config);
                    let between = config.and_then(|config| config.between_tokens);
                    match ready!(running.poll_chunk(between, context)) {
                        Some(Ok(Chunk::Finish(reason))) => answer.finish = Some(reason),
                        Some(Ok(Chunk::Usage(usage))) => running.settlement.spent(usage),
                        Some(Ok(chunk)) => {
                            running.settlement.saw(&chunk);
                            match (&chunk, &mut answer.sent) {
                                (Chunk::Text(text), Some(sent)) => sent.push_str(text),
                                (Chunk::ToolCall(_), sent) => *sent = None,
                                _ => {}
                            }
                            return Poll::Ready(Some(Ok(chunk)));
                        }
                        Some(Err(error)) => {
                            running.settlement.failed(&error);
                            answer.spent += running.ended(answer.rest.as_deref(), Err(&error));
                            answer.state = State::Done;
                            if let Some(error) = answer.resume(error) {
                                return Poll::Ready(Some(Err(error)));
                            }
                        }
                        None => {
                            running.settlement.succeeded();
                            answer.spent += running.ended(answer.rest.as_deref(), Ok(()));
                            answer.state = State::Usage;
                            let finish = answer.finish.unwrap_or(FinishReason::Stop);
                            return Poll::Ready(Some(Ok(Chunk::Finish(finish))));
                        }
                    }
                }
                State::Resuming(work) => {
                    let (rest, started) = ready!(work.as_mut().poll(context));
                    answer.rest = Some(rest);
                    match started {
                        Ok(started) => {
                            let name = started.candidate.route.name.clone();
                            answer.finish = None;
                            answer.state = State::Running(Box::new(Running::new(started)));
                            return Poll::Ready(Some(Ok(Chunk::Rerouted(name))));
                        }
                        Err(error) => {
                            answer.state = State::Done;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                State::Usage => {
                    answer.state = State::Done;
                    return Poll::Ready(Some(Ok(Chunk::Usage(answer.spent))));
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

/// The request of who goes on: what was sent stands as the assistant's words, with the wish to continue.
fn continued(request: &Request, sent: &str) -> Request {
    if sent.is_empty() {
        return request.clone();
    }
    let mut messages = request.messages.clone();
    messages.push(Message::text(Role::Assistant, sent));
    messages.push(Message::text(Role::User, GO_ON));
    Request {
        messages,
        ..request.clone()
    }
}

const GO_ON: &str = "Your answer was cut off. Go on exactly where it ends, in the middle of the word if need be. Repeat nothing, and say nothing of the interruption.";
