//! The bidirectional dialect of the server: what it asks its clients, and who gets their answers.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::link::{Outbox, later};
pub use crate::session::server::NotAsked;
use crate::session::server::{AskId, ServerSession};

/// Orders of one connection that may wait to be carried out; whoever gives one more waits.
const ORDERS: usize = 16;

/// Requests of the server's that may wait for one client's answers.
pub(super) const ASKED: usize = 256;

type Talking = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a server says to each client on its own account: a task a connection, which begins when the
/// client has authenticated and ends with the connection.
///
/// ```
/// use litespec::reference::client::{Address, Client, ClientConfig};
/// use litespec::reference::server::{Server, ServerConfig, Talk};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
/// let talk = Talk::new(move |client| {
///     let tell = tell.clone();
///     async move {
///         let name = client.request("NAME", "[]").await;
///         let _ = tell.send(name);
///     }
/// });
/// let config = ServerConfig { talk: Some(talk), ..ServerConfig::default() };
/// let server = Server::bind(config).await?;
/// let url = format!("ws://{}/", server.local_addr());
/// tokio::spawn(server.run(std::future::pending()));
///
/// let answers = [("NAME".to_owned(), "\"bob\"".to_owned())];
/// let config = ClientConfig { answers: Some(answers.into()), ..ClientConfig::default() };
/// let _client = Client::connect(Address::parse(&url)?, config).await?;
/// assert_eq!(told.recv().await, Some(Ok("\"bob\"".to_owned())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Talk(Arc<dyn Fn(Peer) -> Talking + Send + Sync>);

impl Talk {
    /// Runs what the closure gives for every client.
    pub fn new<T, F>(talk: T) -> Talk
    where
        T: Fn(Peer) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Talk(Arc::new(move |peer| Box::pin(talk(peer))))
    }

    /// A DISPATCH `WELCOME []`, then at once and in every period a REQUEST `STATUS [N]`, counted from 1.
    /// An answer is awaited for a period.
    pub fn every(period: Duration) -> Talk {
        let period = period.max(Duration::from_millis(1));
        Talk::new(move |peer| async move {
            if peer.dispatch("WELCOME", "[]").await.is_err() {
                return;
            }
            for turn in 1_u64.. {
                let next = later(Instant::now(), period);
                let a = format!("[{turn}]");
                match timeout_at(next, peer.request("STATUS", &a)).await {
                    Ok(Ok(answer)) => tracing::debug!(turn, bytes = answer.len(), "answered"),
                    Ok(Err(why)) => tracing::debug!(turn, "not asked: {why}"),
                    Err(_) => tracing::debug!(turn, "no answer in time"),
                }
                sleep_until(next).await;
            }
        })
    }
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talk").finish_non_exhaustive()
    }
}

/// A client, as the server can speak to it. Cheap to clone, and of no use once the connection is over.
#[derive(Clone, Debug)]
pub struct Peer(mpsc::Sender<Order>);

#[derive(Debug)]
enum Order {
    Ask(String, String, oneshot::Sender<Result<String, NotAsked>>),
    Tell(String, String, oneshot::Sender<Result<(), NotAsked>>),
}

impl Peer {
    /// Sends a REQUEST, `a` being the text of a JSON list, and waits for the client's RESPONSE: the text
    /// of its `r`. A client may never answer: give it a limit with [`tokio::time::timeout`]; what comes
    /// later is ignored.
    ///
    /// # Errors
    /// It is not sent, or the connection ends first.
    pub async fn request(&self, w: &str, a: &str) -> Result<String, NotAsked> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Ask(w.to_owned(), a.to_owned(), reply), answer)
            .await
    }

    /// Sends a DISPATCH.
    ///
    /// # Errors
    /// It is not sent.
    pub async fn dispatch(&self, w: &str, a: &str) -> Result<(), NotAsked> {
        let (reply, sent) = oneshot::channel();
        self.order(Order::Tell(w.to_owned(), a.to_owned(), reply), sent)
            .await
    }

    async fn order<T>(
        &self,
        order: Order,
        reply: oneshot::Receiver<Result<T, NotAsked>>,
    ) -> Result<T, NotAsked> {
        if self.0.send(order).await.is_err() {
            return Err(NotAsked::NotThere);
        }
        reply.await.unwrap_or(Err(NotAsked::NotThere))
    }
}

/// The talk of one connection.
pub(super) struct Speaker {
    talking: Option<Talking>,
    orders: mpsc::Receiver<Order>,
    replies: HashMap<AskId, oneshot::Sender<Result<String, NotAsked>>>,
}

impl Speaker {
    pub(super) fn new(talk: &Talk) -> Speaker {
        let (orders, inbox) = mpsc::channel(ORDERS);
        Speaker {
            talking: Some((talk.0)(Peer(orders))),
            orders: inbox,
            replies: HashMap::new(),
        }
    }

    /// Goes on with the talk, and does what it orders.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut ServerSession,
        out: &mut Outbox,
    ) {
        let over = |talking: &mut Talking| talking.as_mut().poll(cx).is_ready();
        if self.talking.as_mut().is_some_and(over) {
            self.talking = None;
        }
        while let Poll::Ready(Some(order)) = self.orders.poll_recv(cx) {
            self.obey(order, session, out);
        }
    }

    fn obey(&mut self, order: Order, session: &mut ServerSession, out: &mut Outbox) {
        match order {
            Order::Ask(w, a, reply) => {
                self.forget_the_unwanted(session);
                match session.ask(&w, &a) {
                    Ok((id, packet)) => {
                        self.replies.insert(id, reply);
                        out.send(packet);
                    }
                    // Whoever has stopped waiting does not want to know.
                    Err(why) => {
                        let _ = reply.send(Err(why));
                    }
                }
            }
            Order::Tell(w, a, reply) => {
                let told = session.tell(&w, &a).map(|packet| out.send(packet));
                let _ = reply.send(told);
            }
        }
    }

    /// Requests whose answers nobody waits for make room for others.
    fn forget_the_unwanted(&mut self, session: &mut ServerSession) {
        self.replies.retain(|id, reply| {
            let wanted = !reply.is_closed();
            if !wanted {
                session.forget(*id);
            }
            wanted
        });
    }

    /// The client has answered.
    pub(super) fn answered(&mut self, id: AskId, r: &str) {
        if let Some(reply) = self.replies.remove(&id) {
            let _ = reply.send(Ok(r.to_owned()));
        }
    }
}
