//! One connection of the reference client: its session, the requests it answers for, its end.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::client::{Event, RequestError};
use super::layer::Behind;
use super::link::{Outbox, Side};
use crate::session::Closing;
use crate::session::backoff::Backoff;
use crate::session::client::{
    Ask, ClientSession, Event as SessionEvent, Output, RequestId, Unanswered,
};

/// The close of a client that is told to.
pub(super) const NORMAL: Closing = Closing {
    code: 1000,
    reason: "",
};

/// What a handle asks of the client's task.
#[derive(Debug)]
pub(super) enum Command {
    Request {
        w: String,
        a: String,
        nonce: Option<String>,
        until: Instant,
        reply: oneshot::Sender<Result<String, RequestError>>,
    },
    Dispatch {
        w: String,
        a: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
}

type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The client's side of the connection loop.
pub(super) struct Conversation<'c> {
    session: ClientSession,
    inbox: &'c mut mpsc::Receiver<Command>,
    events: &'c broadcast::Sender<Event>,
    backoff: &'c mut Backoff,
    stop: Stop,
    stopped: bool,
    /// What the server's requests are answered.
    pub(super) answers: Option<&'c BTreeMap<String, String>>,
    /// Called when HELLO_ACK has been queued.
    ready: &'c (dyn Fn() + Sync),
    replies: HashMap<RequestId, oneshot::Sender<Result<String, RequestError>>>,
    /// Dispatches that are not flushed.
    unsent: Vec<oneshot::Sender<Result<(), RequestError>>>,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(
        session: ClientSession,
        inbox: &'c mut mpsc::Receiver<Command>,
        events: &'c broadcast::Sender<Event>,
        backoff: &'c mut Backoff,
        stop: Stop,
        ready: &'c (dyn Fn() + Sync),
    ) -> Conversation<'c> {
        Conversation {
            session,
            inbox,
            events,
            backoff,
            stop,
            stopped: false,
            answers: None,
            ready,
            replies: HashMap::new(),
            unsent: Vec::new(),
        }
    }

    /// The connection has ended: every request that is pending fails.
    pub(super) fn over(mut self) {
        self.session.closed();
        self.settle(&mut Outbox::default());
        for reply in self.unsent.drain(..) {
            // Whoever has stopped waiting does not want to know.
            let _ = reply.send(Err(RequestError::Disconnected));
        }
    }

    /// Does what the session says.
    fn settle(&mut self, out: &mut Outbox) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(packet) => out.send(packet),
                Output::Close(breach) => {
                    tracing::info!(code = breach.code(), "closing: {breach}");
                    out.close(breach.closing());
                }
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: SessionEvent) {
        let event = match event {
            SessionEvent::Settled { id, outcome } => {
                if outcome.is_ok() {
                    // Only an authenticated client is answered.
                    self.backoff.reset();
                }
                if let Some(reply) = self.replies.remove(&id) {
                    let _ = reply.send(outcome.map_err(|why| match why {
                        Unanswered::TimedOut => RequestError::TimedOut,
                        Unanswered::Disconnected | Unanswered::NeverSent => {
                            RequestError::Disconnected
                        }
                    }));
                }
                return;
            }
            SessionEvent::Greeted { hb_interval } => {
                tracing::info!(?hb_interval, "connected");
                (self.ready)();
                Event::Greeted { hb_interval }
            }
            SessionEvent::HeartbeatAck => {
                self.backoff.reset();
                Event::HeartbeatAck
            }
            SessionEvent::Stranger { nonce } => {
                tracing::warn!("a RESPONSE that nobody waits for");
                Event::Stranger { nonce }
            }
            SessionEvent::Asked(asked) => {
                let answer = self.answers.and_then(|answers| answers.get(&asked.w));
                tracing::debug!(w = ?asked.w, known = answer.is_some(), "asked");
                self.session
                    .answer(&asked, answer.map_or("null", String::as_str));
                Event::Asked {
                    w: asked.w,
                    a: asked.a,
                }
            }
            SessionEvent::Told { w, a } => {
                tracing::debug!(?w, "told");
                Event::Told { w, a }
            }
            SessionEvent::Ignored(what) => {
                tracing::warn!(?what, "passed over");
                Event::Ignored(what)
            }
        };
        let _ = self.events.send(event);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request { reply, .. } if reply.is_closed() => {}
            Command::Request {
                w,
                a,
                nonce,
                until,
                reply,
            } => {
                let ask = Ask { w: &w, a: &a };
                let until = Some(until.into_std());
                match self.session.request(&ask, nonce.as_deref(), until) {
                    Ok(id) => {
                        self.replies.insert(id, reply);
                    }
                    Err(why) => {
                        let _ = reply.send(Err(why.into()));
                    }
                }
            }
            Command::Dispatch { reply, .. } if reply.is_closed() => {}
            Command::Dispatch { w, a, reply } => match self.session.dispatch(&Ask { w: &w, a: &a })
            {
                Ok(()) => self.unsent.push(reply),
                Err(why) => {
                    let _ = reply.send(Err(why.into()));
                }
            },
        }
    }
}

impl Side for Conversation<'_> {
    fn text(&mut self, now: Instant, text: &str, out: &mut Outbox) {
        self.session.text(now.into_std(), text);
        self.settle(out);
    }

    fn binary(&mut self, out: &mut Outbox) {
        self.session.binary();
        self.settle(out);
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, out: &mut Outbox) {
        if !self.stopped && self.stop.as_mut().poll(cx).is_ready() {
            self.stopped = true;
            return out.close(NORMAL);
        }
        // What comes before HELLO_ACK is out stays where it is: if this connection fails, it can
        // still go over the next.
        while self.session.is_ready() && self.session.has_room() {
            match self.inbox.poll_recv(cx) {
                Poll::Ready(Some(command)) => self.command(command),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        self.settle(out);
    }

    fn flushed(&mut self) {
        for reply in self.unsent.drain(..) {
            let _ = reply.send(Ok(()));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.session
            .deadline()
            .map(|deadline| Instant::from_std(deadline.at))
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.session.timeout(now.into_std());
        self.settle(out);
    }
}

impl Behind for Conversation<'_> {
    fn is_in(&self) -> bool {
        self.session.is_ready()
    }
}
