//! One connection of the reference server: its session, its handlers at work, its end.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream};
use tokio::time::{Instant, sleep};

use super::handlers::{Answer, Call, Handler, late_for};
use super::layer::Behind;
use super::link::{Outbox, Side};
use super::server::Shared;
use super::talk::Speaker;
use crate::session::Closing;
use crate::session::server::{Call as Asked, ServerSession, Step, Ticket};

/// The close of a server that stops.
const GOING_AWAY: Closing = Closing {
    code: 1001,
    reason: "the server is stopping",
};

/// A handler at work.
type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What a handler leaves behind.
struct Done {
    /// None for a dispatch.
    ticket: Option<Ticket<'static>>,
    answer: Answer,
    /// Bytes of a dispatch, which the session does not count.
    dispatched: usize,
}

/// The server's side of the connection loop.
pub(super) struct Connection {
    session: ServerSession,
    shared: Arc<Shared>,
    work: FuturesUnordered<Work>,
    dispatched: usize,
    /// In the bidirectional dialect, from authentication on.
    speaker: Option<Box<Speaker>>,
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Connection {
    /// A connection whose WebSocket has just opened, and the HELLO to send first.
    pub(super) fn open(shared: Arc<Shared>, now: Instant) -> (Connection, String) {
        let mut session = ServerSession::new(shared.session());
        let hello = match session.open(now.into_std()) {
            Step::Send(hello) => hello.into_owned(),
            _ => String::new(),
        };
        let stop = Box::pin(shared.stopped());
        let work = FuturesUnordered::new();
        (
            Connection {
                session,
                shared,
                work,
                dispatched: 0,
                speaker: None,
                stop: Some(stop),
            },
            hello,
        )
    }

    fn follow(&mut self, step: Step<'_>, size: usize, out: &mut Outbox) {
        match step {
            Step::Nothing => {}
            Step::Send(std::borrow::Cow::Borrowed(packet)) => out.send(packet),
            Step::Send(std::borrow::Cow::Owned(packet)) => out.send(packet),
            Step::Authenticated => {
                tracing::debug!("authenticated");
                self.speaker = self.shared.talk().map(|talk| Box::new(Speaker::new(talk)));
            }
            Step::Answered(id, r) => {
                if let Some(speaker) = &mut self.speaker {
                    speaker.answered(id, r.as_str());
                }
            }
            Step::Request(request) => self.request(request.call, request.ticket, out),
            Step::Refuse(ticket) => {
                tracing::debug!("refused a request: too many in flight");
                self.answer(ticket, &Answer::error("too many requests in flight"), out);
            }
            Step::Dispatch(call) => self.dispatch(&call, size),
            Step::Ignored => tracing::debug!("ignored a packet"),
            Step::Close(breach) => {
                tracing::info!(code = breach.code(), "closing: {breach}");
                out.close(breach.closing());
            }
        }
    }

    fn request(&mut self, asked: Asked<'_>, ticket: Ticket<'_>, out: &mut Outbox) {
        // A lone surrogate is in no handler's name.
        let w = asked.w.decode().unwrap_or_default();
        tracing::trace!(?w, "request");
        match self.shared.handlers().find(&w) {
            Some(Handler::Echo) => {
                if let Some(packet) = self.session.answer(ticket, asked.a) {
                    out.send(packet);
                }
            }
            Some(Handler::Null) => self.answer(ticket, &Answer::null(), out),
            Some(Handler::Late) => {
                let (a, ticket) = (asked.a.as_str().to_owned(), Some(ticket.into_owned()));
                self.work.push(Box::pin(async move {
                    sleep(late_for(&a)).await;
                    let answer = Answer::parse(&a).unwrap_or_else(|_| Answer::null());
                    Done {
                        ticket,
                        answer,
                        dispatched: 0,
                    }
                }));
            }
            Some(Handler::Own(handle)) => {
                let call = Call::new(&w, asked.a);
                let (handle, ticket) = (Arc::clone(handle), Some(ticket.into_owned()));
                let work = async move { handle(call).await };
                self.work.push(guarded(work, ticket, 0));
            }
            None => self.answer(ticket, &Answer::error("unknown request"), out),
        }
    }

    /// Dispatches share the requests' bounds; one beyond them is dropped, for nobody waits for it.
    fn dispatch(&mut self, asked: &Asked<'_>, size: usize) {
        let w = asked.w.decode().unwrap_or_default();
        tracing::trace!(?w, "dispatch");
        let Some(Handler::Own(handle)) = self.shared.handlers().find(&w) else {
            return;
        };
        let limits = self.shared.session();
        if self.work.len() >= limits.max_in_flight
            || self.dispatched.saturating_add(size) > limits.max_in_flight_bytes
        {
            tracing::warn!("dropped a dispatch: too much in flight");
            return;
        }
        let (handle, call) = (Arc::clone(handle), Call::new(&w, asked.a));
        self.dispatched += size;
        self.work
            .push(guarded(async move { handle(call).await }, None, size));
    }

    fn answer(&mut self, ticket: Ticket<'_>, answer: &Answer, out: &mut Outbox) {
        if let Some(packet) = self.session.answer(ticket, answer.raw()) {
            out.send(packet);
        }
    }
}

/// A handler's work whose panic is an answer and not the end of the connection.
fn guarded<F>(work: F, ticket: Option<Ticket<'static>>, dispatched: usize) -> Work
where
    F: Future<Output = Answer> + Send + 'static,
{
    Box::pin(async move {
        let answer = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("a handler panicked");
                Answer::error("the handler failed")
            });
        Done {
            ticket,
            answer,
            dispatched,
        }
    })
}

impl Side for Connection {
    fn text(&mut self, now: Instant, text: &str, out: &mut Outbox) {
        let check = |given: &str| self.shared.password().matches(given);
        let step = self.session.text(now.into_std(), text, check);
        self.follow(step, text.len(), out);
    }

    fn binary(&mut self, out: &mut Outbox) {
        let step = self.session.binary();
        self.follow(step, 0, out);
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, out: &mut Outbox) {
        if self
            .stop
            .as_mut()
            .is_some_and(|stop| stop.as_mut().poll(cx).is_ready())
        {
            self.stop = None;
            self.session.closed();
            return out.close(GOING_AWAY);
        }
        while let Poll::Ready(Some(done)) = Pin::new(&mut self.work).poll_next(cx) {
            self.dispatched -= done.dispatched;
            if let Some(ticket) = done.ticket {
                self.answer(ticket, &done.answer, out);
            }
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.poll(cx, &mut self.session, out);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.session
            .deadline()
            .map(|deadline| Instant::from_std(deadline.at))
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        let step = self.session.timeout(now.into_std());
        self.follow(step, 0, out);
    }
}

impl Behind for Connection {
    fn is_in(&self) -> bool {
        self.session.is_authenticated()
    }
}
